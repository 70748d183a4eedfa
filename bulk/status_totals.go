package bulk

import "time"

// Totals counts operations, over the whole life of a bulkhead or in an [Interval].
// Names that end in AtArrival count operations that were rejected immediately.
// Expired, Canceled, Closed and Oversized count operations that were rejected
// while they waited. An operation is rejected as saturated only at arrival.
type Totals struct {
	// Admitted counts operations that got their slots, immediately or from the
	// queue.
	Admitted uint64 `json:"admitted"`
	// AdmittedFromQueue counts the admitted operations that had waited.
	AdmittedFromQueue uint64 `json:"admitted_from_queue"`
	// Abandoned counts the admitted operations that never ran, because their ctx
	// was done when they woke. Their callers got [Canceled].
	Abandoned uint64 `json:"abandoned"`
	// Finished counts the admitted operations that ran and have ended.
	Finished uint64 `json:"finished"`
	// Queued counts operations that entered the waiting room.
	Queued uint64 `json:"queued"`
	// Saturated counts operations that were rejected because no slot was free and
	// they could not wait.
	Saturated uint64 `json:"saturated"`
	// Expired counts operations whose wait reached its bound.
	Expired uint64 `json:"expired"`
	// ExpiredAtArrival counts operations whose bound had passed when they arrived,
	// or that had no time left to wait.
	ExpiredAtArrival uint64 `json:"expired_at_arrival"`
	// Canceled counts operations whose ctx was done while they waited.
	Canceled uint64 `json:"canceled"`
	// CanceledAtArrival counts operations whose ctx was done when they arrived.
	CanceledAtArrival uint64 `json:"canceled_at_arrival"`
	// Closed counts operations that waited when the bulkhead was closed.
	Closed uint64 `json:"closed"`
	// ClosedAtArrival counts operations that arrived at a closed bulkhead.
	ClosedAtArrival uint64 `json:"closed_at_arrival"`
	// Oversized counts operations that asked for more slots than a parallelism that was
	// set while they waited.
	Oversized uint64 `json:"oversized"`
	// OversizedAtArrival counts operations that asked for more slots than the
	// parallelism.
	OversizedAtArrival uint64 `json:"oversized_at_arrival"`

	// Shortened counts queued operations whose wait delay control had shortened: see
	// [ControlDelay].
	Shortened uint64 `json:"shortened"`

	// Wait is the sum of the waits of the operations admitted from the queue.
	Wait time.Duration `json:"wait_ns"`
	// LongestWait is the longest of these waits. In an Interval it is that of the
	// whole life, up to the end of the interval.
	LongestWait time.Duration `json:"longest_wait_ns"`
	// Queueing is the total time during which the waiting room was not empty.
	Queueing time.Duration `json:"queueing_ns"`
	// Waits is the histogram of the waits of the operations admitted from the queue.
	Waits Waits `json:"waits"`
	// Holds has sampled times in flight.
	Holds Holds `json:"holds"`
}

// countAtArrival counts an operation that is rejected immediately.
func (t *Totals) countAtArrival(reason Reason) {
	switch reason {
	case Saturated:
		t.Saturated++
	case Expired:
		t.ExpiredAtArrival++
	case Closed:
		t.ClosedAtArrival++
	case Oversized:
		t.OversizedAtArrival++
	case Canceled:
		t.CanceledAtArrival++
	}
}

// countWhileWaiting counts an operation that is rejected after it was queued. The
// reason is never Saturated.
func (t *Totals) countWhileWaiting(reason Reason) {
	switch reason {
	case Expired:
		t.Expired++
	case Closed:
		t.Closed++
	case Oversized:
		t.Oversized++
	case Canceled:
		t.Canceled++
	}
}

// Arrivals returns how many operations have asked to be admitted.
func (t Totals) Arrivals() uint64 {
	return t.Admitted - t.AdmittedFromQueue + t.Queued + t.Saturated +
		t.ExpiredAtArrival + t.CanceledAtArrival + t.ClosedAtArrival + t.OversizedAtArrival
}

// Rejected returns how many operations were rejected for any reason but
// [Canceled].
func (t Totals) Rejected() uint64 {
	return t.Saturated + t.Expired + t.ExpiredAtArrival + t.Closed + t.ClosedAtArrival + t.Oversized + t.OversizedAtArrival
}

// MeanWait returns the mean wait of the operations admitted from the queue, 0 if
// there are none.
func (t Totals) MeanWait() time.Duration { return mean(t.Wait, t.AdmittedFromQueue) }

// demand returns how many operations asked for capacity: all arrivals except those
// that were rejected as closed, canceled, expired or oversized at arrival, which
// say nothing about the capacity.
func (t Totals) demand() uint64 {
	return monus(t.Admitted, t.AdmittedFromQueue) + t.Queued + t.Saturated
}

// Plus returns the sum of t and the others, as if one bulkhead had counted all of
// them. LongestWait is the longest of all.
func (t Totals) Plus(others ...Totals) Totals {
	waits := waitsSum{sum: t.Waits}
	for i := range others {
		t.add(&others[i])
		waits.add(others[i].Waits)
	}
	t.Waits = waits.sum
	return t
}

// add adds everything but the histogram of waits.
func (t *Totals) add(u *Totals) {
	t.Admitted += u.Admitted
	t.AdmittedFromQueue += u.AdmittedFromQueue
	t.Abandoned += u.Abandoned
	t.Finished += u.Finished
	t.Queued += u.Queued
	t.Saturated += u.Saturated
	t.Expired += u.Expired
	t.ExpiredAtArrival += u.ExpiredAtArrival
	t.Canceled += u.Canceled
	t.CanceledAtArrival += u.CanceledAtArrival
	t.Closed += u.Closed
	t.ClosedAtArrival += u.ClosedAtArrival
	t.Oversized += u.Oversized
	t.OversizedAtArrival += u.OversizedAtArrival
	t.Shortened += u.Shortened
	t.Wait = time.Duration(addSat(int64(t.Wait), int64(u.Wait)))
	t.LongestWait = max(t.LongestWait, u.LongestWait)
	t.Queueing = time.Duration(addSat(int64(t.Queueing), int64(u.Queueing)))
	t.Holds.Samples += u.Holds.Samples
	t.Holds.Sum = time.Duration(addSat(int64(t.Holds.Sum), int64(u.Holds.Sum)))
}

// minus returns the difference of each count, and LongestWait of t. The counts of a
// bulkhead never decrease, but those of statuses that were made by hand or read
// from a file might: such a difference is 0.
func (t Totals) minus(u Totals) Totals {
	return Totals{
		Admitted:           monus(t.Admitted, u.Admitted),
		AdmittedFromQueue:  monus(t.AdmittedFromQueue, u.AdmittedFromQueue),
		Abandoned:          monus(t.Abandoned, u.Abandoned),
		Finished:           monus(t.Finished, u.Finished),
		Queued:             monus(t.Queued, u.Queued),
		Saturated:          monus(t.Saturated, u.Saturated),
		Expired:            monus(t.Expired, u.Expired),
		ExpiredAtArrival:   monus(t.ExpiredAtArrival, u.ExpiredAtArrival),
		Canceled:           monus(t.Canceled, u.Canceled),
		CanceledAtArrival:  monus(t.CanceledAtArrival, u.CanceledAtArrival),
		Closed:             monus(t.Closed, u.Closed),
		ClosedAtArrival:    monus(t.ClosedAtArrival, u.ClosedAtArrival),
		Oversized:          monus(t.Oversized, u.Oversized),
		OversizedAtArrival: monus(t.OversizedAtArrival, u.OversizedAtArrival),
		Shortened:          monus(t.Shortened, u.Shortened),

		Wait:        time.Duration(subSat(int64(t.Wait), int64(u.Wait))),
		LongestWait: t.LongestWait,
		Queueing:    time.Duration(subSat(int64(t.Queueing), int64(u.Queueing))),
		Waits:       t.Waits.minus(u.Waits),
		Holds: Holds{
			Samples: monus(t.Holds.Samples, u.Holds.Samples),
			Sum:     time.Duration(subSat(int64(t.Holds.Sum), int64(u.Holds.Sum))),
		},
	}
}

// Holds has sampled times in flight, from admission until the slots are free. One
// admission in 64 is sampled, to keep the fast path fast. A sample is counted when
// the operation finishes.
//
// Which admissions are sampled depends only on the number of admissions before:
// in block j of 64 admissions, j = 0, 1, 2, …, it is the one at position
//
//	j * j * 0x624D9807103842BB >> 58
//
// counted from 0, in 64-bit arithmetic. So every phase of periodic work is sampled
// alike. For work in which some operations take twenty times as long as the
// others, with any period up to 256, the mean is at most 25 % off after 60,000
// operations, and at most 5 % after 1,000,000.
type Holds struct {
	// Samples is the number of samples.
	Samples uint64 `json:"samples"`
	// Sum is the sum of the sampled times.
	Sum time.Duration `json:"sum_ns"`
}

func (h *Holds) add(d int64) {
	h.Samples++
	h.Sum = time.Duration(addSat(int64(h.Sum), d))
}

// Mean returns the mean time in flight, 0 without a sample.
func (h Holds) Mean() time.Duration { return mean(h.Sum, h.Samples) }

// holdSampleEvery is how many admissions share one sample: a power of two.
const holdSampleEvery = 64

// mean returns sum/n, 0 if n is 0. A negative sum, in totals made by hand or read
// from a file, counts as 0.
func mean(sum time.Duration, n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	return time.Duration(uint64(max(0, sum)) / n)
}

// monus returns n−m, 0 if m is larger.
func monus(n, m uint64) uint64 {
	if n < m {
		return 0
	}
	return n - m
}

package bulk

import "time"

// Totals are counts over the whole life of a bulkhead. Those that say AtArrival
// concern operations that were turned away at once; Expired, Canceled, Closed
// and Oversized those that were turned away while they waited. Saturated is
// always at arrival.
type Totals struct {
	Admitted           uint64 `json:"admitted"`            // got their slots, at once or from the queue
	AdmittedFromQueue  uint64 `json:"admitted_from_queue"` // those of them that had waited
	Abandoned          uint64 `json:"abandoned"`           // those of them whose ctx was done when they woke: they never ran
	Finished           uint64 `json:"finished"`            // those of them that ran and are over
	Queued             uint64 `json:"queued"`
	Saturated          uint64 `json:"saturated"`
	Expired            uint64 `json:"expired"`
	ExpiredAtArrival   uint64 `json:"expired_at_arrival"`
	Canceled           uint64 `json:"canceled"`
	CanceledAtArrival  uint64 `json:"canceled_at_arrival"`
	Closed             uint64 `json:"closed"`
	ClosedAtArrival    uint64 `json:"closed_at_arrival"`
	Oversized          uint64 `json:"oversized"`
	OversizedAtArrival uint64 `json:"oversized_at_arrival"`

	Wait        time.Duration `json:"wait_ns"`         // sum over AdmittedFromQueue
	LongestWait time.Duration `json:"longest_wait_ns"` // of AdmittedFromQueue
	Waits       Waits         `json:"waits"`           // histogram of the waits of AdmittedFromQueue
	Holds       Holds         `json:"holds"`           // sampled time in flight
}

// countAtArrival counts an operation that is turned away at once.
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

// countWhileWaiting counts an operation that is turned away after it was
// queued. Nobody is saturated then.
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

// Rejected returns how many operations were turned away, but for those that
// were canceled.
func (t Totals) Rejected() uint64 {
	return t.Saturated + t.Expired + t.ExpiredAtArrival + t.Closed + t.ClosedAtArrival + t.Oversized + t.OversizedAtArrival
}

// MeanWait returns the mean wait of those that were admitted from the queue, 0
// if there were none.
func (t Totals) MeanWait() time.Duration { return mean(t.Wait, t.AdmittedFromQueue) }

// Holds is the time that operations were in flight, from grant until their
// slots were free. One admission in 64 is timed, so that the fast path does not
// feel it, and counts as soon as it has finished.
//
// Which ones are timed depends on the count of admissions alone: of the j-th
// block of 64, j from 0, it is the one at position
//
//	j * j * 0x9E3779B97F4A7C15 >> 58
//
// from 0, in 64-bit arithmetic. So every phase of periodic work is sampled alike.
// For work that takes one time or twenty times as long, with any period up to 256,
// the mean is at most 25 % off after 60,000 operations.
type Holds struct {
	Samples uint64        `json:"samples"`
	Sum     time.Duration `json:"sum_ns"`
}

func (h *Holds) add(d int64) {
	h.Samples++
	h.Sum = time.Duration(addSat(int64(h.Sum), d))
}

// Mean returns the mean time in flight, 0 without a sample.
func (h Holds) Mean() time.Duration { return mean(h.Sum, h.Samples) }

// holdSampleEvery is how many admissions share one sample: a power of two.
const holdSampleEvery = 64

// mean returns sum/n, 0 for nothing. A sum made by hand or read from a file can
// be negative: it is taken as 0.
func mean(sum time.Duration, n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	return time.Duration(uint64(max(0, sum)) / n)
}

package bulk

import "time"

// The differences that intervals are made of. A bulkhead's counts never go
// down. Statuses made by hand or read from a file might: a difference is then
// 0, never a number near 2⁶⁴.

func (t Totals) minus(u Totals) Totals {
	return Totals{
		Admitted:           less(t.Admitted, u.Admitted),
		AdmittedFromQueue:  less(t.AdmittedFromQueue, u.AdmittedFromQueue),
		Abandoned:          less(t.Abandoned, u.Abandoned),
		Finished:           less(t.Finished, u.Finished),
		Queued:             less(t.Queued, u.Queued),
		Saturated:          less(t.Saturated, u.Saturated),
		Expired:            less(t.Expired, u.Expired),
		ExpiredAtArrival:   less(t.ExpiredAtArrival, u.ExpiredAtArrival),
		Canceled:           less(t.Canceled, u.Canceled),
		CanceledAtArrival:  less(t.CanceledAtArrival, u.CanceledAtArrival),
		Closed:             less(t.Closed, u.Closed),
		ClosedAtArrival:    less(t.ClosedAtArrival, u.ClosedAtArrival),
		Oversized:          less(t.Oversized, u.Oversized),
		OversizedAtArrival: less(t.OversizedAtArrival, u.OversizedAtArrival),

		Wait:        time.Duration(subSat(int64(t.Wait), int64(u.Wait))),
		LongestWait: t.LongestWait, // a longest one has no difference
		Waits:       t.Waits.minus(u.Waits),
		Holds: Holds{
			Samples: less(t.Holds.Samples, u.Holds.Samples),
			Sum:     time.Duration(subSat(int64(t.Holds.Sum), int64(u.Holds.Sum))),
		},
	}
}

func less(n, m uint64) uint64 {
	if n < m {
		return 0
	}
	return n - m
}

// minus returns the waits that are in w and not yet in v.
func (w Waits) minus(v Waits) Waits {
	if w.counts == nil || v.counts == nil {
		return w
	}
	counts, empty := *w.counts, true
	for i := range counts {
		counts[i] = less(counts[i], v.counts[i])
		empty = empty && counts[i] == 0
	}
	if empty {
		return Waits{}
	}
	return Waits{&counts}
}

// longestAtLeast returns the shortest duration of the bucket of the longest
// wait, 0 if there were no waits.
func (w Waits) longestAtLeast() time.Duration {
	last := 0
	for bound := range w.Buckets() {
		last = bucketOf(bound)
	}
	if last == 0 {
		return 0
	}
	return bucketBound(last-1) + 1
}

// demand returns how many operations came for a slot and could have had one:
// all arrivals but those turned away as closed, canceled, expired or
// oversized, which say nothing about the capacity.
func (t Totals) demand() uint64 { return t.atOnce() + t.Queued + t.Saturated }

// atOnce returns how many were admitted at arrival.
func (t Totals) atOnce() uint64 { return less(t.Admitted, t.AdmittedFromQueue) }

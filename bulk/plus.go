package bulk

import "time"

// Plus returns the sum of t and the others, as if all of it had happened in one
// bulkhead. LongestWait is the longest of all.
func (t Totals) Plus(others ...Totals) Totals {
	waits := waitsSum{sum: t.Waits}
	for i := range others {
		u := &others[i]
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
		t.Wait = time.Duration(addSat(int64(t.Wait), int64(u.Wait)))
		t.LongestWait = max(t.LongestWait, u.LongestWait)
		t.Holds.Samples += u.Holds.Samples
		t.Holds.Sum = time.Duration(addSat(int64(t.Holds.Sum), int64(u.Holds.Sum)))
		waits.addSat(u.Waits)
	}
	t.Waits = waits.sum
	return t
}

// waitsSum adds histograms. As long as only one of them has anything in it, the
// sum is that one: no copy is made.
type waitsSum struct {
	sum Waits
	own bool // sum is a copy that nobody else has
}

func (s *waitsSum) addSat(w Waits) {
	switch {
	case w.counts == nil:
	case s.sum.counts == nil:
		s.sum = w
	default:
		if !s.own {
			s.sum, s.own = s.sum.counts.snapshot(), true
		}
		for i, n := range w.counts {
			s.sum.counts[i] += n
		}
	}
}

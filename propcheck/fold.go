package propcheck

import (
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// inconsistencies returns which of the equations do not hold that hold for every
// Status at all times.
func inconsistencies(s bulk.Status) []string {
	t := s.Totals
	var wrong []string
	equal := func(what string, a, b uint64) {
		if a != b {
			wrong = append(wrong, fmt.Sprintf("%s: %d ≠ %d", what, a, b))
		}
	}
	equal("Admitted = Finished + Abandoned + InFlight", t.Admitted, t.Finished+t.Abandoned+uint64(s.InFlight))
	equal("Queued = AdmittedFromQueue + Expired + Canceled + Closed + Oversized + Waiting",
		t.Queued, t.AdmittedFromQueue+t.Expired+t.Canceled+t.Closed+t.Oversized+uint64(s.Waiting))
	equal("Arrivals()", t.Arrivals(), (t.Admitted-t.AdmittedFromQueue)+t.Queued+t.Saturated+
		t.ExpiredAtArrival+t.CanceledAtArrival+t.ClosedAtArrival+t.OversizedAtArrival)
	equal("Rejected()", t.Rejected(), t.Saturated+t.Expired+t.ExpiredAtArrival+
		t.Closed+t.ClosedAtArrival+t.Oversized+t.OversizedAtArrival)
	is := func(what string, ok bool) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	is("InFlight ≤ Peak.InFlight", s.InFlight <= s.Peak.InFlight)
	is("InUse ≤ Peak.InUse", s.InUse <= s.Peak.InUse)
	is("Waiting ≤ Peak.Waiting", s.Waiting <= s.Peak.Waiting)
	is("Free()", s.Free() == max(0, s.Capacity.Parallelism-s.InUse))
	is("Excess()", s.Excess() == max(0, s.InUse-s.Capacity.Parallelism))
	is("Drained()", s.Drained() == (s.Closed && s.InFlight == 0))
	is("Utilization()", s.Utilization() == float64(s.InUse)/float64(s.Capacity.Parallelism))
	queue := 0.0 // without a room
	if s.Capacity.WaitingRoom > 0 {
		queue = float64(s.Waiting) / float64(s.Capacity.WaitingRoom)
	}
	is("QueueUtilization()", s.QueueUtilization() == queue)
	is("MeanWait()", t.MeanWait() == mean(t.Wait, t.AdmittedFromQueue))
	is("Holds.Mean()", t.Holds.Mean() == mean(t.Holds.Sum, t.Holds.Samples))
	return wrong
}

// mean returns 0 of none.
func mean(sum time.Duration, n uint64) time.Duration { return sum / time.Duration(max(n, 1)) }

// fold makes a Status of events alone: folding a bulkhead's events in Seq order,
// from the first one up to LastEvent, gives back that Status.
type fold struct{ status bulk.Status }

// check adds the events of a step, and compares every Status taken in it.
func (f *fold) check(m *machine, events []bulk.Event) {
	f.compare(m)
	for _, e := range events {
		f.add(e)
		f.compare(m)
	}
}

func (f *fold) compare(m *machine) {
	for _, s := range m.statuses {
		if s.LastEvent != f.status.LastEvent {
			continue
		}
		// What no event says.
		s.ID, s.Index, s.Label, s.At, s.Totals.Waits, s.Totals.Holds = 0, 0, "", time.Time{}, bulk.Waits{}, bulk.Holds{}
		if s != f.status {
			m.problem("the events up to %d give\n%+v\nbut the Status is\n%+v", s.LastEvent, f.status, s)
		}
	}
}

// add takes in the next event.
func (f *fold) add(e bulk.Event) {
	s := &f.status
	t := &s.Totals
	s.LastEvent, s.Capacity, s.Closed = e.Seq, e.Capacity, e.Closed
	leave := func(waiting, arrival *uint64) {
		if e.Queued {
			s.Waiting--
			*waiting++
		} else {
			*arrival++
		}
	}
	switch e.Kind {
	case bulk.EventQueued:
		t.Queued++
		s.Waiting++
	case bulk.EventAdmitted:
		t.Admitted++
		s.InFlight++
		s.InUse += e.Slots
		if e.Queued {
			s.Waiting--
			t.AdmittedFromQueue++
			t.Wait += e.Waited
			t.LongestWait = max(t.LongestWait, e.Waited)
		}
	case bulk.EventReleased:
		t.Finished++
		s.InFlight--
		s.InUse -= e.Slots
	case bulk.EventAbandoned:
		t.Abandoned++
		s.InFlight--
		s.InUse -= e.Slots
	case bulk.EventSaturated:
		t.Saturated++
	case bulk.EventExpired:
		leave(&t.Expired, &t.ExpiredAtArrival)
	case bulk.EventCanceled:
		leave(&t.Canceled, &t.CanceledAtArrival)
	case bulk.EventOversized:
		leave(&t.Oversized, &t.OversizedAtArrival)
	case bulk.EventRejectedClosed:
		leave(&t.Closed, &t.ClosedAtArrival)
	}
	s.Peak.InFlight = max(s.Peak.InFlight, s.InFlight)
	s.Peak.InUse = max(s.Peak.InUse, s.InUse)
	s.Peak.Waiting = max(s.Peak.Waiting, s.Waiting)
}

// foldFrom returns a fold that stands before the first event.
func foldFrom(c bulk.Capacity) *fold { return &fold{bulk.Status{Capacity: c}} }

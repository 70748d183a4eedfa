package model_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// What holds for the model at all times holds for every subject that agrees with
// it: the equations of Status, and that the events give back the Status.
func TestEverySequenceKeepsTheEquationsAndFoldsToItsStatus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		number := func(most int) int { return rapid.IntRange(0, most).Draw(t, "") }
		c := bulk.Capacity{Parallelism: 1 + number(3), WaitingRoom: number(4)}
		m := model.New("laws", c)
		folded := bulk.Status{Label: "laws", Capacity: c}
		for op := range 40 {
			now = now.Add(time.Duration(number(2)))
			switch n := number(9); {
			case n == 9 && number(9) == 9:
				m.Close(now)
			case n == 8:
				m.SetCapacity(now, bulk.Capacity{Parallelism: number(4), WaitingRoom: number(4)})
			case n > 5 && len(m.InFlight) > 0:
				m.Release(now, m.InFlight[number(len(m.InFlight)-1)].Op)
			case n == 5 && len(m.InFlight) > 0:
				m.Abandon(now, m.InFlight[number(len(m.InFlight)-1)].Op)
			case n == 4 && len(m.Room) > 0:
				m.Expire(now, m.Room[number(len(m.Room)-1)].Op)
			case n == 3 && len(m.Room) > 0:
				m.Cancel(now, m.Room[number(len(m.Room)-1)].Op)
			default:
				limits := []deadline.Limit{{}, {}, {}, deadline.NoWait(), deadline.Before(now), deadline.Within(1)}
				m.Arrive(now, model.Arrival{Op: op, Slots: 1 + number(2)*number(1), Limits: limits[number(5):][:1]}, number(9) == 9)
			}
			for _, e := range m.Events {
				fold(&folded, e)
			}
			m.Events = nil
			s := m.Status(now)
			equations(t, s)
			// No event says these.
			s.At, s.Totals.Holds, s.Totals.Queueing = time.Time{}, bulk.Holds{}, 0
			s.Queueing, s.OldestWait = 0, 0
			if diff := cmp.Diff(s, folded); diff != "" {
				t.Fatalf("the events do not give the status (-status +events)\n%s", diff)
			}
		}
	})
}

func equations(t *rapid.T, s bulk.Status) {
	n := s.Totals
	for _, e := range []struct {
		what string
		a, b uint64
	}{
		{"Admitted = Finished + Abandoned + InFlight", n.Admitted, n.Finished + n.Abandoned + uint64(s.InFlight)},
		{"Queued = AdmittedFromQueue + Expired + Canceled + Closed + Oversized + Waiting", n.Queued,
			n.AdmittedFromQueue + n.Expired + n.Canceled + n.Closed + n.Oversized + uint64(s.Waiting)},
		{"arrivals = (Admitted − AdmittedFromQueue) + Queued + Saturated + each AtArrival", n.Arrivals(),
			n.Admitted - n.AdmittedFromQueue + n.Queued + n.Saturated + n.ExpiredAtArrival + n.CanceledAtArrival + n.ClosedAtArrival + n.OversizedAtArrival},
	} {
		if e.a != e.b {
			t.Fatalf("%s: %d, %d in %+v", e.what, e.a, e.b, s)
		}
	}
	if s.InFlight > s.Peak.InFlight || s.InUse > s.Peak.InUse || s.Waiting > s.Peak.Waiting {
		t.Fatalf("above its peak: %+v", s)
	}
}

// fold takes in the next event.
func fold(s *bulk.Status, e bulk.Event) {
	n := &s.Totals
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
		n.Queued++
		s.Waiting++
	case bulk.EventAdmitted:
		n.Admitted++
		s.InFlight++
		s.InUse += e.Slots
		if e.Queued {
			s.Waiting--
			n.AdmittedFromQueue++
			n.Wait += e.Waited
			n.LongestWait = max(n.LongestWait, e.Waited)
		}
	case bulk.EventReleased, bulk.EventAbandoned:
		if e.Kind == bulk.EventReleased {
			n.Finished++
		} else {
			n.Abandoned++
		}
		s.InFlight--
		s.InUse -= e.Slots
	case bulk.EventSaturated:
		n.Saturated++
	case bulk.EventExpired:
		leave(&n.Expired, &n.ExpiredAtArrival)
	case bulk.EventCanceled:
		leave(&n.Canceled, &n.CanceledAtArrival)
	case bulk.EventOversized:
		leave(&n.Oversized, &n.OversizedAtArrival)
	case bulk.EventRejectedClosed:
		leave(&n.Closed, &n.ClosedAtArrival)
	}
	s.Peak.InFlight = max(s.Peak.InFlight, s.InFlight)
	s.Peak.InUse = max(s.Peak.InUse, s.InUse)
	s.Peak.Waiting = max(s.Peak.Waiting, s.Waiting)
}

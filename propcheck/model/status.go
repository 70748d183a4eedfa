package model

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Status returns the status of this instant, without Index, which counts calls of
// which the model knows nothing, and without Totals.Waits, which is a histogram
// of Waits.
func (m *Model) Status(now time.Time) bulk.Status {
	s := bulk.Status{
		ID: m.ID, LastEvent: m.Seq, Label: m.Label, At: now, Capacity: m.Capacity,
		InFlight: len(m.InFlight), InUse: m.InUse(), Waiting: len(m.Room), Closed: m.Closed,
		Queueing: m.queueing(now), Totals: m.Totals, Peak: m.Peak,
	}
	s.Totals.Queueing += s.Queueing
	if len(m.Room) > 0 {
		s.OldestWait = now.Sub(m.Room[0].Arrived)
	}
	if m.TrackHolds && len(m.InFlight) > 0 {
		s.OldestHold = now.Sub(m.InFlight[0].Granted)
	}
	return s
}

// queueing returns how long the waiting room has not been empty.
func (m *Model) queueing(now time.Time) time.Duration {
	if len(m.Room) == 0 {
		return 0
	}
	return now.Sub(m.Since)
}

// event makes a transition known that has just been made: Seq counts 1, 2, 3 …
// in the order in which the transitions happened, and the numbers are those
// after this one transition.
func (m *Model) event(now time.Time, e bulk.Event) {
	m.Seq++
	e.ID, e.Seq, e.Label, e.At = m.ID, m.Seq, m.Label, now
	e.Capacity, e.Closed = m.Capacity, m.Closed
	e.InFlight, e.InUse, e.Waiting = len(m.InFlight), m.InUse(), len(m.Room)
	m.Events = append(m.Events, e)
}

func (m *Model) decide(d Decision) Decision {
	m.Decisions = append(m.Decisions, d)
	return d
}

// rejection returns what a rejected operation is told: the numbers as they were
// at that moment, without this operation. limit is the wait that was allowed, of
// an operation that expired.
func (m *Model) rejection(why bulk.Reason, slots int, limit time.Duration) Rejection {
	return Rejection{
		Label: m.Label, Reason: why, Slots: slots,
		Parallelism: m.Capacity.Parallelism, WaitingRoom: m.Capacity.WaitingRoom,
		InFlight: len(m.InFlight), InUse: m.InUse(), Waiting: len(m.Room), Limit: limit,
	}
}

// kindOf says which event a rejection makes.
var kindOf = map[bulk.Reason]bulk.EventKind{
	bulk.Saturated: bulk.EventSaturated,
	bulk.Expired:   bulk.EventExpired,
	bulk.Closed:    bulk.EventRejectedClosed,
	bulk.Oversized: bulk.EventOversized,
	bulk.Canceled:  bulk.EventCanceled,
}

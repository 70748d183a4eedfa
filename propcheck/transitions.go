package propcheck

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Release ends an operation that is in flight. Its slots are handed over.
func (m *Model) Release(now time.Time, op int) {
	f := m.land(op)
	m.Totals.Finished++
	if f.Sampled {
		// Timed from grant until the slots are free.
		m.Totals.Holds.Samples++
		m.Totals.Holds.Sum += now.Sub(f.Granted)
	}
	m.event(now, bulk.Event{Kind: bulk.EventReleased, Slots: f.Slots, Queued: f.Queued})
	m.settle(now)
}

// Abandon takes the slots back from an operation that was handed them, and
// whose ctx is done when it wakes: cancellation wins over hand-over. The slots
// are passed on at once; it counts as admitted and as abandoned; the caller gets
// Canceled.
func (m *Model) Abandon(now time.Time, op int) {
	f := m.land(op)
	m.Totals.Abandoned++
	m.event(now, bulk.Event{Kind: bulk.EventAbandoned, Slots: f.Slots, Queued: f.Queued})
	m.decide(Decision{Op: op, Verdict: TurnedAway, Refusal: m.refusal(bulk.Canceled, f.Slots, 0)})
	m.settle(now)
}

// Expire ends the wait of an operation at its bound.
func (m *Model) Expire(now time.Time, op int) {
	m.turnAwayWaiting(now, op, bulk.Expired)
	m.settle(now) // whoever leaves the queue grants the new head too, if it fits now
}

// Cancel ends the wait of an operation whose ctx is done.
func (m *Model) Cancel(now time.Time, op int) {
	m.turnAwayWaiting(now, op, bulk.Canceled)
	m.settle(now)
}

// Change says what SetCapacity answered.
type Change uint8

// The answers of SetCapacity.
const (
	Changed   Change = iota + 1 // nil
	Unchanged                   // nil, and no event: that is what was set
	BadValue                    // ErrConfig
	TooLate                     // ErrClosed
)

// SetCapacity changes all three at once.
func (m *Model) SetCapacity(now time.Time, c bulk.Capacity) Change {
	switch {
	// Bad values give ErrConfig and change nothing, also on a closed bulkhead;
	case c.Parallelism < 1 || c.WaitingRoom < 0 || c.WaitLimit < 0:
		return BadValue
	// good values on a closed one give ErrClosed.
	case m.Closed:
		return TooLate
	// Setting what is already set is no event.
	case c == m.Capacity:
		return Unchanged
	}
	old := m.Capacity
	m.Capacity = c
	m.event(now, bulk.Event{Kind: bulk.EventResized, Previous: old})
	// A waiting operation that could never fit any more is turned away.
	for _, w := range slices.Clone(m.Room) {
		if w.Slots > c.Parallelism {
			m.turnAwayWaiting(now, w.Op, bulk.Oversized)
		}
	}
	// Growing admits from the queue, in order. Shrinking cancels nothing; a
	// smaller waiting room turns nobody out; a new wait limit holds for
	// operations that arrive later.
	m.settle(now)
	return Changed
}

// Close turns away everyone waiting and everyone later, and interrupts nothing
// in flight. It is idempotent.
func (m *Model) Close(now time.Time) {
	if m.Closed {
		return
	}
	m.Closed = true
	m.event(now, bulk.Event{Kind: bulk.EventClosed})
	for _, w := range slices.Clone(m.Room) {
		m.turnAwayWaiting(now, w.Op, bulk.Closed)
	}
	m.settle(now)
}

// settle is the end of every step. Slots are handed over: the head of the queue
// is granted as long as it fits, and nobody overtakes it.
func (m *Model) settle(now time.Time) {
	for len(m.Room) > 0 && m.fits(m.Room[0].Slots) {
		w := m.leave(m.Room[0].Op)
		m.admit(now, Flying{Op: w.Op, Slots: w.Slots, Queued: true}, now.Sub(w.Arrived))
		m.decide(Decision{Op: w.Op, Verdict: Admitted})
	}
	// Done is closed once the bulkhead is closed and nothing is in flight.
	if m.Closed && !m.Drained && len(m.Flight) == 0 {
		m.Drained = true
		m.event(now, bulk.Event{Kind: bulk.EventDrained})
	}
}

// admit puts an operation in flight, after it waited so long.
func (m *Model) admit(now time.Time, f Flying, waited time.Duration) {
	m.Totals.Admitted++
	f.Granted = now
	f.Sampled = m.Totals.Admitted%64 == 1 // the 1st, 65th, 129th … admission is timed
	m.Flight = append(m.Flight, f)
	m.Peak.InFlight = max(m.Peak.InFlight, len(m.Flight))
	m.Peak.InUse = max(m.Peak.InUse, m.InUse())
	if f.Queued {
		m.Totals.AdmittedFromQueue++
		m.Totals.Wait += waited
		m.Totals.LongestWait = max(m.Totals.LongestWait, waited)
		m.Waits = append(m.Waits, waited)
	}
	m.event(now, bulk.Event{Kind: bulk.EventAdmitted, Slots: f.Slots, Queued: f.Queued, Waited: waited})
}

func (m *Model) turnAwayWaiting(now time.Time, op int, why bulk.Reason) {
	w := m.leave(op)
	limit := time.Duration(0)
	switch why {
	case bulk.Expired:
		m.Totals.Expired++
		limit = w.Allowed
	case bulk.Closed:
		m.Totals.Closed++
	case bulk.Oversized:
		m.Totals.Oversized++
	case bulk.Canceled:
		m.Totals.Canceled++
	}
	m.event(now, bulk.Event{Kind: kindOf[why], Slots: w.Slots, Queued: true, Waited: now.Sub(w.Arrived)})
	m.decide(Decision{Op: op, Verdict: TurnedAway, Refusal: m.refusal(why, w.Slots, limit)})
}

// leave takes an operation out of the waiting room.
func (m *Model) leave(op int) Waiting {
	i := slices.IndexFunc(m.Room, func(w Waiting) bool { return w.Op == op })
	if i < 0 {
		panic(fmt.Sprintf("propcheck: operation %d does not wait", op))
	}
	w := m.Room[i]
	m.Room = slices.Delete(m.Room, i, i+1)
	return w
}

// land takes an operation out of flight.
func (m *Model) land(op int) Flying {
	i := slices.IndexFunc(m.Flight, func(f Flying) bool { return f.Op == op })
	if i < 0 {
		panic(fmt.Sprintf("propcheck: operation %d is not in flight", op))
	}
	f := m.Flight[i]
	m.Flight = slices.Delete(m.Flight, i, i+1)
	return f
}

package model

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Release ends an operation in flight. Its slots are handed over.
func (m *Model) Release(now time.Time, op int) {
	r := m.remove(op)
	m.Totals.Finished++
	if r.Sampled {
		// Timed from grant until the slots are free.
		m.Totals.Holds.Samples++
		m.Totals.Holds.Sum += now.Sub(r.Granted)
	}
	m.event(now, bulk.Event{Op: r.Number, Kind: bulk.EventReleased, Slots: r.Slots, Queued: r.Queued})
	m.settle(now)
}

// Abandon returns the slots of an operation that was granted them and whose ctx
// is done when it wakes: cancellation wins over hand-over. The slots are passed
// on; the operation counts as admitted and as abandoned; the caller gets
// Canceled.
func (m *Model) Abandon(now time.Time, op int) {
	r := m.remove(op)
	m.Totals.Abandoned++
	m.event(now, bulk.Event{Op: r.Number, Kind: bulk.EventAbandoned, Slots: r.Slots, Queued: r.Queued})
	m.decide(Decision{Op: op, Verdict: Rejected, Rejection: m.rejection(bulk.Canceled, r.Slots, 0)})
	m.settle(now)
}

// Expire ends the wait of an operation at its bound.
func (m *Model) Expire(now time.Time, op int) {
	m.rejectWaiting(now, op, bulk.Expired)
	m.settle(now) // whoever leaves the queue grants the new head too, if it fits now
}

// Cancel ends the wait of an operation whose ctx is done.
func (m *Model) Cancel(now time.Time, op int) {
	m.rejectWaiting(now, op, bulk.Canceled)
	m.settle(now)
}

// SetResult is an answer of SetCapacity.
type SetResult uint8

// The answers of SetCapacity.
const (
	Changed        SetResult = iota + 1 // nil
	Unchanged                           // nil, and no event: that is what was set
	Invalid                             // ErrConfig
	RejectedClosed                      // ErrClosed
)

// SetCapacity changes the capacity, all of it together.
func (m *Model) SetCapacity(now time.Time, c bulk.Capacity) SetResult {
	switch {
	// Bad values give ErrConfig and change nothing, also on a closed bulkhead;
	case c.Parallelism < 0 || c.WaitingRoom < 0 || c.WaitLimit < 0 || c.DelayTarget < 0 || c.DelayInterval < 0,
		(c.DelayTarget > 0) != (c.DelayInterval > 0):
		return Invalid
	// good values on a closed one give ErrClosed.
	case m.Closed:
		return RejectedClosed
	// Setting what is already set is no event.
	case c == m.Capacity:
		return Unchanged
	}
	previous := m.Capacity
	m.Capacity = c
	m.event(now, bulk.Event{Kind: bulk.EventResized, Previous: previous})
	// A waiting operation that could never fit any more is rejected as Oversized.
	for _, w := range slices.Clone(m.Room) {
		if m.neverFits(w.Slots) {
			m.rejectWaiting(now, w.Op, bulk.Oversized)
		}
	}
	// Growing admits from the queue, in order. Shrinking cancels nothing; a
	// smaller waiting room rejects nobody who waits; new time limits hold for
	// operations that arrive later.
	m.settle(now)
	return Changed
}

// Close rejects everyone waiting and everyone later, and interrupts nothing in
// flight. It is idempotent.
func (m *Model) Close(now time.Time) {
	if m.Closed {
		return
	}
	m.Closed = true
	m.event(now, bulk.Event{Kind: bulk.EventClosed})
	for _, w := range slices.Clone(m.Room) {
		m.rejectWaiting(now, w.Op, bulk.Closed)
	}
	m.settle(now)
}

// settle ends every step. Slots are handed over: the head of the queue is granted
// as long as it fits, and nobody overtakes it.
func (m *Model) settle(now time.Time) {
	for len(m.Room) > 0 && m.Fits(m.Room[0].Slots) {
		w := m.leave(now, m.Room[0].Op)
		m.admit(now, Running{Op: w.Op, Slots: w.Slots, Number: w.Number, Queued: true}, now.Sub(w.Arrived))
		m.decide(Decision{Op: w.Op, Verdict: Admitted})
	}
	// Done is closed once the bulkhead is closed and nothing is in flight.
	if m.Closed && !m.Drained && len(m.InFlight) == 0 {
		m.Drained = true
		m.event(now, bulk.Event{Kind: bulk.EventDrained})
	}
}

// admit puts an operation in flight that waited that long.
func (m *Model) admit(now time.Time, r Running, waited time.Duration) {
	r.Granted, r.Sampled = now, Sampled(m.Totals.Admitted)
	m.Totals.Admitted++
	m.InFlight = append(m.InFlight, r)
	m.Peak.InFlight = max(m.Peak.InFlight, len(m.InFlight))
	m.Peak.InUse = max(m.Peak.InUse, m.InUse())
	if r.Queued {
		m.Totals.AdmittedFromQueue++
		m.Totals.Wait += waited
		m.Totals.LongestWait = max(m.Totals.LongestWait, waited)
		m.Waits = append(m.Waits, waited)
	}
	m.event(now, bulk.Event{Op: r.Number, Kind: bulk.EventAdmitted, Slots: r.Slots, Queued: r.Queued, Waited: waited})
}

// Sampled reports whether the admission after n others is timed. It is one of
// each 64, at the position that the documentation of [bulk.Holds] publishes.
func Sampled(n uint64) bool {
	block := n / 64
	return n%64 == block*block*0x9E3779B97F4A7C15>>58
}

// BeforeSample returns how many are to be admitted, at least one, before one whose
// time in flight is measured.
func (m *Model) BeforeSample() int {
	n := 1
	for !Sampled(m.Totals.Admitted + uint64(n)) {
		n++
	}
	return n
}

func (m *Model) rejectWaiting(now time.Time, op int, why bulk.Reason) {
	w := m.leave(now, op)
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
	m.event(now, bulk.Event{Op: w.Number, Kind: kindOf[why], Slots: w.Slots, Queued: true, Waited: now.Sub(w.Arrived)})
	m.decide(Decision{Op: op, Verdict: Rejected, Rejection: m.rejection(why, w.Slots, limit)})
}

// leave takes an operation out of the waiting room.
func (m *Model) leave(now time.Time, op int) Waiting {
	i := slices.IndexFunc(m.Room, func(w Waiting) bool { return w.Op == op })
	if i < 0 {
		panic(fmt.Sprintf("model: operation %d does not wait", op))
	}
	w := m.Room[i]
	if len(m.Room) == 1 {
		m.Totals.Queueing += m.queueing(now)
	}
	m.Room = slices.Delete(m.Room, i, i+1)
	return w
}

// remove takes an operation out of flight.
func (m *Model) remove(op int) Running {
	i := slices.IndexFunc(m.InFlight, func(r Running) bool { return r.Op == op })
	if i < 0 {
		panic(fmt.Sprintf("model: operation %d is not in flight", op))
	}
	r := m.InFlight[i]
	m.InFlight = slices.Delete(m.InFlight, i, i+1)
	return r
}

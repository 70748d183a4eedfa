package model

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Arrive decides about an operation that asks to be admitted now. done says
// whether its ctx had ended when it was looked at, which is before the lock.
//
// The rules stand in their order, each beside its sentence of the contract.
func (m *Model) Arrive(now time.Time, a Arrival, done bool) Decision {
	switch {
	// 1. ctx already done: Canceled, always: a done context never starts an
	// operation.
	case done:
		return m.rejectArrival(now, a, 1, bulk.Canceled)

	// 2. closed: Closed.
	case m.Closed:
		return m.rejectArrival(now, a, 2, bulk.Closed)

	// 3. n > Parallelism, unless paused: Oversized (it could never fit).
	case m.neverFits(a.Slots):
		return m.rejectArrival(now, a, 3, bulk.Oversized)

	// 4. A Before or Reserve bound passed: Expired, also when slots are free.
	case a.BoundPassed(now):
		return m.rejectArrival(now, a, 4, bulk.Expired)

	// 5. n slots free and none waiting: admitted. No operation overtakes
	// another: not a TryAcquire, not a smaller operation behind a larger one that
	// does not fit yet.
	case m.Fits(a.Slots) && len(m.Room) == 0:
		m.admit(now, Operation{Op: a.Op, Slots: a.Slots, Number: m.number()})
		return m.decide(Decision{Op: a.Op, Rule: 5})

	// 6. No wait allowed (NoWait, Within(d ≤ 0)) or waiting room full: Saturated;
	case a.NoWait() || len(m.Room) >= m.Capacity.WaitingRoom:
		return m.rejectArrival(now, a, 6, bulk.Saturated)

	// no time left to wait because of Reserve: Expired.
	case a.allowed(now, m.Capacity.WaitLimit) <= 0:
		return m.rejectArrival(now, a, 6, bulk.Expired)

	// 7. Otherwise queued.
	default:
		w := Operation{Op: a.Op, Slots: a.Slots, Number: m.number(), Queued: true, Arrived: now, Allowed: a.allowed(now, m.Capacity.WaitLimit)}
		// Delay control: when the waiting room has not been empty for interval, an
		// operation that is queued may wait for target at most, until the room has been
		// empty once.
		if c := m.Capacity; c.DelayInterval > 0 && m.queueing(now) >= c.DelayInterval && c.DelayTarget < w.Allowed {
			w.Allowed = c.DelayTarget
			m.Totals.Shortened++
		}
		if len(m.Room) == 0 {
			m.Since = now
		}
		m.Room = append(m.Room, w)
		m.Totals.Queued++
		m.Peak.Waiting = max(m.Peak.Waiting, len(m.Room))
		m.event(now, bulk.Event{Op: w.Number, Kind: bulk.EventQueued, Slots: a.Slots})
		return m.decide(Decision{Op: a.Op, Rule: 7})
	}
}

// Fits reports whether that many slots are free. While a shrink drains, none are.
func (m *Model) Fits(slots int) bool { return slots <= m.Capacity.Parallelism-m.InUse() }

// neverFits reports whether an operation is too large. While the bulkhead is paused
// nothing is, since no size is known to be too large.
func (m *Model) neverFits(slots int) bool {
	return slots > m.Capacity.Parallelism && m.Capacity.Parallelism > 0
}

// number returns the number of an operation that arrives now: the Seq of its first
// event, or 0 if there are no handlers.
func (m *Model) number() uint64 {
	if m.Handlers == 0 {
		return 0
	}
	return m.Seq + 1
}

// BoundPassed reports whether a Before or a Reserve bound has passed.
func (a Arrival) BoundPassed(now time.Time) bool {
	for _, l := range a.Limits {
		// Arriving exactly at Before's instant is too late;
		if t, ok := l.Before(); ok && !now.Before(t) {
			return true
		}
		// exactly d left is enough for Reserve(d); no ctx deadline, or d ≤ 0: no bound.
		if d, ok := l.Reserve(); ok && !a.CtxDeadline.IsZero() && a.CtxDeadline.Sub(now) < d {
			return true
		}
	}
	return false
}

// NoWait reports whether a limit allows no wait at all.
func (a Arrival) NoWait() bool {
	for _, l := range a.Limits {
		if d, ok := l.Within(); ok && d <= 0 {
			return true
		}
	}
	return false
}

// allowed returns how long a may wait from now on. The wait ends at the earliest
// of: the bulkhead's WaitLimit, each given limit, ctx (which ends it in another
// way: see Cancel). Limits only tighten.
func (a Arrival) allowed(now time.Time, waitLimit time.Duration) time.Duration {
	wait := forever
	if waitLimit > 0 {
		wait = waitLimit
	}
	for _, l := range a.Limits {
		if d, ok := l.Within(); ok {
			wait = min(wait, d)
		}
		if t, ok := l.Before(); ok {
			wait = min(wait, t.Sub(now))
		}
		if d, ok := l.Reserve(); ok && !a.CtxDeadline.IsZero() {
			wait = min(wait, a.CtxDeadline.Sub(now)-d)
		}
	}
	return wait
}

func (m *Model) rejectArrival(now time.Time, a Arrival, rule int, why bulk.Reason) Decision {
	*m.counter(why, false)++
	m.event(now, bulk.Event{Op: m.number(), Kind: kindOf[why], Slots: a.Slots})
	return m.decide(Decision{Op: a.Op, Rule: rule, Rejection: m.rejection(why, a.Slots, 0)})
}

// Release ends an operation in flight. Its slots are handed over.
func (m *Model) Release(now time.Time, op int) {
	r := take(&m.InFlight, op)
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
	r := take(&m.InFlight, op)
	m.Totals.Abandoned++
	m.event(now, bulk.Event{Op: r.Number, Kind: bulk.EventAbandoned, Slots: r.Slots, Queued: r.Queued})
	m.decide(Decision{Op: op, Rejection: m.rejection(bulk.Canceled, r.Slots, 0)})
	m.settle(now)
}

// Expire ends the wait of an operation at its bound.
func (m *Model) Expire(now time.Time, op int) {
	m.rejectWaiting(now, op, bulk.Expired)
	m.settle(now) // the new head of the queue is granted, if it fits now
}

// Cancel ends the wait of an operation whose ctx is done.
func (m *Model) Cancel(now time.Time, op int) {
	m.rejectWaiting(now, op, bulk.Canceled)
	m.settle(now)
}

// SetCapacity changes the capacity, all of it together. It returns the sentinel of the
// error, or nil.
func (m *Model) SetCapacity(now time.Time, c bulk.Capacity) error {
	switch {
	// Bad values give ErrConfig and change nothing, also on a closed bulkhead;
	case c.Parallelism < 0 || c.WaitingRoom < 0 || c.WaitLimit < 0 || c.DelayTarget < 0 || c.DelayInterval < 0,
		(c.DelayTarget > 0) != (c.DelayInterval > 0):
		return bulk.ErrConfig
	// good values on a closed one give ErrClosed.
	case m.Closed:
		return bulk.ErrClosed
	// Setting what is already set is no event.
	case c == m.Capacity:
		return nil
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
	// smaller waiting room rejects no waiting operation; new time limits hold for
	// operations that arrive later.
	m.settle(now)
	return nil
}

// Close rejects all operations that wait or arrive later, and interrupts none in
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
// as long as it fits, and no operation overtakes it.
func (m *Model) settle(now time.Time) {
	for len(m.Room) > 0 && m.Fits(m.Room[0].Slots) {
		w := m.leave(now, m.Room[0].Op)
		m.admit(now, w)
		m.decide(Decision{Op: w.Op})
	}
	// Done is closed once the bulkhead is closed and nothing is in flight.
	if m.Closed && !m.Drained && len(m.InFlight) == 0 {
		m.Drained = true
		m.event(now, bulk.Event{Kind: bulk.EventDrained})
	}
}

// admit puts an operation in flight.
func (m *Model) admit(now time.Time, r Operation) {
	waited := time.Duration(0)
	r.Granted, r.Sampled = now, Sampled(m.Totals.Admitted)
	m.Totals.Admitted++
	m.InFlight = append(m.InFlight, r)
	m.Peak.InFlight = max(m.Peak.InFlight, len(m.InFlight))
	m.Peak.InUse = max(m.Peak.InUse, m.InUse())
	if r.Queued {
		waited = now.Sub(r.Arrived)
		m.Totals.AdmittedFromQueue++
		m.Totals.Wait += waited
		m.Totals.LongestWait = max(m.Totals.LongestWait, waited)
		m.Waits = append(m.Waits, waited)
	}
	m.event(now, bulk.Event{Op: r.Number, Kind: bulk.EventAdmitted, Slots: r.Slots, Queued: r.Queued, Waited: waited})
}

func (m *Model) rejectWaiting(now time.Time, op int, why bulk.Reason) {
	w := m.leave(now, op)
	limit := time.Duration(0)
	if why == bulk.Expired {
		limit = w.Allowed
	}
	*m.counter(why, true)++
	m.event(now, bulk.Event{Op: w.Number, Kind: kindOf[why], Slots: w.Slots, Queued: true, Waited: now.Sub(w.Arrived)})
	m.decide(Decision{Op: op, Rejection: m.rejection(why, w.Slots, limit)})
}

// leave takes an operation out of the waiting room.
func (m *Model) leave(now time.Time, op int) Operation {
	if len(m.Room) == 1 {
		m.Totals.Queueing += m.queueing(now)
	}
	return take(&m.Room, op)
}

// take takes an operation out of a list. Its caller knows that it is there.
func take(list *[]Operation, op int) Operation {
	i := find(*list, op)
	o := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return o
}

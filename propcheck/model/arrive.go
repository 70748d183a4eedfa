package model

import (
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

	// 5. n slots free and nobody waiting: admitted. No operation overtakes
	// another: not a TryAcquire, not a smaller operation behind a larger one that
	// does not fit yet.
	case m.Fits(a.Slots) && len(m.Room) == 0:
		m.admit(now, Running{Op: a.Op, Slots: a.Slots, Number: m.number()}, 0)
		return m.decide(Decision{Op: a.Op, Verdict: Admitted, Rule: 5})

	// 6. No wait allowed (NoWait, Within(d ≤ 0)) or waiting room full: Saturated;
	case a.NoWait() || len(m.Room) >= m.Capacity.WaitingRoom:
		return m.rejectArrival(now, a, 6, bulk.Saturated)

	// no time left to wait because of Reserve: Expired.
	case a.allowed(now, m.Capacity.WaitLimit) <= 0:
		return m.rejectArrival(now, a, 6, bulk.Expired)

	// 7. Otherwise queued.
	default:
		w := Waiting{Op: a.Op, Slots: a.Slots, Number: m.number(), Arrived: now, Allowed: a.allowed(now, m.Capacity.WaitLimit)}
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
		return m.decide(Decision{Op: a.Op, Verdict: Queued, Rule: 7})
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
	if !m.Listening {
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
	switch why {
	case bulk.Saturated:
		m.Totals.Saturated++
	case bulk.Expired:
		m.Totals.ExpiredAtArrival++
	case bulk.Closed:
		m.Totals.ClosedAtArrival++
	case bulk.Oversized:
		m.Totals.OversizedAtArrival++
	case bulk.Canceled:
		m.Totals.CanceledAtArrival++
	}
	m.event(now, bulk.Event{Op: m.number(), Kind: kindOf[why], Slots: a.Slots})
	return m.decide(Decision{Op: a.Op, Verdict: Rejected, Rule: rule, Rejection: m.rejection(why, a.Slots, 0)})
}

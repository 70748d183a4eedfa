package propcheck

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Arrive decides about an operation that asks to be admitted now. done says
// whether its ctx had ended when it was looked at, which is before all else.
//
// The rules stand in their order, each beside its sentence of the contract.
func (m *Model) Arrive(now time.Time, a Arrival, done bool) Decision {
	switch {
	// 1. ctx already done: Canceled, always. A done context never starts an
	// operation.
	case done:
		return m.turnAwayAtArrival(now, a, 1, bulk.Canceled)

	// 2. Closed: Closed.
	case m.Closed:
		return m.turnAwayAtArrival(now, a, 2, bulk.Closed)

	// 3. n > Parallelism: Oversized. It could never fit.
	case a.Slots > m.Capacity.Parallelism:
		return m.turnAwayAtArrival(now, a, 3, bulk.Oversized)

	// 4. A Before or Reserve bound passed: Expired, also when slots are free.
	case a.late(now):
		return m.turnAwayAtArrival(now, a, 4, bulk.Expired)

	// 5. n slots free and nobody waiting: admitted. Strict FIFO: nobody
	// overtakes, not a TryAcquire, not a smaller operation behind a larger one
	// that does not fit yet.
	case m.fits(a.Slots) && len(m.Room) == 0:
		m.admit(now, Flying{Op: a.Op, Slots: a.Slots}, 0)
		return m.decide(Decision{Op: a.Op, Verdict: Admitted, Rule: 5})

	// 6. No wait allowed (NoWait, Within(d ≤ 0)) or waiting room full: Saturated.
	case a.impatient() || len(m.Room) >= m.Capacity.WaitingRoom:
		return m.turnAwayAtArrival(now, a, 6, bulk.Saturated)

	// No time left to wait because of Reserve: Expired.
	case a.patience(now, m.Capacity.WaitLimit) <= 0:
		return m.turnAwayAtArrival(now, a, 6, bulk.Expired)

	// 7. Otherwise: queued.
	default:
		m.Room = append(m.Room, Waiting{
			Op: a.Op, Slots: a.Slots, Arrived: now, Allowed: a.patience(now, m.Capacity.WaitLimit),
		})
		m.Totals.Queued++
		m.Peak.Waiting = max(m.Peak.Waiting, len(m.Room))
		m.event(now, bulk.Event{Kind: bulk.EventQueued, Slots: a.Slots})
		return m.decide(Decision{Op: a.Op, Verdict: Queued, Rule: 7})
	}
}

// late reports whether a bound in time has passed.
func (a Arrival) late(now time.Time) bool {
	for _, l := range a.Limits {
		// Arriving exactly at Before's instant is too late;
		if t, ok := l.Before(); ok && !now.Before(t) {
			return true
		}
		// exactly d left is enough for Reserve(d). No ctx deadline, or d ≤ 0: no
		// bound.
		if d, ok := l.Reserve(); ok && !a.Dies.IsZero() && a.Dies.Sub(now) < d {
			return true
		}
	}
	return false
}

// impatient reports whether a does not want to wait at all.
func (a Arrival) impatient() bool {
	for _, l := range a.Limits {
		if d, ok := l.Within(); ok && d <= 0 {
			return true
		}
	}
	return false
}

// patience returns how long a may wait from now on. The wait ends at the
// earliest of the bulkhead's WaitLimit, each given limit, and ctx (which ends it
// in another way: see Cancel). Limits only tighten.
func (a Arrival) patience(now time.Time, waitLimit time.Duration) time.Duration {
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
		if d, ok := l.Reserve(); ok && !a.Dies.IsZero() {
			wait = min(wait, a.Dies.Sub(now)-d)
		}
	}
	return wait
}

func (m *Model) turnAwayAtArrival(now time.Time, a Arrival, rule int, why bulk.Reason) Decision {
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
	m.event(now, bulk.Event{Kind: kindOf[why], Slots: a.Slots})
	return m.decide(Decision{Op: a.Op, Verdict: TurnedAway, Rule: rule, Refusal: m.refusal(why, a.Slots, 0)})
}

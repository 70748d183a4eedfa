package bulk_test

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// The rules of admission, in their order. Each scenario is one in which its rule and
// all later rules could apply.
func TestAdmissionRules(t *testing.T) {
	past := func() deadline.Limit { return deadline.Before(time.Now().Add(-1)) }
	done := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	runScenarios(t, []scenario{
		{"1 a done context comes before closed", "a done context never starts an operation", func(t *testing.T) {
			b := mustNew(t, 1)
			b.Close()
			_, err := b.AcquireN(done(t), 5, past())
			mustMatch(t, err, bulk.ErrCanceled)
			if n := b.Status().Totals.CanceledAtArrival; n != 1 {
				t.Errorf("counted %d times, want 1", n)
			}
		}},
		{"2 closed comes before oversized", "a larger parallelism would not help", func(t *testing.T) {
			b := mustNew(t, 1)
			b.Close()
			_, err := b.AcquireN(t.Context(), 5, past())
			mustMatch(t, err, bulk.ErrClosed)
			if n := b.Status().Totals.ClosedAtArrival; n != 1 {
				t.Errorf("counted %d times, want 1", n)
			}
		}},
		{"3 oversized comes before expired", "it could never fit, however long it waits", func(t *testing.T) {
			b := mustNew(t, 4)
			_, err := b.AcquireN(t.Context(), 5, past())
			mustMatch(t, err, bulk.ErrOversized)
			if n := b.Status().Totals.OversizedAtArrival; n != 1 {
				t.Errorf("counted %d times, want 1", n)
			}
		}},
		{"4 expired comes before a free slot", "a passed bound counts even if slots are free", func(t *testing.T) {
			b := mustNew(t, 4)
			_, err := b.Acquire(t.Context(), past())
			mustMatch(t, err, bulk.ErrExpired)
			if n := b.Status().Totals.ExpiredAtArrival; n != 1 {
				t.Errorf("counted %d times, want 1", n)
			}
		}},
		{"4 expired comes before saturated", "a passed bound counts if no slot is free, too", func(t *testing.T) {
			b := mustNew(t, 1)
			fill(t, b)
			_, err := b.Acquire(t.Context(), past(), deadline.NoWait())
			mustMatch(t, err, bulk.ErrExpired)
		}},
		{"4 exactly at Before's instant is too late", "the operation must be admitted before it", func(t *testing.T) {
			b := mustNew(t, 1)
			_, err := b.Acquire(t.Context(), deadline.Before(time.Now()))
			mustMatch(t, err, bulk.ErrExpired)
			s, err := b.Acquire(t.Context(), deadline.Before(time.Now().Add(1)))
			if err != nil {
				t.Errorf("1 ns before it: %v", err)
			}
			s.Release()
		}},
		{"4 exactly what Reserve asks for is enough", "exactly d must remain", func(t *testing.T) {
			b := mustNew(t, 2)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := b.Acquire(ctx, deadline.Reserve(time.Second)); err != nil {
				t.Errorf("exactly: %v", err)
			}
			_, err := b.Acquire(ctx, deadline.Reserve(time.Second+1))
			mustMatch(t, err, bulk.ErrExpired)
		}},
		{"4 Reserve is no bound without a deadline", "no time of ctx can be reserved", func(t *testing.T) {
			b := mustNew(t, 1)
			if _, err := b.Acquire(context.Background(), deadline.Reserve(time.Hour)); err != nil {
				t.Error(err)
			}
		}},
		{"5 admitted immediately", "slots are free and no operation waits", func(t *testing.T) {
			b := mustNew(t, 3)
			if _, err := b.AcquireN(t.Context(), 3, deadline.NoWait()); err != nil {
				t.Error(err)
			}
			if s := b.Status(); s.InFlight != 1 || s.InUse != 3 || s.Totals.Admitted != 1 || s.Totals.AdmittedFromQueue != 0 {
				t.Errorf("%+v", s)
			}
		}},
		{"5 a small operation does not overtake a large one", "admission is first come, first served", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(2))
			held := park(t, b, 2)
			large := park(t, b, 2)
			large.mustWait(t)
			if s, ok := b.TryAcquire(); ok {
				t.Error("TryAcquire overtook a waiting operation")
				s.Release()
			}
			small := park(t, b, 1)
			small.mustWait(t)
			held.slot.Release()
			large.mustHold(t)
			small.mustHold(t)
		}},
		{"6 no wait allowed", "deadline.NoWait, or Within of 0 or less", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(9))
			fill(t, b)
			for _, l := range []deadline.Limit{deadline.NoWait(), deadline.Within(0), deadline.Within(-time.Hour)} {
				_, err := b.Acquire(t.Context(), l)
				mustMatch(t, err, bulk.ErrSaturated)
			}
		}},
		{"6 the waiting room is full", "the next place is free when an operation leaves the queue", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			_, err := b.Acquire(t.Context())
			mustMatch(t, err, bulk.ErrSaturated)
			held[0].Release()
			p.mustHold(t)
			r := park(t, b, 1)
			r.mustWait(t)
			p.slot.Release()
			q.mustHold(t)
			q.slot.Release()
			r.mustHold(t)
		}},
		{"6 saturated comes before no time left", "the rule names them in this order", func(t *testing.T) {
			b := mustNew(t, 1)
			fill(t, b)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Acquire(ctx, deadline.Reserve(time.Second))
			mustMatch(t, err, bulk.ErrSaturated)
		}},
		{"6 no time left to wait", "exactly the reserve is left, and the operation would have to wait", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Acquire(ctx, deadline.Reserve(time.Second))
			mustMatch(t, err, bulk.ErrExpired)
			if s := b.Status(); s.Totals.ExpiredAtArrival != 1 || s.Totals.Queued != 0 {
				t.Errorf("%+v", s.Totals)
			}
		}},
		{"7 otherwise queued", "until a slot is granted", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			p.mustWait(t)
			time.Sleep(time.Minute)
			p.mustWait(t)
			held[0].Release()
			p.mustHold(t)
			s := b.Status()
			if p.took != time.Minute || s.Totals.Wait != time.Minute || s.Totals.LongestWait != time.Minute {
				t.Errorf("took %v, counted %v, longest %v", p.took, s.Totals.Wait, s.Totals.LongestWait)
			}
		}},
	})
}

// An arrival without limits at a bulkhead without handlers is rejected on a fast
// path. It counts and returns the same as the slow one.
func TestFastRejectionCountsLikeTheSlowOne(t *testing.T) {
	b := mustNew(t, 2)
	fill(t, b)
	for i := range 3 {
		err := bulk.Do(t.Context(), b, func(context.Context) error { t.Error("it ran"); return nil })
		mustMatch(t, err, bulk.ErrSaturated)
		if n := b.Status().Totals.Saturated; n != uint64(i+1) {
			t.Errorf("counted %d saturated, want %d", n, i+1)
		}
	}
	_, err := bulk.RunN(t.Context(), b, 3, one)
	mustMatch(t, err, bulk.ErrOversized)
	if n := b.Status().Totals; n.Saturated != 3 || n.OversizedAtArrival != 1 {
		t.Errorf("%+v", n)
	}
}

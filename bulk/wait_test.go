package bulk_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestWaitingRoomIsBoundedAndEachRejectionHasItsOwnReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 * time.Millisecond
		b := mustNew(t, 1, bulk.WaitingRoom(50), bulk.WaitLimit(limit))
		fill(t, b)
		var saturated, expired atomic.Int64
		for range 2000 {
			go func() {
				_, err := b.Acquire(t.Context())
				switch {
				case errors.Is(err, bulk.ErrSaturated) && !errors.Is(err, bulk.ErrExpired):
					saturated.Add(1)
				case errors.Is(err, bulk.ErrExpired) && !errors.Is(err, bulk.ErrSaturated):
					expired.Add(1)
				}
			}()
		}
		synctest.Wait()
		if saturated.Load() != 1950 || expired.Load() != 0 {
			t.Errorf("at arrival %d saturated and %d expired, want 1950 and 0", saturated.Load(), expired.Load())
		}
		time.Sleep(limit)
		synctest.Wait()
		if expired.Load() != 50 {
			t.Errorf("%d expired at the wait limit, want 50", expired.Load())
		}
	})
}

func TestEveryWaitingOperationIsWoken(t *testing.T) {
	const callers, each = 16, 2000
	b := mustNew(t, 1, bulk.WaitingRoom(callers))
	var admitted atomic.Int64
	var g sync.WaitGroup
	for range callers {
		g.Go(func() {
			for range each {
				s, err := b.Acquire(t.Context(), deadline.Within(time.Hour))
				if err != nil {
					t.Error(err)
					return
				}
				admitted.Add(1)
				s.Release()
			}
		})
	}
	g.Wait()
	if admitted.Load() != callers*each {
		t.Errorf("%d admitted, want %d", admitted.Load(), callers*each)
	}
	mustBeIdle(t, b)
}

// An operation whose wait bound has passed still has to take the lock to leave the
// queue. What takes the lock before it decides.
func TestRaceAgainstTheBoundIsDecidedByTheLock(t *testing.T) {
	const limit = time.Second
	// acquireLate calls Acquire with a limit. When the limit has passed, it calls f
	// before the operation can leave the queue. The error of f is that of ctx.
	acquireLate := func(t *testing.T, b *bulk.Bulkhead, f func() error) (bulk.Slot, error) {
		t.Helper()
		return b.Acquire(&hookCtx{Context: t.Context(), hook: func(call int) error {
			if call == 1 { // at arrival
				return nil
			}
			return f()
		}}, deadline.Within(limit))
	}
	runScenarios(t, []scenario{
		{"grant", "an operation that was granted its slots runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			s, err := acquireLate(t, b, func() error { held[0].Release(); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if n := b.Status().Totals; n.AdmittedFromQueue != 1 || n.Expired != 0 || n.LongestWait != limit {
				t.Errorf("counted %+v", n)
			}
			s.Release()
			mustBeIdle(t, b)
		}},
		{"grant, and ctx ends", "cancellation wins", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			_, err := acquireLate(t, b, func() error { held[0].Release(); return context.Canceled })
			mustMatch(t, err, bulk.ErrCanceled)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Expired != 0 || n.Canceled != 0 {
				t.Errorf("counted %+v", n)
			}
			mustBeIdle(t, b)
		}},
		{"grant, and ctx ends after it was asked", "cancellation wins here as well", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			released := false
			_, err := acquireLate(t, b, func() error {
				if released {
					return context.Canceled
				}
				released = true
				held[0].Release()
				return nil
			})
			mustMatch(t, err, bulk.ErrCanceled)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Finished != 1 {
				t.Errorf("counted %+v", n)
			}
			mustBeIdle(t, b)
		}},
		{"close", "Close rejected it first", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			_, err := acquireLate(t, b, b.Close)
			mustMatch(t, err, bulk.ErrClosed)
		}},
		{"a smaller parallelism", "the operation still fits, so it expires", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			fill(t, b)
			_, err := acquireLate(t, b, func() error { return b.Resize(1) })
			mustMatch(t, err, bulk.ErrExpired)
		}},
		{"a larger parallelism", "Resize grants the slots, so the operation runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			s, err := acquireLate(t, b, func() error { return b.Resize(2) })
			if err != nil {
				t.Fatal(err)
			}
			s.Release()
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"the next operation uses the same record", "it does not receive the signals of the one before", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3), bulk.WaitLimit(limit))
			held := fill(t, b)
			for range 50 {
				_, err := acquireLate(t, b, func() error { return nil })
				mustMatch(t, err, bulk.ErrExpired)
				p := park(t, b, 1)
				p.mustWait(t)
				time.Sleep(limit - 1)
				p.mustWait(t)
				held[0].Release()
				p.mustHold(t)
				held[0] = p.slot
			}
		}},
	})
}

// On a busy machine the timer of a ctx can be late. An operation whose wait limit
// passes at the deadline of its ctx is canceled only if ctx is done when the call
// returns: callers then return ctx.Err(), and nil would be no error.
func TestOperationIsCanceledOnlyIfItsCtxIsDone(t *testing.T) {
	const limit = time.Second
	for _, late := range []time.Duration{0, 1, 500 * time.Microsecond, time.Millisecond - 1, time.Millisecond + 1, 2 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			parent, cancel := context.WithTimeout(t.Context(), limit+late)
			defer cancel()
			ctx := lateCtx{parent, time.Now().Add(limit)}
			_, err := b.Acquire(ctx)
			done := ctx.Err() != nil
			if errors.Is(err, bulk.ErrCanceled) != done || errors.Is(err, bulk.ErrExpired) == done {
				t.Errorf("late by %v: error %v, ctx.Err() %v", late, err, ctx.Err())
			}
			if done != (late < time.Millisecond) {
				t.Errorf("late by %v: the bound did not wait a millisecond for ctx", late)
			}
			if n := b.Status().Totals; n.Canceled+n.Expired != 1 || (n.Canceled == 1) != done {
				t.Errorf("late by %v: counted %+v", late, n)
			}
			held[0].Release()
			mustBeIdle(t, b)
		})
	}
}

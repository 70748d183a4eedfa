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

func TestFaultUnboundedRoomAndOneErrorForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 * time.Millisecond
		b := mustNew(t, 1, bulk.WaitingRoom(50), bulk.WaitLimit(limit))
		fill(t, b)
		var full, late atomic.Int64
		for range 2000 {
			go func() {
				_, err := b.Acquire(t.Context())
				switch {
				case errors.Is(err, bulk.ErrSaturated) && !errors.Is(err, bulk.ErrExpired):
					full.Add(1)
				case errors.Is(err, bulk.ErrExpired) && !errors.Is(err, bulk.ErrSaturated):
					late.Add(1)
				}
			}()
		}
		synctest.Wait()
		if full.Load() != 1950 || late.Load() != 0 {
			t.Errorf("%d saturated, %d expired at first", full.Load(), late.Load())
		}
		time.Sleep(limit)
		synctest.Wait()
		if late.Load() != 50 {
			t.Errorf("%d expired", late.Load())
		}
	})
}

// Many waiters, holds of next to nothing: each is woken.
func TestFaultLostWakeUp(t *testing.T) {
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
		t.Errorf("%d admitted", admitted.Load())
	}
	mustBeIdle(t, b)
}

func TestRacesDecidedByTheLock(t *testing.T) {
	const limit = time.Second
	// whenDue lets an operation become due, does something before it can leave
	// the room, and returns what became of it.
	whenDue := func(t *testing.T, b *bulk.Bulkhead, then func() error) (bulk.Slot, error) {
		t.Helper()
		return b.Acquire(&hookCtx{Context: t.Context(), hook: func(look int) error {
			if look == 1 { // at arrival
				return nil
			}
			return then()
		}}, deadline.Within(limit))
	}
	runScenarios(t, []scenario{
		{"hand-over before the due one leaves", "once handed over, it runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			s, err := whenDue(t, b, func() error { held[0].Release(); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if n := b.Status().Totals; n.AdmittedFromQueue != 1 || n.Expired != 0 || n.LongestWait != limit {
				t.Errorf("%+v", n)
			}
			s.Release()
			mustBeIdle(t, b)
		}},
		{"hand-over before the due one leaves, and ctx ends", "cancellation wins", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			_, err := whenDue(t, b, func() error { held[0].Release(); return context.Canceled })
			mustMatch(t, err, bulk.ErrCanceled)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Expired != 0 || n.Canceled != 0 {
				t.Errorf("%+v", n)
			}
			mustBeIdle(t, b)
		}},
		{"hand-over before the due one leaves, and ctx ends after it was looked at", "cancellation wins here as well", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			released := false
			_, err := whenDue(t, b, func() error {
				if released {
					return context.Canceled
				}
				released = true
				held[0].Release()
				return nil
			})
			mustMatch(t, err, bulk.ErrCanceled)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Finished != 1 {
				t.Errorf("%+v", n)
			}
			mustBeIdle(t, b)
		}},
		{"close before the due one leaves", "closed", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			_, err := whenDue(t, b, b.Close)
			mustMatch(t, err, bulk.ErrClosed)
		}},
		{"a shrink before the due one leaves", "it still fits: expired", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			fill(t, b)
			_, err := whenDue(t, b, func() error { return b.Resize(1) })
			mustMatch(t, err, bulk.ErrExpired)
		}},
		{"growth before the due one leaves", "handed over: it runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			s, err := whenDue(t, b, func() error { return b.Resize(2) })
			if err != nil {
				t.Fatal(err)
			}
			s.Release()
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"the record of a due one is reused at once", "its signals never reach the next use", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3), bulk.WaitLimit(limit))
			held := fill(t, b)
			for range 50 {
				_, err := whenDue(t, b, func() error { return nil })
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
// is reached at the deadline of its ctx is canceled only if ctx is done when the
// call returns: callers go by ctx.Err() then, and nil would be no error to them.
func TestAnOperationIsCanceledOnlyIfItsContextIsDone(t *testing.T) {
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
				t.Errorf("late by %v: the bound waits for another time than a millisecond", late)
			}
			if n := b.Status().Totals; n.Canceled+n.Expired != 1 || (n.Canceled == 1) != done {
				t.Errorf("late by %v: %+v", late, n)
			}
			held[0].Release()
			mustBeIdle(t, b)
		})
	}
}

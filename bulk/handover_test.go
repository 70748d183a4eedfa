package bulk_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestSlotsAreHandedOverInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2, bulk.WaitingRoom(100))
		held := fill(t, b)
		var line []*parked
		for range 100 {
			line = append(line, park(t, b, 1))
		}
		held[0].Release()
		for i, p := range line {
			p.mustHold(t)
			if i+1 < len(line) {
				line[i+1].mustWait(t)
			}
			p.slot.Release()
		}
		held[1].Release()
		mustBeIdle(t, b)
	})
}

// The two orders of each race of the contract, made one after the other in the
// same instant of virtual time.
func TestRaces(t *testing.T) {
	const limit = time.Second
	bubbles(t, []struct {
		name string
		why  string
		test func(*testing.T)
	}{
		{"hand-over, then cancellation", "cancellation wins: fn does not run, the slots are passed on", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.endQuietly()
			held[0].Release() // p is granted here, and finds out when it wakes
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Canceled != 0 || n.AdmittedFromQueue != 2 || n.Finished != 1 {
				t.Errorf("%+v", n)
			}
			q.slot.Release()
			mustBeIdle(t, b)
		}},
		{"cancellation, then hand-over", "it may have left or not: its slot is never lost", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.cancel(nil)
			held[0].Release()
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
			if n := b.Status().Totals; n.Abandoned+n.Canceled != 1 {
				t.Errorf("%+v", n)
			}
			q.slot.Release()
			mustBeIdle(t, b)
		}},
		{"hand-over at the instant of the bound", "whoever takes the lock first; once handed over, it runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit) // the alarm rings in the same instant
			held[0].Release()
			if !p.over() {
				t.Fatal("still waiting")
			}
			switch n := b.Status().Totals; {
			case p.err == nil && n.AdmittedFromQueue == 1 && n.Expired == 0:
				p.slot.Release()
			case errors.Is(p.err, bulk.ErrExpired) && n.AdmittedFromQueue == 0 && n.Expired == 1:
			default:
				t.Errorf("err %v, %+v", p.err, n)
			}
			mustBeIdle(t, b)
		}},
		{"hand-over a nanosecond before the bound", "the bound is no longer of interest", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit - 1)
			held[0].Release()
			time.Sleep(limit)
			p.mustHold(t)
			p.slot.Release()
			mustBeIdle(t, b)
		}},
		{"expiry of the head", "whoever leaves grants the new head, if it fits now", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(2))
			park(t, b, 2).mustHold(t)
			large := park(t, b, 2, deadline.Within(limit))
			small := park(t, b, 1)
			small.mustWait(t)
			time.Sleep(limit)
			large.mustFail(t, bulk.ErrExpired)
			small.mustHold(t)
			if small.took != limit {
				t.Errorf("admitted after %v", small.took)
			}
		}},
		{"cancellation of the head", "the same", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(2))
			park(t, b, 2).mustHold(t)
			large := park(t, b, 2)
			small := park(t, b, 1)
			large.cancel(nil)
			large.mustFail(t, bulk.ErrCanceled)
			small.mustHold(t)
		}},
		{"leaving from the middle", "the order of the others is kept", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(5))
			held := fill(t, b)
			var line []*parked
			for range 5 {
				line = append(line, park(t, b, 1))
			}
			for _, i := range []int{2, 4, 0} { // middle, tail, head
				line[i].cancel(nil)
				line[i].mustFail(t, bulk.ErrCanceled)
			}
			held[0].Release()
			line[1].mustHold(t)
			line[3].mustWait(t)
			line[1].slot.Release()
			line[3].mustHold(t)
			line[3].slot.Release()
			mustBeIdle(t, b)
		}},
		{"close and bound at the same instant", "one of the two, counted once", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit)
			b.Close()
			if !p.over() || !errors.Is(p.err, bulk.ErrClosed) && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatalf("%v", p.err)
			}
			if n := b.Status().Totals; n.Closed+n.Expired != 1 {
				t.Errorf("%+v", n)
			}
		}},
		{"close, then cancellation", "turned away under the lock: closed", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			p := park(t, b, 1)
			b.Close()
			p.cancel(nil)
			p.mustFail(t, bulk.ErrClosed)
			if n := b.Status().Totals; n.Closed != 1 || n.Canceled != 0 {
				t.Errorf("%+v", n)
			}
		}},
		{"hand-over, then close", "what was handed over runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			held[0].Release()
			b.Close()
			p.mustHold(t)
			p.slot.Release()
			<-b.Done()
		}},
		{"hand-over and cancellation, then close", "the slots of the abandoned one count until it has woken", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			p.endQuietly()
			held[0].Release()
			b.Close()
			p.mustFail(t, bulk.ErrCanceled)
			<-b.Done()
			if n := b.Status().Totals; n.Abandoned != 1 {
				t.Errorf("%+v", n)
			}
		}},
		{"resize and bound at the same instant", "one of the two, and no slot lost", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit)
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			if !p.over() || p.err != nil && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatalf("%v", p.err)
			}
			p.slot.Release()
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"resize hands over, then cancellation", "cancellation wins here as well", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.endQuietly()
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
		}},
		{"oversized by a shrink, then cancellation", "turned away under the lock: oversized", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			fill(t, b)
			p := park(t, b, 2)
			if err := b.Resize(1); err != nil {
				t.Fatal(err)
			}
			p.cancel(nil)
			p.mustFail(t, bulk.ErrOversized)
		}},
	})
}

// A context that isn't one of the standard library's, or says one thing and
// does another, costs no slot and hangs nobody.
type foreignCtx struct {
	context.Context
	done chan struct{}
	err  error
}

func (c foreignCtx) Done() <-chan struct{} { return c.done }
func (c foreignCtx) Err() error            { return c.err }

// lyingCtx has a deadline at which nothing happens.
type lyingCtx struct {
	context.Context
	done chan struct{}
	dies time.Time
}

func (c lyingCtx) Deadline() (time.Time, bool) { return c.dies, true }
func (c lyingCtx) Done() <-chan struct{}       { return c.done }
func (c lyingCtx) Err() error                  { return nil }

func TestForeignContexts(t *testing.T) {
	bubbles(t, []struct {
		name string
		why  string
		test func(*testing.T)
	}{
		{"done without an error", "it can't be waited for any longer", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			ctx := foreignCtx{context.Background(), make(chan struct{}), nil}
			p := parkWith(t, ctx, b, 1) // wrapped once more, by the standard library
			var err error
			var bare sync.WaitGroup
			p.cancel(nil)
			synctest.Wait()
			bare.Go(func() { _, err = b.Acquire(ctx) })
			synctest.Wait()
			close(ctx.done)
			bare.Wait()
			mustMatch(t, err, bulk.ErrCanceled)
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"a deadline and no Done channel", "the wait limit still holds", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second))
			held := fill(t, b)
			parent, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err := b.Acquire(foreignCtx{Context: parent})
			mustMatch(t, err, bulk.ErrExpired)
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"a deadline that it doesn't keep", "it is not done, so the bound decides; neither the bound nor a hand-over waits for it", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			lying := lyingCtx{t.Context(), make(chan struct{}), time.Now().Add(time.Second)}
			start := time.Now()
			_, err := b.Acquire(lying, deadline.Within(time.Second))
			mustMatch(t, err, bulk.ErrExpired)
			if errors.Is(err, bulk.ErrCanceled) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, and the ctx is not done", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("waited %v", d)
			}
			lying.dies = time.Now().Add(time.Second)
			time.AfterFunc(time.Second+time.Microsecond, held[0].Release)
			s, err := b.Acquire(lying, deadline.Within(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			s.Release()
			mustBeIdle(t, b)
		}},
		{"one that panics", "the operation leaves the room, and the panic goes on up", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			func() {
				defer func() {
					if r := recover(); r != "ctx" {
						t.Errorf("recovered %v", r)
					}
				}()
				_, _ = b.Acquire(&hookCtx{Context: t.Context(), hook: func(look int) error {
					if look == 1 {
						return nil
					}
					panic("ctx")
				}}, deadline.Within(time.Second))
			}()
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"an error of its own", "it is matched, though the cause is unknown", func(t *testing.T) {
			b := mustNew(t, 1)
			own := errors.New("own")
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := b.Acquire(foreignCtx{parent, nil, own})
			mustMatch(t, err, bulk.ErrCanceled)
			mustMatch(t, err, own)
			mustBeIdle(t, b)
		}},
	})
}

// hookCtx runs a hook each time that the waiting operation looks at its ctx,
// which is after it has woken and before it takes the lock: what the hook does
// has surely taken the lock first.
type hookCtx struct {
	context.Context
	hook func(look int) error
	look int
}

func (c *hookCtx) Err() error {
	c.look++
	return c.hook(c.look)
}

// lateCtx has a deadline, and ends so much later.
type lateCtx struct {
	context.Context
	dies time.Time
}

func (c lateCtx) Deadline() (time.Time, bool) { return c.dies, true }

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
	bubbles(t, []struct {
		name string
		why  string
		test func(*testing.T)
	}{
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

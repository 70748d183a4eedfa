package bulk_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// A ctx that the standard library did not make, or that contradicts itself, neither
// costs a slot nor blocks an operation forever.
func TestForeignCtxCostsNoSlot(t *testing.T) {
	runScenarios(t, []scenario{
		{"done without an error", "the operation cannot wait any longer", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			ctx := foreignCtx{context.Background(), make(chan struct{}), nil}
			p := parkWith(t, ctx, b, 1) // inside a ctx of the standard library
			p.cancel(nil)
			synctest.Wait()
			var err error
			var bare sync.WaitGroup
			bare.Go(func() { _, err = b.Acquire(ctx) })
			synctest.Wait()
			close(ctx.done)
			bare.Wait()
			mustMatch(t, err, bulk.ErrCanceled)
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"a deadline but no Done channel", "the wait limit still holds", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second))
			held := fill(t, b)
			parent, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err := b.Acquire(foreignCtx{Context: parent})
			mustMatch(t, err, bulk.ErrExpired)
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"a deadline at which it does not end", "it is not done, so the bound decides, and neither the bound nor a grant waits for it", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			lying := lyingCtx{t.Context(), make(chan struct{}), time.Now().Add(time.Second)}
			start := time.Now()
			_, err := b.Acquire(lying, deadline.Within(time.Second))
			mustMatch(t, err, bulk.ErrExpired)
			if errors.Is(err, bulk.ErrCanceled) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, although ctx is not done", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("waited %v", d)
			}
			lying.ends = time.Now().Add(time.Second)
			time.AfterFunc(time.Second+time.Microsecond, held[0].Release)
			s, err := b.Acquire(lying, deadline.Within(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			s.Release()
			mustBeIdle(t, b)
		}},
		{"the end of ctx, then a grant, both just after the bound", "the wait ends, whichever takes the lock first", func(t *testing.T) {
			for range 100 { // the grant takes the lock first in most of them
				b := mustNew(t, 1, bulk.WaitingRoom(1))
				held := fill(t, b)
				lying := lyingCtx{t.Context(), make(chan struct{}), time.Now().Add(time.Second)}
				time.AfterFunc(time.Second+time.Microsecond, func() {
					close(lying.done)
					held[0].Release()
				})
				s, err := b.Acquire(lying, deadline.Within(time.Second))
				if err != nil {
					mustMatch(t, err, bulk.ErrCanceled)
				}
				s.Release()
				synctest.Wait() // held was released
				mustBeIdle(t, b)
			}
		}},
		{"a panic in Err", "the operation leaves the queue, and the panic propagates", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			ctx := &hookCtx{Context: t.Context(), hook: func(call int) error {
				if call == 1 { // at arrival
					return nil
				}
				panic("ctx")
			}}
			if got := mustPanic(t, func() { _, _ = b.Acquire(ctx, deadline.Within(time.Second)) }); got != "ctx" {
				t.Errorf("panicked with %v", got)
			}
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"an error that package context does not know", "it is matched, although its cause is unknown", func(t *testing.T) {
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

// breaks are the ways in which a method of a ctx can end without returning.
var breaks = map[string]func(){
	"panic":  func() { panic("ctx") },
	"Goexit": runtime.Goexit,
}

// brokenWait is an operation whose ctx does not return from one of its methods.
type brokenWait struct {
	b          *bulk.Bulkhead
	held       bulk.Slot // the slot that the operation waits for
	ctx        *brokenCtx
	endMethod  func() // one of the breaks
	methodEnds bool   // endMethod was called
}

// breakIn returns a hook that ends the method without returning in the given call
// of it, after it has called before.
func (w *brokenWait) breakIn(call int, before func()) func(int) {
	return func(n int) {
		if n == call {
			before()
			w.methodEnds = true
			w.endMethod()
		}
	}
}

func (w *brokenWait) close() { w.b.Close() }

// The methods of a ctx can panic or end the goroutine in any call, whatever was
// decided about the operation by then: the wait ends, and no slot is lost.
func TestCtxThatDoesNotReturnCostsNoSlot(t *testing.T) {
	const limit = time.Second
	const inGrace = limit + 500*time.Microsecond // a ctx that ends with the bound is given a millisecond to be done
	abandoned := func(n bulk.Totals) uint64 { return n.Abandoned }
	closed := func(n bulk.Totals) uint64 { return n.Closed }
	canceled := func(n bulk.Totals) uint64 { return n.Canceled }
	nothing := func() {}
	for _, c := range []struct {
		name    string
		prepare func(w *brokenWait)
		counted func(bulk.Totals) uint64
	}{
		{"Err, after a grant while the bound waits for ctx", func(w *brokenWait) {
			time.AfterFunc(inGrace, w.held.Release)
			w.ctx.onErr = w.breakIn(3, nothing)
		}, abandoned},
		{"Err, after Close while the bound waits for ctx", func(w *brokenWait) {
			time.AfterFunc(inGrace, w.close)
			w.ctx.onErr = w.breakIn(3, nothing)
		}, closed},
		{"Err, after the bound has waited for ctx", func(w *brokenWait) {
			w.ctx.onErr = w.breakIn(3, nothing)
		}, canceled},
		{"Err, after a grant during the call", func(w *brokenWait) {
			w.ctx.onErr = w.breakIn(2, w.held.Release)
		}, abandoned},
		{"Err, after a grant that came before the operation left the queue", func(w *brokenWait) {
			w.ctx.ends = w.ctx.ends.Add(time.Hour) // the bound does not wait for it
			w.ctx.onErr = func(call int) {
				if call == 2 {
					w.held.Release()
				}
				w.breakIn(3, nothing)(call)
			}
		}, abandoned},
		{"Err, after Close came before the operation left the queue", func(w *brokenWait) {
			w.ctx.ends = w.ctx.ends.Add(time.Hour)
			w.ctx.onErr = func(call int) {
				if call == 2 {
					w.close()
				}
				w.breakIn(3, nothing)(call)
			}
		}, closed},
		{"Deadline, when the bound has passed", func(w *brokenWait) { w.ctx.onDeadline = w.breakIn(1, nothing) }, canceled},
		{"Deadline, after a grant", func(w *brokenWait) { w.ctx.onDeadline = w.breakIn(1, w.held.Release) }, abandoned},
		{"Deadline, after Close", func(w *brokenWait) { w.ctx.onDeadline = w.breakIn(1, w.close) }, closed},
		{"Done, while queued", func(w *brokenWait) { w.ctx.onDone = w.breakIn(1, nothing) }, canceled},
		{"Done, after a grant", func(w *brokenWait) { w.ctx.onDone = w.breakIn(1, w.held.Release) }, abandoned},
		{"Done, after Close", func(w *brokenWait) { w.ctx.onDone = w.breakIn(1, w.close) }, closed},
	} {
		for how, endMethod := range breaks {
			t.Run(c.name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := mustNew(t, 1, bulk.WaitingRoom(2))
					ctx := &brokenCtx{Context: t.Context(), never: make(chan struct{}), ends: time.Now().Add(limit)}
					w := &brokenWait{b: b, held: fill(t, b)[0], ctx: ctx, endMethod: endMethod}
					c.prepare(w)
					w.mustCostNoSlot(t, limit, c.counted)
				})
			})
		}
	}
}

// mustCostNoSlot lets the operation wait, and another one behind it.
func (w *brokenWait) mustCostNoSlot(t *testing.T, limit time.Duration, counted func(bulk.Totals) uint64) {
	ended := make(chan outcome, 1)
	go func() {
		ended <- outcomeOf(func() error {
			_, err := w.b.Acquire(w.ctx, deadline.Within(limit))
			return err
		})
	}()
	synctest.Wait()
	var next *parked
	if w.ctx.onDone == nil { // otherwise the wait has ended
		next = park(t, w.b, 1)
		next.mustWait(t)
	}
	if got := <-ended; got.returned || !w.methodEnds {
		t.Errorf("the call returned: %+v", got)
	}
	synctest.Wait()
	s := w.b.Status()
	if n := s.Totals; counted(n) == 0 || n.Abandoned+n.Canceled+min(n.Closed, 1) != 1 || n.Expired != 0 {
		t.Errorf("counted %+v", n)
	}
	w.held.Release()
	switch {
	case next == nil:
	case s.Closed:
		next.mustFail(t, bulk.ErrClosed)
	default:
		next.mustHold(t)
		next.slot.Release()
	}
	mustBeIdle(t, w.b)
}

// An operation that does not ask what was decided about it must still receive the
// signal, or the next operation with the same record receives it. Only outside a
// bubble does a record keep its channel, so the test is in real time. A slow
// machine cannot make it fail.
func TestCtxThatDoesNotReturnLeavesNoSignal(t *testing.T) {
	for how, endMethod := range breaks {
		t.Run(how, func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)[0]
			ctx := &brokenCtx{Context: t.Context(), onDone: func(int) {
				held.Release()
				endMethod()
			}}
			got := outcomeOf(func() error {
				_, err := b.Acquire(ctx)
				return err
			})
			if got.returned {
				t.Fatalf("the call returned: %+v", got)
			}
			if n := b.Status().Totals; n.Abandoned != 1 {
				t.Fatalf("counted %+v", n)
			}
			// This Do needs no record, so the operation that waits gets the one that
			// was used before.
			err := bulk.Do(t.Context(), b, func(ctx context.Context) error {
				_, err := b.Acquire(ctx, deadline.Within(time.Millisecond))
				mustMatch(t, err, bulk.ErrExpired)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			mustBeIdle(t, b)
		})
	}
}

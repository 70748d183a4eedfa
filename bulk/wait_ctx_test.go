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

func TestForeignContexts(t *testing.T) {
	runScenarios(t, []scenario{
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

// wrecks are the ways in which a ctx may not return.
var wrecks = map[string]func(){
	"panic":  func() { panic("ctx") },
	"Goexit": runtime.Goexit,
}

// end runs f on a goroutine of its own, until it returns, panics or exits.
func end(f func()) (returned bool) {
	var g sync.WaitGroup
	g.Go(func() {
		defer func() { _ = recover() }()
		f()
		returned = true
	})
	g.Wait()
	return returned
}

// A ctx may fail to return at each look at it, whatever has been decided about
// the operation by then: the wait is over, and its slot is not lost.
func TestCtxThatDoesNotReturnCostsNoSlot(t *testing.T) {
	const limit = time.Second
	inGrace := limit + 500*time.Microsecond // see overdue
	cases := []struct {
		name    string
		prepare func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func())
		counted func(bulk.Totals) uint64
	}{
		{"Err, after a hand-over in the moment that a ctx is given", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			time.AfterFunc(inGrace, held.Release)
			c.onErr = func(look int) {
				if look == 3 {
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Abandoned }},
		{"Err, after Close in that moment", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			time.AfterFunc(inGrace, func() { b.Close() })
			c.onErr = func(look int) {
				if look == 3 {
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Closed }},
		{"Err, after nothing in that moment", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onErr = func(look int) {
				if look == 3 {
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Canceled }},
		{"Err, after a hand-over while it was asked", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onErr = func(look int) {
				if look == 2 {
					held.Release()
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Abandoned }},
		{"Err, after a hand-over that was found by its state", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.dies = c.dies.Add(time.Hour) // not presumed to have ended
			c.onErr = func(look int) {
				switch look {
				case 2:
					held.Release()
				case 3:
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Abandoned }},
		{"Err, after Close that was found by its state", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.dies = c.dies.Add(time.Hour)
			c.onErr = func(look int) {
				switch look {
				case 2:
					b.Close()
				case 3:
					wreck()
				}
			}
		}, func(n bulk.Totals) uint64 { return n.Closed }},
		{"Deadline, when the bound is reached", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDeadline = func(int) { wreck() }
		}, func(n bulk.Totals) uint64 { return n.Canceled }},
		{"Deadline, after a hand-over", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDeadline = func(int) {
				held.Release()
				wreck()
			}
		}, func(n bulk.Totals) uint64 { return n.Abandoned }},
		{"Deadline, after Close", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDeadline = func(int) {
				b.Close()
				wreck()
			}
		}, func(n bulk.Totals) uint64 { return n.Closed }},
		{"Done, before anything", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDone = func(int) { wreck() }
		}, func(n bulk.Totals) uint64 { return n.Canceled }},
		{"Done, after a hand-over", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDone = func(int) {
				held.Release()
				wreck()
			}
		}, func(n bulk.Totals) uint64 { return n.Abandoned }},
		{"Done, after Close", func(b *bulk.Bulkhead, held bulk.Slot, c *wreckCtx, wreck func()) {
			c.onDone = func(int) {
				b.Close()
				wreck()
			}
		}, func(n bulk.Totals) uint64 { return n.Closed }},
	}
	for _, c := range cases {
		for how, wreck := range wrecks {
			t.Run(c.name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := mustNew(t, 1, bulk.WaitingRoom(2))
					held := fill(t, b)[0]
					ctx := &wreckCtx{Context: t.Context(), never: make(chan struct{}), dies: time.Now().Add(limit)}
					wrecked := false
					c.prepare(b, held, ctx, func() {
						wrecked = true
						wreck()
					})
					var next *parked
					var g sync.WaitGroup
					g.Go(func() {
						if end(func() { _, _ = b.Acquire(ctx, deadline.Within(limit)) }) || !wrecked {
							t.Error("it returned")
						}
					})
					synctest.Wait()
					if ctx.onDone == nil { // else it is over at once
						next = park(t, b, 1)
						next.mustWait(t)
					}
					g.Wait()
					synctest.Wait()
					s := b.Status()
					if n := s.Totals; c.counted(n) == 0 || n.Abandoned+n.Canceled+min(n.Closed, 1) != 1 || n.Expired != 0 {
						t.Errorf("%+v", s.Totals)
					}
					held.Release()
					switch {
					case next == nil:
					case s.Closed:
						next.mustFail(t, bulk.ErrClosed)
					default:
						next.mustHold(t)
						next.slot.Release()
					}
					mustBeIdle(t, b)
				})
			})
		}
	}
}

// Who doesn't ask what was decided about it must hear it all the same, or the
// next use of its record would. Only outside a bubble are records kept with
// their channels, so this test is in real time. It can't fail by being slow.
func TestCtxThatDoesNotReturnLeavesNoSignal(t *testing.T) {
	for how, wreck := range wrecks {
		t.Run(how, func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)[0]
			ctx := &wreckCtx{Context: t.Context(), onDone: func(int) {
				held.Release()
				wreck()
			}}
			if end(func() { _, _ = b.Acquire(ctx) }) {
				t.Fatal("it returned")
			}
			if n := b.Status().Totals; n.Abandoned != 1 {
				t.Fatalf("%+v", n)
			}
			// This Do needs no record, so the one who waits has that of the wreck.
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

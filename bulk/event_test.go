package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
)

func TestEventsOfEachTransition(t *testing.T) {
	runScenarios(t, []scenario{
		{"every field", "operations that are admitted, queued, granted and released", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 2, bulk.WaitingRoom(3), bulk.OnEvent(r.handle))
			held, _ := b.TryAcquireN(2)
			start := time.Now()
			p := park(t, b, 1)
			time.Sleep(time.Second)
			held.Release()
			p.mustHold(t)
			p.slot.Release()
			c := bulk.Capacity{Parallelism: 2, WaitingRoom: 3}
			later := start.Add(time.Second)
			id := b.Status().ID
			want := []bulk.Event{
				{ID: id, Seq: 1, Op: 1, Kind: bulk.EventAdmitted, Label: "test", At: start, Slots: 2, Capacity: c, InFlight: 1, InUse: 2},
				{ID: id, Seq: 2, Op: 2, Kind: bulk.EventQueued, Label: "test", At: start, Slots: 1, Capacity: c, InFlight: 1, InUse: 2, Waiting: 1},
				{ID: id, Seq: 3, Op: 1, Kind: bulk.EventReleased, Label: "test", At: later, Slots: 2, Capacity: c, Waiting: 1},
				{ID: id, Seq: 4, Op: 2, Kind: bulk.EventAdmitted, Label: "test", At: later, Slots: 1, Queued: true, Waited: time.Second, Capacity: c, InFlight: 1, InUse: 1},
				{ID: id, Seq: 5, Op: 2, Kind: bulk.EventReleased, Label: "test", At: later, Slots: 1, Queued: true, Capacity: c},
			}
			if diff := cmp.Diff(want, r.take()); diff != "" {
				t.Error(diff)
			}
		}},
		{"rejected", "one event each, with the time of the wait", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second))
			fill(t, b)
			b.OnEvent(r.handle)
			done, cancel := context.WithCancel(t.Context())
			cancel()
			_, _ = b.Acquire(done)
			_, _ = b.AcquireN(t.Context(), 2)
			_, _ = b.Acquire(t.Context(), deadline.Before(time.Now()))
			_, _ = b.Acquire(t.Context(), deadline.NoWait())
			r.mustBe(t, bulk.EventCanceled, bulk.EventOversized, bulk.EventExpired, bulk.EventSaturated)
			park(t, b, 1)
			time.Sleep(time.Second)
			synctest.Wait()
			events := r.take()
			if e := events[len(events)-1]; e.Kind != bulk.EventExpired || !e.Queued || e.Waited != time.Second || e.Waiting != 0 {
				t.Errorf("%+v", e)
			}
			p := park(t, b, 1)
			time.Sleep(time.Millisecond)
			p.cancel(nil)
			p.mustFail(t, bulk.ErrCanceled)
			events = r.take()
			if e := events[len(events)-1]; e.Kind != bulk.EventCanceled || !e.Queued || e.Waited != time.Millisecond {
				t.Errorf("%+v", e)
			}
		}},
		{"abandoned", "admitted, then abandoned, then the next is admitted", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			b.OnEvent(r.handle)
			p.endQuietly()
			held[0].Release()
			q.mustHold(t)
			var kinds []bulk.EventKind
			for _, e := range bySeq(r.take()) { // made on two goroutines
				kinds = append(kinds, e.Kind)
			}
			if want := []bulk.EventKind{bulk.EventReleased, bulk.EventAdmitted, bulk.EventAbandoned, bulk.EventAdmitted}; !slices.Equal(kinds, want) {
				t.Errorf("%v, want %v", kinds, want)
			}
		}},
		{"Seq counts without handlers", "LastEvent of a Status is where a new handler begins", func(t *testing.T) {
			b := mustNew(t, 1)
			fill(t, b)[0].Release()
			var r recorder
			b.OnEvent(r.handle)
			if n := b.Status().LastEvent; n != 2 {
				t.Fatalf("last event %d", n)
			}
			fill(t, b)
			if e := r.take()[0]; e.Seq != 3 {
				t.Errorf("%+v", e)
			}
		}},
		{"handlers in the order in which they were added", "a handler gets no events after it was removed", func(t *testing.T) {
			var got []string
			say := func(s string) func(bulk.Event) { return func(bulk.Event) { got = append(got, s) } }
			b := mustNew(t, 1, bulk.OnEvent(say("a")), bulk.OnEvent(say("b")))
			h := say("c")
			first := b.OnEvent(h)
			second := b.OnEvent(h)
			s, _ := b.TryAcquire()
			first()
			first()
			s.Release()
			second()
			fill(t, b)
			if want := []string{"a", "b", "c", "c", "a", "b", "c", "a", "b"}; !slices.Equal(got, want) {
				t.Errorf("%v", got)
			}
		}},
		{"a nil handler", "panics, as the contract says", func(t *testing.T) {
			b := mustNew(t, 1)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				mustBeIdle(t, b)
			}()
			b.OnEvent(nil)
		}},
		{"handlers call back", "a handler may call any method that does not wait for the bulkhead", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(3))
			depth := 0
			remove := func() {}
			remove = b.OnEvent(func(e bulk.Event) {
				checkStatus(t, b.Status())
				if depth++; depth == 1 {
					s, ok := b.TryAcquire()
					if !ok {
						t.Error("no slot")
					}
					s.Release()
					if err := b.Resize(b.Capacity().Parallelism + 1); err != nil {
						t.Error(err)
					}
					remove()
				}
			})
			s, _ := b.TryAcquire()
			s.Release()
			mustBeIdle(t, b)
		}},
	})
}

func TestHandlerPanicIsContainedAndReported(t *testing.T) {
	var reported []any
	var after recorder
	b := mustNew(t, 1,
		bulk.OnEvent(func(e bulk.Event) { panic(e.Kind) }),
		bulk.OnEvent(after.handle),
		bulk.OnHandlerPanic(func(e bulk.Event, recovered any) {
			reported = append(reported, recovered)
			if e.Kind != recovered {
				t.Errorf("called for %v with %v", e.Kind, recovered)
			}
			panic("a second panic")
		}))
	if err := bulk.Do(t.Context(), b, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []any{bulk.EventAdmitted, bulk.EventReleased}; !slices.Equal(reported, want) {
		t.Errorf("OnHandlerPanic got %v, want %v", reported, want)
	}
	after.mustBe(t, bulk.EventAdmitted, bulk.EventReleased)
}

func TestHandlerPanicIsLoggedByDefault(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	b := mustNew(t, 1, bulk.OnEvent(func(bulk.Event) { panic("oops") }))
	b.TryAcquire()
	for _, want := range []string{"level=ERROR", "bulkhead=test", "event=admitted", "seq=1", "panic=oops"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %q", want, log.String())
		}
	}
}

// An OnHandlerPanic may end its goroutine, as t.FailNow does. The other handlers still
// get their events.
func TestOnHandlerPanicThatEndsItsGoroutineCostsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var after recorder
		b := mustNew(t, 1, bulk.OnEvent(func(e bulk.Event) { panic("x") }), bulk.OnEvent(after.handle),
			bulk.OnHandlerPanic(func(bulk.Event, any) { runtime.Goexit() }))
		go func() { _, _ = b.Acquire(t.Context()) }()
		synctest.Wait()
		mustFold(t, bySeq(after.take()), b.Status())
		if n := b.Status().InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

// The record of an operation that has waited is used again for one that does not.
func TestEventsOfAnOperationThatDidNotWaitAreNotQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(r.handle))
		held := fill(t, b)
		p := park(t, b, 1)
		held[0].Release()
		p.mustHold(t)
		p.slot.Release()
		r.take()
		fill(t, b)[0].Release()
		b.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventAdmitted {
				runtime.Goexit() // and is abandoned
			}
		})
		go b.TryAcquire()
		synctest.Wait()
		for _, e := range r.take() {
			if e.Queued {
				t.Errorf("%+v", e)
			}
		}
	})
}

// Without handlers, the second admission and later ones have no record. Close, new
// handlers and waiting operations must take account of them nevertheless.
func TestFastPathOperationIsSeenByCloseHandlersAndWaiters(t *testing.T) {
	onFastPath := func(t *testing.T, b *bulk.Bulkhead, fn func()) {
		for range 2 {
			first := b.Status().Totals.Admitted == 0
			_ = bulk.Do(t.Context(), b, func(context.Context) error {
				if !first {
					fn()
				}
				return nil
			})
		}
	}
	runScenarios(t, []scenario{
		{"close", "the bulkhead is drained when the operation has finished", func(t *testing.T) {
			b := mustNew(t, 1)
			onFastPath(t, b, func() { b.Close() })
			if !isDone(b) {
				t.Error("not drained")
			}
		}},
		{"a handler", "it gets the released event", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1)
			onFastPath(t, b, func() { b.OnEvent(r.handle) })
			r.mustBe(t, bulk.EventReleased)
		}},
		{"a waiting operation", "it is granted the slot", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			var p *parked
			onFastPath(t, b, func() { p = park(t, b, 1) })
			p.mustHold(t)
		}},
		{"a handler that ends the goroutine of Run", "the operation is abandoned", func(t *testing.T) {
			b := mustNew(t, 1)
			onFastPath(t, b, func() {})
			b.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventAdmitted {
					runtime.Goexit()
				}
			})
			go func() { _ = bulk.Do(t.Context(), b, nothing) }()
			synctest.Wait()
			if n := b.Status(); n.InFlight != 0 || n.Totals.Abandoned != 1 {
				t.Errorf("%+v", n)
			}
		}},
		{"a handler that is removed after Close", "the bulkhead stays closed", func(t *testing.T) {
			b := mustNew(t, 1)
			onFastPath(t, b, func() {})
			remove := b.OnEvent(func(bulk.Event) {})
			b.Close()
			remove()
			mustMatch(t, bulk.Do(t.Context(), b, nothing), bulk.ErrClosed)
			if _, ok := b.TryAcquire(); ok {
				t.Error("admitted")
			}
		}},
	})
}

// A handler of queued can cause the decision about its own operation and end the
// goroutine before the operation receives it.
func TestHandlerThatDecidesItsOwnOperationAndExitsCostsNoSlot(t *testing.T) {
	for _, closes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)[0]
			b.OnEvent(func(e bulk.Event) {
				if e.Kind != bulk.EventQueued {
					return
				}
				if closes {
					b.Close()
				}
				held.Release()
				runtime.Goexit()
			})
			go func() {
				_, _ = b.Acquire(t.Context())
				t.Error("it returned")
			}()
			synctest.Wait()
			if n := b.Status().Totals; closes && n.Closed != 1 || !closes && n.Abandoned != 1 || n.Closed+n.Abandoned != 1 || n.Canceled != 0 {
				t.Errorf("%+v", n)
			}
			mustBeIdle(t, b)
		})
	}
}

// A handler may end its goroutine in any event. No slot is lost, and the handlers
// after it still get their events.
func TestHandlerThatEndsItsGoroutineCostsNoSlot(t *testing.T) {
	kinds := []bulk.EventKind{bulk.EventAdmitted, bulk.EventReleased, bulk.EventQueued, bulk.EventExpired, bulk.EventCanceled,
		bulk.EventAbandoned, bulk.EventSaturated, bulk.EventOversized, bulk.EventRejectedClosed, bulk.EventClosed, bulk.EventDrained, bulk.EventResized}
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var before, after recorder
				b := mustNew(t, 2, bulk.WaitingRoom(2), bulk.OnEvent(before.handle), bulk.OnEvent(func(e bulk.Event) {
					if e.Kind == kind {
						runtime.Goexit()
					}
				}), bulk.OnEvent(after.handle))
				aside := func(f func()) {
					go f()
					synctest.Wait()
				}
				acquire := func(ctx context.Context, n int, limits ...deadline.Limit) (s bulk.Slot) {
					aside(func() { s, _ = b.AcquireN(ctx, n, limits...) })
					return s
				}
				first := acquire(t.Context(), 2)
				dying, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				acquire(t.Context(), 3)                       // oversized
				acquire(t.Context(), 2, deadline.NoWait())    // saturated, unless first is gone
				acquire(t.Context(), 2, deadline.Within(1))   // queued, expires
				aside(func() { _, _ = b.AcquireN(dying, 2) }) // queued, canceled
				time.Sleep(2 * time.Second)
				leaving := park(t, b, 2) // granted and canceled
				leaving.endQuietly()
				aside(first.Release)
				aside(func() { _ = b.Resize(3) })
				last := acquire(t.Context(), 3)
				aside(func() { _, _ = b.Acquire(t.Context()) }) // waits until closed
				aside(func() { b.Close() })
				aside(last.Release)
				aside(func() { last.Release() })
				s := b.Status()
				checkStatus(t, s)
				if s.InFlight != 0 || s.InUse != 0 || s.Waiting != 0 || !s.Drained() {
					t.Errorf("%+v", s)
				}
				x, y := bySeq(before.take()), bySeq(after.take())
				if diff := cmp.Diff(x, y); diff != "" {
					t.Errorf("the handler after it missed an event: %s", diff)
				}
				mustFold(t, x, s)
			})
		})
	}
}

func bySeq(events []bulk.Event) []bulk.Event {
	slices.SortFunc(events, func(a, b bulk.Event) int { return int(a.Seq) - int(b.Seq) })
	return events
}

// mustFold folds all events from the first one on, in the order of Seq, and compares
// the result with the Status.
func mustFold(t testing.TB, events []bulk.Event, want bulk.Status) {
	t.Helper()
	var n bulk.Totals
	var peak bulk.Peak
	var last bulk.Event
	var waits []time.Duration
	for i, e := range events {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		if e.Seq > want.LastEvent {
			break
		}
		count := func(atArrival, whileWaiting *uint64) {
			if e.Queued {
				*whileWaiting++
			} else {
				*atArrival++
			}
		}
		switch e.Kind {
		case bulk.EventAdmitted:
			n.Admitted++
			if e.Queued {
				n.AdmittedFromQueue++
				n.Wait += e.Waited
				n.LongestWait = max(n.LongestWait, e.Waited)
				waits = append(waits, e.Waited)
			}
		case bulk.EventQueued:
			n.Queued++
		case bulk.EventReleased:
			n.Finished++
		case bulk.EventAbandoned:
			n.Abandoned++
		case bulk.EventSaturated:
			n.Saturated++
		case bulk.EventExpired:
			count(&n.ExpiredAtArrival, &n.Expired)
		case bulk.EventCanceled:
			count(&n.CanceledAtArrival, &n.Canceled)
		case bulk.EventOversized:
			count(&n.OversizedAtArrival, &n.Oversized)
		case bulk.EventRejectedClosed:
			count(&n.ClosedAtArrival, &n.Closed)
		}
		peak = bulk.Peak{InFlight: max(peak.InFlight, e.InFlight), InUse: max(peak.InUse, e.InUse), Waiting: max(peak.Waiting, e.Waiting)}
		last = e
	}
	if last.Seq != want.LastEvent {
		t.Errorf("the last event is %d, want %d", last.Seq, want.LastEvent)
	}
	if int(want.Totals.Waits.Count()) != len(waits) {
		t.Errorf("%d waits, want %d", want.Totals.Waits.Count(), len(waits))
	}
	// Not in the events.
	n.Waits, n.Holds, n.Queueing, n.Shortened = want.Totals.Waits, want.Totals.Holds, want.Totals.Queueing, want.Totals.Shortened
	if n != want.Totals {
		t.Errorf("folded totals differ: %s", cmp.Diff(n, want.Totals))
	}
	if peak != want.Peak {
		t.Errorf("folded peak %+v, want %+v", peak, want.Peak)
	}
	if last.InFlight != want.InFlight || last.InUse != want.InUse || last.Waiting != want.Waiting || last.Closed != want.Closed {
		t.Errorf("last event %+v, status %+v", last, want)
	}
}

func TestEventsAreDeliveredBeforeTheCallReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(r.handle))
		s, _ := b.TryAcquire()
		r.mustBe(t, bulk.EventAdmitted)
		if _, ok := b.TryAcquire(); ok {
			t.Fatal("a second slot")
		}
		r.mustBe(t, bulk.EventSaturated)
		s.Release()
		r.mustBe(t, bulk.EventReleased)
		err := bulk.Do(t.Context(), b, func(context.Context) error {
			r.mustBe(t, bulk.EventAdmitted)
			return errors.New("x")
		})
		r.mustBe(t, bulk.EventReleased)
		if err == nil {
			t.Error("no error")
		}
	})
}

// Handlers are added and removed while events are delivered.
func TestHandlersCanBeAddedAndRemovedConcurrently(t *testing.T) {
	b := mustNew(t, 4, bulk.WaitingRoom(100))
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for range 500 {
				remove := b.OnEvent(func(bulk.Event) {})
				_ = bulk.Do(t.Context(), b, func(context.Context) error { return nil })
				remove()
			}
		})
	}
	g.Wait()
	mustBeIdle(t, b)
}

// A handler that reacts to a kind of event by causing it again recurses without end.
// These are the ways that OnEvent recommends instead.
func TestAHandlerCanReactWithoutRecursion(t *testing.T) {
	runScenarios(t, []scenario{
		{"on another goroutine", "the handler only passes the event on", func(t *testing.T) {
			b := mustNew(t, 1)
			saturated, depth, deepest, dropped := make(chan bulk.Event, 1), 0, 0, 0
			var mu sync.Mutex
			b.OnEvent(func(e bulk.Event) {
				mu.Lock()
				depth++
				deepest = max(deepest, depth)
				mu.Unlock()
				if e.Kind == bulk.EventSaturated {
					select {
					case saturated <- e:
					default:
						mu.Lock()
						dropped++
						mu.Unlock()
					}
				}
				mu.Lock()
				depth--
				mu.Unlock()
			})
			slots := fill(t, b)
			var worker sync.WaitGroup
			worker.Go(func() {
				for range saturated {
					// Saturated again, each time but the last: it waits a second, as
					// no handler may.
					if slot, ok := b.TryAcquire(); ok {
						slot.Release()
						return
					}
					time.Sleep(time.Second)
				}
			})
			for range 100 {
				b.TryAcquire()
			}
			synctest.Wait()
			time.Sleep(10 * time.Second)
			slots[0].Release()
			worker.Wait()
			if n := b.Status().Totals.Saturated; n < 110 || dropped == 0 {
				t.Errorf("%d were saturated, %d events dropped", n, dropped)
			}
			if deepest > 2 { // the caller's and the worker's, next to each other
				t.Errorf("handlers are nested %d deep", deepest)
			}
			mustBeIdle(t, b)
		}},
		{"by other kinds only", "the handler of saturated causes resized", func(t *testing.T) {
			b := mustNew(t, 1)
			var events recorder
			b.OnEvent(events.handle)
			b.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventSaturated {
					if err := b.Resize(e.Capacity.Parallelism + 1); err != nil {
						t.Error(err)
					}
				}
			})
			fill(t, b)
			b.TryAcquire()
			fill(t, b)
			events.mustBe(t, bulk.EventAdmitted, bulk.EventSaturated, bulk.EventResized, bulk.EventAdmitted)
		}},
	})
}

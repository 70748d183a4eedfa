package bulk_test

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestChangingCapacity(t *testing.T) {
	runScenarios(t, []scenario{
		{"growing admits in order, before it returns", "no operation waits for a free slot", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			fill(t, b)
			p, q, s := park(t, b, 1), park(t, b, 1), park(t, b, 1)
			b.OnEvent(r.handle)
			if err := b.Resize(3); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t, bulk.EventResized, bulk.EventAdmitted, bulk.EventAdmitted)
			p.mustHold(t)
			q.mustHold(t)
			s.mustWait(t)
		}},
		{"shrinking cancels nothing", "operations in flight drain, and admission resumes below the new parallelism", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			if err := b.Resize(1); err != nil {
				t.Fatal(err)
			}
			if s := b.Status(); s.InUse != 3 || s.Excess() != 2 || s.Free() != 0 {
				t.Errorf("%+v", s)
			}
			held[0].Release()
			held[1].Release()
			p.mustWait(t)
			held[2].Release()
			p.mustHold(t)
			p.slot.Release()
			mustBeIdle(t, b)
		}},
		{"shrinking rejects what could never fit", "in queue order, and the others move up", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 4, bulk.WaitingRoom(4))
			held := park(t, b, 3)
			large, small, larger, last := park(t, b, 4), park(t, b, 1), park(t, b, 3), park(t, b, 2)
			b.OnEvent(r.handle)
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t, bulk.EventResized, bulk.EventOversized, bulk.EventOversized)
			large.mustFail(t, bulk.ErrOversized)
			larger.mustFail(t, bulk.ErrOversized)
			small.mustWait(t)
			held.slot.Release()
			small.mustHold(t)
			last.mustWait(t)
			small.slot.Release()
			last.mustHold(t)
			var e *bulk.AdmissionError
			if errors.As(large.err, &e); e.Slots != 4 || e.Parallelism != 2 || e.Waiting != 3 || e.InUse != 3 {
				t.Errorf("%+v", e)
			}
			last.slot.Release()
			mustBeIdle(t, b)
		}},
		{"the head is rejected and the next is admitted", "the new head fits now", func(t *testing.T) {
			b := mustNew(t, 4, bulk.WaitingRoom(4))
			park(t, b, 1).mustHold(t)
			large, small := park(t, b, 4), park(t, b, 1)
			if err := b.Resize(3); err != nil {
				t.Fatal(err)
			}
			large.mustFail(t, bulk.ErrOversized)
			small.mustHold(t)
		}},
		{"a smaller waiting room rejects no waiting operation", "it takes effect as operations leave the queue", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			held := fill(t, b)
			p, q, r := park(t, b, 1), park(t, b, 1), park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 1}); err != nil {
				t.Fatal(err)
			}
			held[0].Release()
			p.mustHold(t)
			q.mustWait(t)
			park(t, b, 1).mustFail(t, bulk.ErrSaturated)
			p.slot.Release()
			q.mustHold(t)
			park(t, b, 1).mustFail(t, bulk.ErrSaturated)
			q.slot.Release()
			r.mustHold(t)
			park(t, b, 1).mustWait(t)
		}},
		{"a new wait limit holds for later arrivals", "waiting operations keep theirs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3), bulk.WaitLimit(time.Second))
			fill(t, b)
			old := park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 3, WaitLimit: time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			short := park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 3}); err != nil {
				t.Fatal(err)
			}
			long := park(t, b, 1)
			time.Sleep(time.Millisecond)
			short.mustFail(t, bulk.ErrExpired)
			time.Sleep(time.Second - time.Millisecond)
			old.mustFail(t, bulk.ErrExpired)
			time.Sleep(time.Hour)
			long.mustWait(t)
			b.Close()
		}},
		{"setting the current capacity", "nothing changes, so there is no event", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 2, bulk.WaitingRoom(1), bulk.WaitLimit(1), bulk.OnEvent(r.handle))
			if err := errors.Join(b.Resize(2), b.SetCapacity(b.Capacity())); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t)
			if n := b.Status().LastEvent; n != 0 {
				t.Errorf("last event %d", n)
			}
		}},
		{"resized has the previous capacity", "logs show both", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 2, bulk.WaitingRoom(7), bulk.OnEvent(r.handle))
			if err := b.Resize(5); err != nil {
				t.Fatal(err)
			}
			e := r.take()[0]
			if e.Previous != (bulk.Capacity{Parallelism: 2, WaitingRoom: 7}) || e.Capacity != (bulk.Capacity{Parallelism: 5, WaitingRoom: 7}) {
				t.Errorf("%+v", e)
			}
		}},
		{"good values on a closed bulkhead", "ErrClosed, but not an AdmissionError", func(t *testing.T) {
			b := mustNew(t, 2)
			b.Close()
			for _, err := range []error{b.Resize(3), b.Resize(2), b.SetCapacity(bulk.Capacity{Parallelism: 1})} {
				var e *bulk.AdmissionError
				if !errors.Is(err, bulk.ErrClosed) || errors.As(err, &e) || errors.Is(err, bulk.ErrNotStarted) {
					t.Errorf("%v", err)
				}
			}
			if c := b.Capacity(); c != (bulk.Capacity{Parallelism: 2}) {
				t.Errorf("%+v", c)
			}
		}},
		{"the largest numbers there are", "nothing overflows", func(t *testing.T) {
			b := mustNew(t, math.MaxInt, bulk.WaitingRoom(math.MaxInt), bulk.WaitLimit(math.MaxInt64))
			all := park(t, b, math.MaxInt)
			all.mustHold(t)
			p := park(t, b, math.MaxInt)
			p.mustWait(t)
			time.Sleep(math.MaxInt64)
			if p.over() && p.err != nil && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatal(p.err)
			}
			all.slot.Release()
			p.over()
			p.slot.Release()
			if s := b.Status(); s.InUse != 0 || s.Totals.Wait < 0 {
				t.Errorf("%+v", s)
			}
		}},
	})
}

func TestUpdateCapacity(t *testing.T) {
	runScenarios(t, []scenario{
		{"a change while f runs", "it is not lost: f runs again, with the new capacity", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			runs := 0
			err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
				if runs++; runs == 1 {
					mustResize(t, b, 7)
				}
				c.WaitingRoom++
				return c
			})
			if want := (bulk.Capacity{Parallelism: 7, WaitingRoom: 2}); err != nil || runs != 2 || b.Capacity() != want {
				t.Errorf("%v, %d runs, %+v", err, runs, b.Capacity())
			}
		}},
		{"a bad value computed from an outdated capacity", "it is not an error: f runs again", func(t *testing.T) {
			b := mustNew(t, 1)
			runs := 0
			err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
				if runs++; runs == 1 {
					mustResize(t, b, 5)
				}
				c.Parallelism -= 2
				return c
			})
			if err != nil || b.Capacity().Parallelism != 3 {
				t.Errorf("%v, %+v", err, b.Capacity())
			}
		}},
		{"a bad value", "it is an error and changes nothing, also on a closed bulkhead", func(t *testing.T) {
			b := mustNew(t, 3)
			negative := func(c bulk.Capacity) bulk.Capacity {
				c.WaitingRoom, c.WaitLimit = -1, -2
				return c
			}
			for range 2 {
				if got := problems(t, b.UpdateCapacity(negative)); len(got) != 2 || b.Capacity() != (bulk.Capacity{Parallelism: 3}) {
					t.Errorf("%v, %+v", got, b.Capacity())
				}
				b.Close()
			}
			var e *bulk.AdmissionError
			err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity { return c })
			if !errors.Is(err, bulk.ErrClosed) || errors.As(err, &e) {
				t.Errorf("a good value on a closed bulkhead: %v", err)
			}
		}},
		{"a panic of f", "it propagates and changes nothing", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.OnEvent(r.handle))
			got := mustPanic(t, func() {
				_ = b.UpdateCapacity(func(bulk.Capacity) bulk.Capacity { panic("no") })
			})
			if r.mustBe(t); got != "no" || b.Capacity() != (bulk.Capacity{Parallelism: 1}) {
				t.Errorf("%v, %+v", got, b.Capacity())
			}
			mustResize(t, b, 2)
		}},
		{"a nil f", "there is nothing to run", func(t *testing.T) {
			if got := mustPanic(t, func() { _ = mustNew(t, 1).UpdateCapacity(nil) }); got != "bulk: UpdateCapacity: nil f" {
				t.Errorf("%v", got)
			}
		}},
		{"f calls the bulkhead", "the lock is not held", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			p := park(t, b, 1)
			err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
				c.Parallelism += b.Status().Waiting
				return c
			})
			if p.mustHold(t); err != nil {
				t.Error(err)
			}
		}},
		{"f returns the current capacity", "nothing changes, so there is no event", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.OnEvent(r.handle))
			if err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity { return c }); err != nil {
				t.Error(err)
			}
			r.mustBe(t)
		}},
	})
}

func mustResize(t testing.TB, b *bulk.Bulkhead, parallelism int) {
	t.Helper()
	if err := b.Resize(parallelism); err != nil {
		t.Fatal(err)
	}
}

// Each goroutine sees its own changes: none of them is undone by the others.
func TestConcurrentChangesOfCapacityAreNotLost(t *testing.T) {
	b := mustNew(t, 1)
	const changes = 2_000
	var g, haveRead sync.WaitGroup
	haveRead.Add(2)
	for range 2 {
		g.Go(func() {
			meet := sync.OnceFunc(func() { haveRead.Done(); haveRead.Wait() })
			for range changes {
				if err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
					c.WaitingRoom++
					meet() // the first time, both have read before one of them sets
					return c
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Go(func() {
		for n := range changes {
			mustResize(t, b, n+2)
			if got := b.Capacity().Parallelism; got != n+2 {
				t.Errorf("resized to %d, but the parallelism is %d", n+2, got)
				return
			}
		}
	})
	g.Wait()
	if want := (bulk.Capacity{Parallelism: changes + 1, WaitingRoom: 2 * changes}); b.Capacity() != want {
		t.Errorf("got %+v, want %+v", b.Capacity(), want)
	}
}

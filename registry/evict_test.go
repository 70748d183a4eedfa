package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestEvictIdleTakesThoseIdleForIdleAfterOrLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 1, 10, registry.IdleAfter(time.Minute))
		slot := hold(t, k, "busy")
		touch(t, k, "a", "again")
		time.Sleep(time.Second)
		touch(t, k, "b")
		touch(t, k, "again")
		time.Sleep(time.Minute - time.Second - 1)
		if n := k.EvictIdle(); n != 0 {
			t.Errorf("%d evicted too early", n)
		}
		time.Sleep(time.Nanosecond)
		if n := k.EvictIdle(); n != 1 || k.Evict("a") {
			t.Errorf("%d evicted, want a", n)
		}
		// Idle counts from the release.
		time.Sleep(time.Hour)
		slot.Release()
		if n := k.EvictIdle(); n != 2 {
			t.Errorf("%d evicted, want b and again", n)
		}
		time.Sleep(time.Minute)
		// One that is turned away is a use, too: it departs.
		_, err := k.Acquire(done(t), "busy")
		mustBe(t, err, bulk.ErrCanceled)
		if n := k.EvictIdle(); n != 0 {
			t.Errorf("%d evicted that were used just now", n)
		}
		time.Sleep(time.Minute)
		if n := k.EvictIdle(); n != 1 || k.EvictIdle() != 0 {
			t.Errorf("%d evicted", n)
		}
		check(t, k)
	})
}

func TestWithoutIdleAfterAllThatAreIdleGo(t *testing.T) {
	k := mustKeyed[int](t, 1, 1000)
	for key := range 500 {
		touch(t, k, key)
	}
	if s := k.Status(); s.Keys != 500 || s.Totals.Finished != 500 || s.Totals.Holds.Samples != 500 {
		t.Errorf("%+v", s)
	}
	slot := hold(t, k, 7)
	if n := k.EvictIdle(); n != 499 {
		t.Errorf("%d evicted", n)
	}
	slot.Release()
	if n := k.EvictIdle(); n != 1 {
		t.Errorf("%d evicted", n)
	}
	if s := k.Status(); s.Keys != 0 || s.Evicted != 500 || s.Totals.Finished != 501 {
		t.Errorf("%+v", s)
	}
	check(t, k)
}

// In each of the ways in which a key can be evicted, and without the lock:
// handlers may call the Keyed.
func TestAnEvictedBulkheadIsClosed(t *testing.T) {
	for name, evict := range map[string]func(*registry.Keyed[string]){
		"Evict":     func(k *registry.Keyed[string]) { k.Evict("a") },
		"EvictIdle": func(k *registry.Keyed[string]) { k.EvictIdle() },
		"a new key": func(k *registry.Keyed[string]) { touch(t, k, "b") },
	} {
		var ids []uint64
		var k *registry.Keyed[string]
		k = mustKeyed[string](t, 1, 1, registry.Each(bulk.OnEvent(func(e bulk.Event) {
			k.Status()
			switch e.Kind {
			case bulk.EventReleased, bulk.EventClosed, bulk.EventDrained:
				ids = append(ids, e.ID)
			}
		})))
		touch(t, k, "a")
		evict(k)
		if len(ids) < 3 || ids[0] != ids[1] || ids[0] != ids[2] {
			t.Errorf("%s: released, closed and drained are of %v", name, ids)
		}
	}
}

// Keys that come as fast as they are evicted don't keep EvictIdle for ever.
func TestEvictIdleEndsUnderChurn(t *testing.T) {
	next := 0
	var k *registry.Keyed[int]
	k = mustKeyed[int](t, 1, 1000, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventClosed {
			next++
			touch(t, k, next)
		}
	})))
	for next < 200 {
		next++
		touch(t, k, next)
	}
	if n := k.EvictIdle(); n != 200 {
		t.Errorf("%d evicted", n)
	}
	if s := k.Status(); s.Keys != 200 {
		t.Errorf("%+v", s)
	}
}

// A Keyed made outside is used in one bubble after the other, whose clocks begin
// anew, and outside again.
func TestIdleAfterInOneBubbleAfterTheOther(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute} {
		k := mustKeyed[string](t, 1, 10, registry.IdleAfter(after))
		touch(t, k, "outside")
		for range 2 {
			synctest.Test(t, func(t *testing.T) {
				touch(t, k, "a")
				time.Sleep(time.Minute)
				if n := k.EvictIdle(); n != 2 {
					t.Errorf("IdleAfter(%v): %d evicted in a bubble", after, n)
				}
				time.Sleep(time.Hour)
				touch(t, k, "left behind")
			})
		}
		if n := k.EvictIdle(); n != 1 {
			t.Errorf("IdleAfter(%v): %d evicted outside", after, n)
		}
	}
}

// An evicted bulkhead is closed, and what it counted stays.
func TestTotalsOutliveTheirKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		kinds := make(map[bulk.EventKind]int)
		k := mustKeyed[string](t, 1, 2, registry.Each(bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds[e.Kind]++
		})))
		for i, key := range []string{"a", "b", "c", "a"} {
			slot := hold(t, k, key)
			var g sync.WaitGroup
			g.Go(func() { touch(t, k, key) })
			time.Sleep(time.Duration(i+1) * time.Second)
			_, err := k.Acquire(t.Context(), key)
			mustBe(t, err, bulk.ErrSaturated)
			slot.Release()
			g.Wait()
		}
		s := k.Status()
		if s.Keys != 2 || s.Evicted != 2 || kinds[bulk.EventClosed] != 2 || kinds[bulk.EventDrained] != 2 {
			t.Errorf("%+v, events %v", s, kinds)
		}
		n := s.Totals
		checkSums(t, n, 0, 0)
		if n.Admitted != 8 || n.AdmittedFromQueue != 4 || n.Saturated != 4 || n.Wait != 10*time.Second || n.LongestWait != 4*time.Second || n.Holds.Samples != 4 {
			t.Errorf("%+v", n)
		}
		k.EvictIdle()
		after := k.Status().Totals
		if !after.Waits.Equal(n.Waits) {
			t.Error("the histogram changed")
		}
		after.Waits, n.Waits = bulk.Waits{}, bulk.Waits{}
		if after != n {
			t.Errorf("eviction changed the totals:\n%+v\n%+v", n, after)
		}
	})
}

func TestKeyedCloseAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 2, 3, registry.Each(bulk.WaitingRoom(1)))
		a1, a2, b := hold(t, k, "a"), hold(t, k, "a"), hold(t, k, "b")
		touch(t, k, "c")
		var g sync.WaitGroup
		g.Go(func() {
			_, err := k.Acquire(t.Context(), "a")
			mustBe(t, err, bulk.ErrClosed)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errWhy)
		defer cancel()
		time.AfterFunc(time.Second, a2.Release)
		err := k.Shutdown(ctx)
		g.Wait()
		var drain *bulk.DrainError
		if !errors.As(err, &drain) || drain.Label != "tenants" || drain.InFlight != 2 {
			t.Errorf("got %v", err)
		}
		mustBe(t, err, context.DeadlineExceeded, errWhy)
		if s := k.Status(); !s.Closed || s.InFlight != 2 || s.Totals.Closed != 1 {
			t.Errorf("%+v", s)
		}
		if !k.Evict("c") || k.Evict("a") {
			t.Error("what is idle can be evicted, what is in use can't, also when it is closed")
		}
		time.AfterFunc(time.Hour, a1.Release)
		time.AfterFunc(2*time.Hour, b.Release)
		start := time.Now()
		if err := k.Shutdown(t.Context()); err != nil || time.Since(start) != 2*time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := errors.Join(k.Close(), k.Shutdown(done(t))); err != nil {
			t.Errorf("drained, and yet %v", err)
		}
		check(t, k)
	})
}

// A Keyed is closed as a whole: when the first key's bulkhead is closed, nobody
// is let in under another key.
func TestKeyedIsClosedForAllKeysAtOnce(t *testing.T) {
	var k *registry.Keyed[string]
	closed := 0
	k = mustKeyed[string](t, 1, 3, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		if e.Kind != bulk.EventClosed {
			return
		}
		if closed++; closed == 2 { // the door was first
			for _, key := range []string{"a", "b", "c"} {
				_, err := registry.RunKey(t.Context(), k, key, nothing)
				mustBe(t, err, bulk.ErrClosed)
			}
		}
	})))
	touch(t, k, "a", "b")
	_ = k.Close()
	if s := k.Status(); closed != 3 || s.Totals.ClosedAtArrival != 3 || s.Totals.Admitted != 2 {
		t.Errorf("closed %d, %+v", closed, s)
	}
}

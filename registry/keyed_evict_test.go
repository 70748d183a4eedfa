package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestEvictIdleEvictsKeysIdleForIdleAfterOrLonger(t *testing.T) {
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
		// A rejected operation is a use of the key, too.
		_, err := k.Acquire(done(t), "busy")
		mustBe(t, err, bulk.ErrCanceled)
		if n := k.EvictIdle(); n != 0 {
			t.Errorf("%d evicted although they were just used", n)
		}
		time.Sleep(time.Minute)
		if n := k.EvictIdle(); n != 1 || k.EvictIdle() != 0 {
			t.Errorf("%d evicted", n)
		}
		check(t, k)
	})
}

func TestEvictIdleWithoutIdleAfterEvictsAllIdleKeys(t *testing.T) {
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

// However the key is evicted, handlers may call the Keyed.
func TestEvictionClosesTheBulkheadWithoutTheLock(t *testing.T) {
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

// The clock of each bubble starts at the same time. The Keyed is used outside before
// and after.
func TestIdleAfterWorksInOneBubbleAfterAnother(t *testing.T) {
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

func TestTotalsOfEvictedKeysStay(t *testing.T) {
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

func TestNewKeyEvictsTheKeyIdleForTheLongestTime(t *testing.T) {
	k := mustKeyed[string](t, 1, 3)
	touch(t, k, "a", "b", "c", "a") // b is the oldest
	touch(t, k, "d")
	if k.Evict("b") {
		t.Error("b was still there")
	}
	slot := hold(t, k, "c") // now a is the oldest idle key
	touch(t, k, "e")
	if k.Evict("a") || !k.Evict("d") || !k.Evict("e") || k.Evict("c") {
		t.Error("a was not evicted")
	}
	slot.Release()
	if !k.Evict("c") || k.Evict("c") {
		t.Error("c could not be evicted once it was idle")
	}
	if s := k.Status(); s.Keys != 0 || s.Created != 5 || s.Evicted != 5 || s.Totals.Finished != 7 {
		t.Errorf("%+v", s)
	}
}

// It does not count from the arrival.
func TestIdleTimeCountsFromTheLastRelease(t *testing.T) {
	k := mustKeyed[string](t, 1, 2)
	a, b := hold(t, k, "a"), hold(t, k, "b")
	b.Release()
	a.Release()
	touch(t, k, "c")
	if k.Evict("b") || !k.Evict("a") {
		t.Error("b was released first, so it should have been evicted")
	}
}

func TestNewKeyIsRejectedWhenNoKeyIsIdle(t *testing.T) {
	k := mustKeyed[string](t, 2, 2)
	a, b := hold(t, k, "a"), hold(t, k, "b")
	_, err := registry.RunKey(t.Context(), k, "secret", func(context.Context) (int, error) {
		t.Error("started")
		return 0, nil
	})
	mustBe(t, err, registry.ErrTooManyKeys, bulk.ErrNotStarted, bulk.ErrOverload)
	mustNotBe(t, err, bulk.ErrSaturated, bulk.ErrExpired, bulk.ErrClosed, bulk.ErrCanceled, context.Canceled)
	var e *registry.TooManyKeysError
	if !errors.As(err, &e) || e.Label != "tenants" || e.MaxKeys != 2 || strings.Contains(err.Error(), "secret") {
		t.Errorf("%#v: %v", e, err)
	}
	mustBe(t, registry.ErrTooManyKeys, bulk.ErrNotStarted, bulk.ErrOverload)
	if text := registry.ErrTooManyKeys.Error(); !strings.Contains(text, "too many keys") {
		t.Error(text)
	}
	// Known keys are still admitted.
	touch(t, k, "a", "b")
	if s := k.Status(); s.TooManyKeys != 1 || s.Keys != 2 || s.Totals.Arrivals() != 4 {
		t.Errorf("%+v", s)
	}
	a.Release()
	touch(t, k, "secret")
	b.Release()
	check(t, k)
}

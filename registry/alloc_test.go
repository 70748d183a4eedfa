//go:build !race

package registry_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// Nor does a call with a new key that is rejected.
func TestCallsWithAKnownKeyAllocateNothing(t *testing.T) {
	ctx := t.Context()
	before := time.Now().Add(time.Hour)
	for name, opts := range map[string][]registry.KeyedOption{
		"plain":      nil,
		"idle after": {registry.IdleAfter(time.Hour)},
	} {
		k := mustKeyed[string](t, 1, 2, opts...)
		full := mustKeyed[string](t, 1, 1)
		hold(t, full, "a")
		guarded := registry.GuardKey(k, func(s string) string { return s }, func(context.Context, string) (int, error) { return 1, nil })
		r := registry.New()
		mustCreate(t, r, "a", 1)
		for what, f := range map[string]func(){
			"RunKey": func() { _, _ = registry.RunKey(ctx, k, "a", nothing) },
			"RunKey with limits": func() {
				_, _ = registry.RunKey(ctx, k, "a", nothing, deadline.Within(time.Second), deadline.Before(before))
			},
			"GuardKey": func() { _, _ = guarded(ctx, "a") },
			"Acquire": func() {
				s, _ := k.Acquire(ctx, "a")
				s.Release()
			},
			"saturated":   func() { _, _ = registry.RunKey(ctx, full, "a", nothing) },
			"no room":     func() { _, _ = full.Acquire(ctx, "b") },
			"Get":         func() { _, _ = r.Get("a") },
			"GetOrCreate": func() { _, _ = r.GetOrCreate("a", 1) },
		} {
			if n := testing.AllocsPerRun(1000, f); n != 0 {
				t.Errorf("%s, %s: %v allocations", name, what, n)
			}
		}
	}
}

// The documentation of Keyed says how much memory a key occupies.
func TestIdleKeyOccupiesTheDocumentedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2_000
		keys := make([]string, n)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		k := mustKeyed[string](t, 1, n, registry.Each(bulk.WaitingRoom(1)))
		before := heap()
		touch(t, k, keys...)
		if each := (heap() - before) / n; each < 500 || each > 850 {
			t.Errorf("an idle key takes %d bytes, not about 0.8 kB", each)
		}
		for _, key := range keys {
			slot := hold(t, k, key)
			var g sync.WaitGroup
			g.Go(func() { touch(t, k, key) })
			synctest.Wait()
			slot.Release()
			g.Wait()
		}
		if each := (heap() - before) / n; each < 4_000 || each > 5_700 {
			t.Errorf("an idle key that once had to wait occupies %d bytes, not about 5 kB", each)
		}
		runtime.KeepAlive(k)
	})
}

// It does not allocate a histogram for each key.
func TestKeyedStatusAllocatesOneHistogram(t *testing.T) {
	few, many := waitedKeys(t, 3), waitedKeys(t, 300)
	many.Evict(0) // evicted keys have a histogram too
	for _, k := range []*registry.Keyed[int]{few, many} {
		// A list of keys, a bulk.Status as the sum, and the histogram.
		if n := testing.AllocsPerRun(100, func() { _ = k.Status() }); n != 3 {
			t.Errorf("%d keys: %v allocations, want 3", k.Status().Keys, n)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := many.Status()
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 9_000 {
		t.Errorf("%d bytes for %d keys", bytes, s.Keys)
	}
	if s.Keys != 299 || s.Totals.Waits.Count() != 300 {
		t.Errorf("%d keys, %d waits", s.Keys, s.Totals.Waits.Count())
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

package registry_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func BenchmarkRegistry(b *testing.B) {
	for _, members := range []int{1, 1_000} {
		r := registry.New()
		for i := range members {
			mustCreate(b, r, fmt.Sprint(i), 1)
		}
		b.Run(fmt.Sprintf("Get/members=%d", members), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.Get("0")
			}
		})
		b.Run(fmt.Sprintf("GetOrCreate/members=%d", members), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.GetOrCreate("0", 1)
			}
		})
	}
}

// keysOf returns n keys and a Keyed that knows all of them. It logs the memory that
// one key occupies.
func keysOf(b *testing.B, n int, opts ...registry.KeyedOption) (*registry.Keyed[string], []string) {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("tenant-%07d", i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	k := mustKeyed[string](b, 4, n, opts...)
	touch(b, k, keys...)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n > 1 {
		b.Logf("%d bytes for each of %d idle keys", (after.HeapAlloc-before.HeapAlloc)/uint64(n), n)
	}
	return k, keys
}

// One goroutine uses the keys in turn. A call costs a fixed amount more than Run. The
// number of keys matters only because they do not fit into the caches of the processor.
func BenchmarkRunKey(b *testing.B) {
	b.Run("Run", func(b *testing.B) { // without keys, for comparison
		b.ReportAllocs()
		x, err := bulk.New("x", 4)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			_, _ = bulk.Run(b.Context(), x, nothing)
		}
	})
	b.Run("Run/one of 1000000", func(b *testing.B) { // the cost of memory without keys
		b.ReportAllocs()
		all := make([]*bulk.Bulkhead, 1_000_000)
		for i := range all {
			all[i], _ = bulk.New("x", 4)
			_, _ = bulk.Run(b.Context(), all[i], nothing)
		}
		i := 0
		for b.Loop() {
			_, _ = bulk.Run(b.Context(), all[i], nothing)
			if i += 7919; i >= len(all) {
				i %= len(all)
			}
		}
	})
	for _, n := range []int{1, 1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			k, keys := keysOf(b, n)
			b.ReportAllocs()
			ctx := b.Context()
			i := 0
			for b.Loop() {
				_, _ = registry.RunKey(ctx, k, keys[i], nothing)
				if i += 7919; i >= n { // a prime number, so that consecutive keys are far apart
					i %= n
				}
			}
		})
	}
	b.Run("one of 1000000", func(b *testing.B) {
		k, keys := keysOf(b, 1_000_000)
		b.ReportAllocs()
		ctx := b.Context()
		for b.Loop() {
			_, _ = registry.RunKey(ctx, k, keys[12345], nothing)
		}
	})
	b.Run("IdleAfter", func(b *testing.B) {
		k, keys := keysOf(b, 1, registry.IdleAfter(time.Hour))
		b.ReportAllocs()
		ctx := b.Context()
		for b.Loop() {
			_, _ = registry.RunKey(ctx, k, keys[0], nothing)
		}
	})
	b.Run("Acquire", func(b *testing.B) {
		k, keys := keysOf(b, 1)
		b.ReportAllocs()
		ctx := b.Context()
		for b.Loop() {
			s, _ := k.Acquire(ctx, keys[0])
			s.Release()
		}
	})
	for _, n := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("eviction/keys=%d", n), func(b *testing.B) {
			k, keys := keysOf(b, n)
			more := make([]string, n+1) // each key is evicted before it is used again
			copy(more, keys)
			more[n] = "one more"
			b.ReportAllocs()
			ctx := b.Context()
			i := n
			for b.Loop() {
				_, _ = registry.RunKey(ctx, k, more[i], nothing)
				if i++; i > n {
					i = 0
				}
			}
			if s := k.Status(); s.Evicted < uint64(b.N) {
				b.Errorf("%d evicted in %d calls", s.Evicted, b.N)
			}
		})
	}
	b.Run("no room", func(b *testing.B) {
		k, keys := keysOf(b, 1)
		hold(b, k, keys[0])
		b.ReportAllocs()
		ctx := b.Context()
		for b.Loop() {
			_, _ = registry.RunKey(ctx, k, "another", nothing)
		}
	})
}

// The goroutines use different keys, so they share only the lock of the Keyed.
func BenchmarkRunKeyParallel(b *testing.B) {
	k, keys := keysOf(b, 1_000)
	b.ReportAllocs()
	var goroutines atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		apart := len(keys) / runtime.GOMAXPROCS(0)
		for i := apart * int(goroutines.Add(1)); pb.Next(); i++ {
			_, _ = registry.RunKey(b.Context(), k, keys[i%len(keys)], nothing)
		}
	})
}

func BenchmarkKeyedStatus(b *testing.B) {
	for _, n := range []int{1, 1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			k, _ := keysOf(b, n)
			b.ReportAllocs()
			for b.Loop() {
				_ = k.Status()
			}
		})
	}
	// Keys of which some operations have waited have a histogram each.
	b.Run("keys=10000, all have waited", func(b *testing.B) {
		k := waitedKeys(b, 10_000)
		b.ReportAllocs()
		for b.Loop() {
			_ = k.Status()
		}
	})
}

// waitedKeys returns a Keyed with n idle keys. One operation of each has waited.
func waitedKeys(t testing.TB, n int) *registry.Keyed[int] {
	k := mustKeyed[int](t, 1, n, registry.Each(bulk.WaitingRoom(1)))
	for key := range n {
		waitOnce(t, k, key)
	}
	return k
}

// waitOnce lets one operation of the key wait.
func waitOnce[K comparable](t testing.TB, k *registry.Keyed[K], key K) {
	t.Helper()
	slot := hold(t, k, key)
	before := k.Waiting(key)
	var g sync.WaitGroup
	g.Go(func() { touch(t, k, key) })
	for k.Waiting(key) == before {
		runtime.Gosched()
	}
	slot.Release()
	g.Wait()
}

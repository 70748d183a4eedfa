package benchmarks

import (
	"context"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// BenchmarkKeyed has a limiter for each of a million keys, and one goroutine.
// peer=bulklink is registry.Keyed, which bounds the number of its keys. peer=xsync-map
// and peer=xsync-mutex are common handwritten forms: a sync.Map, or a map with a mutex,
// of semaphores, which grow without bound. keys=kept visits existing keys, in an order
// in which none is still in the processor's caches. keys=new uses a new key each time:
// Keyed evicts another one for it, and the maps grow.
func BenchmarkKeyed(b *testing.B) {
	const kept = 1000 // keys that Keyed keeps while new ones arrive
	keys := 1_000_000
	if testing.Short() {
		keys = 10_000
	}
	// A stride coprime to the number of keys visits all of them, far apart in memory.
	const stride = 7_919
	ways := []struct {
		name string
		make func(b *testing.B, most int) (caller, checker)
	}{
		{"bulklink", keyed},
		{"xsync-map", func(*testing.B, int) (caller, checker) {
			var m sync.Map
			return func(ctx context.Context, key int) {
				p, ok := m.Load(key)
				if !ok {
					p, _ = m.LoadOrStore(key, ofXsync())
				}
				_, _ = p.(peers.Peer).Run(ctx, one)
			}, nil
		}},
		{"xsync-mutex", func(*testing.B, int) (caller, checker) {
			var mu sync.Mutex
			m := map[int]peers.Peer{}
			return func(ctx context.Context, key int) {
				mu.Lock()
				p, ok := m[key]
				if !ok {
					p = ofXsync()
					m[key] = p
				}
				mu.Unlock()
				_, _ = p.Run(ctx, one)
			}, nil
		}},
	}
	for _, w := range inTurn(ways) {
		b.Run("keys=kept/peer="+w.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			call, check := w.make(b, keys)
			for key := range keys {
				call(ctx, key)
			}
			key := 0
			for b.Loop() {
				call(ctx, key)
				key = (key + stride) % keys
			}
			if check != nil {
				check(keys, keys)
			}
		})
	}
	for _, w := range inTurn(ways) {
		b.Run("keys=new/peer="+w.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			call, check := w.make(b, kept)
			for key := range kept {
				call(ctx, -1-key)
			}
			key := 0
			for b.Loop() {
				call(ctx, key)
				key++
			}
			if check != nil {
				check(kept, kept+b.N)
			}
		})
	}
}

type (
	caller  func(ctx context.Context, key int)
	checker func(kept, created int) // checks the numbers of keys kept now and created so far
)

// keyed makes a registry.Keyed that keeps at most the given number of keys.
func keyed(b *testing.B, most int) (caller, checker) {
	k, err := registry.NewKeyed[int]("bench", 4, most, registry.Each(bulk.WaitingRoom(4)))
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context, key int) { _, _ = registry.RunKey(ctx, k, key, one) },
		func(kept, created int) {
			if s := k.Status(); s.Keys != kept || s.Created != uint64(created) || s.Totals.Finished < uint64(created) {
				b.Errorf("got %+v, want %d keys kept and %d created", s, kept, created)
			}
		}
}

// ofXsync returns the limiter that the maps hold for a key.
func ofXsync() peers.Peer {
	xsync, _ := peers.Find("xsync")
	return xsync.New(peers.Setup{Slots: 4, Wait: peers.Forever})
}

package benchmarks

import (
	"context"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// A limiter for each of a million keys, one goroutine. peer=bulklink is
// registry.Keyed, which bounds how many keys it keeps; peer=xsync-map and
// peer=xsync-mutex are what one would write: a sync.Map, or a map with a mutex,
// of semaphores, which grows for ever. keys=kept visits keys that are there, in
// an order in which none is still in the processor's caches; keys=new brings one
// that isn't there each time: Keyed evicts another for it, the maps grow.
func BenchmarkKeyed(b *testing.B) {
	const kept = 1000 // by Keyed, while new ones come
	keys := 1_000_000
	if testing.Short() {
		keys = 10_000
	}
	// A stride that is prime to the number of keys visits all of them, far apart
	// in memory.
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
	checker func(known, brought int) // so many keys are known now, of so many that were new at some time
)

// keyed makes a registry.Keyed that keeps so many keys.
func keyed(b *testing.B, most int) (caller, checker) {
	k, err := registry.NewKeyed[int]("bench", 4, most, registry.Each(bulk.WaitingRoom(4)))
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context, key int) { _, _ = registry.RunKey(ctx, k, key, one) },
		func(known, brought int) {
			if s := k.Status(); s.Keys != known || s.Created != uint64(brought) || s.Totals.Finished < uint64(brought) {
				b.Errorf("not %d keys of %d: %+v", known, brought, s)
			}
		}
}

// ofXsync is what the maps have for a key.
func ofXsync() peers.Peer {
	xsync, _ := peers.Find("xsync")
	return xsync.New(peers.Setup{Slots: 4, Wait: peers.Forever})
}

package benchmarks

import (
	"context"
	"runtime"
	"testing"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/semaphore"
)

// BenchmarkUncontended runs operations from one goroutine: the cost of a call in a
// healthy service.
func BenchmarkUncontended(b *testing.B) {
	with(b, 0, patient(peers.Setup{Slots: 4, Room: 4}), func(b *testing.B, p peers.Peer) {
		p.Times(b.Context(), b.N, one)
	})
}

// BenchmarkAcquireRelease acquires and releases without a function.
func BenchmarkAcquireRelease(b *testing.B) {
	with(b, 0, func(s peers.Spec) peers.Peer {
		p := s.Patient(peers.Setup{Slots: 4, Room: 4})
		if _, ok := p.(peers.Holder); !ok {
			end(p)
			return nil
		}
		return p
	}, func(b *testing.B, p peers.Peer) {
		p.(peers.Holder).Pairs(b.Context(), b.N)
	})
}

// BenchmarkParallel uses all processors, and more slots than they can use.
func BenchmarkParallel(b *testing.B) {
	with(b, 0, patient(peers.Setup{Slots: 1000, Room: 4}), func(b *testing.B, p peers.Peer) {
		crowd(b, runtime.GOMAXPROCS(0), p, one)
	})
}

// BenchmarkRejection rejects every operation: the only slot is in use, and waiting is
// not allowed.
func BenchmarkRejection(b *testing.B) {
	with(b, 0, func(s peers.Spec) peers.Peer {
		if s.Name == "channel-ctx" || s.Name == "channel-timer" {
			return nil // the same as channel when waiting is not allowed
		}
		return s.New(peers.Setup{Slots: 1})
	}, func(b *testing.B, p peers.Peer) {
		release := hold(p)
		defer release()
		b.ResetTimer()
		p.Times(b.Context(), b.N, one)
		b.StopTimer()
	})
}

// BenchmarkGuard compares Guard with Run and with wrappers written by hand.
func BenchmarkGuard(b *testing.B) {
	limit := func() *bulk.Bulkhead { return bulk.Must(bulk.New("bench", 4, bulk.WaitingRoom(4))) }
	guards := []struct {
		name string
		make func() func(context.Context) (int, error)
	}{
		{"guard", func() func(context.Context) (int, error) { return bulk.Guard(limit(), one) }},
		{"run", func() func(context.Context) (int, error) {
			x := limit()
			return func(ctx context.Context) (int, error) { return bulk.Run(ctx, x, one) }
		}},
		{"acquire-by-hand", func() func(context.Context) (int, error) {
			x := limit()
			return func(ctx context.Context) (int, error) {
				s, err := x.Acquire(ctx)
				if err != nil {
					return 0, err
				}
				defer s.Release()
				return one(ctx)
			}
		}},
		{"xsync-by-hand", func() func(context.Context) (int, error) {
			x := semaphore.NewWeighted(4)
			return func(ctx context.Context) (int, error) {
				if err := x.Acquire(ctx, 1); err != nil {
					return 0, err
				}
				defer x.Release(1)
				return one(ctx)
			}
		}},
		{"channel-by-hand", func() func(context.Context) (int, error) {
			x := make(chan struct{}, 4)
			return func(ctx context.Context) (int, error) {
				select {
				case x <- struct{}{}:
				case <-ctx.Done():
					return 0, ctx.Err()
				}
				defer func() { <-x }()
				return one(ctx)
			}
		}},
	}
	for _, g := range inTurn(guards) {
		b.Run("way="+g.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, f := b.Context(), g.make()
			for b.Loop() {
				_, _ = f(ctx)
			}
		})
	}
}

// BenchmarkEvents has handlers for the events of every operation. Requiring InPlace
// excludes peers that announce only rejections, because this benchmark has none.
func BenchmarkEvents(b *testing.B) {
	for _, handlers := range []int{0, 1, 2} {
		b.Run("handlers="+itoa(handlers), func(b *testing.B) {
			with(b, peers.Announces|peers.InPlace, func(s peers.Spec) peers.Peer {
				if handlers > 1 && s.Name != "bulklink" {
					return nil // it supports only one listener of each kind
				}
				return s.Patient(peers.Setup{Slots: 4, Room: 4, Listen: handlers})
			}, func(b *testing.B, p peers.Peer) {
				p.Times(b.Context(), b.N, one)
			})
		})
	}
}

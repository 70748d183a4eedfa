package benchmarks

import (
	"context"
	"runtime"
	"testing"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/semaphore"
)

// One goroutine, nobody else: what a call costs in a healthy service.
func BenchmarkUncontended(b *testing.B) {
	with(b, 0, patient(peers.Setup{Slots: 4, Room: 4}), func(b *testing.B, p peers.Peer) {
		p.Times(b.Context(), b.N, one)
	})
}

// The same without a function around it.
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

// All processors at once, and more slots than they can use.
func BenchmarkParallel(b *testing.B) {
	with(b, 0, patient(peers.Setup{Slots: 1000, Room: 4}), func(b *testing.B, p peers.Peer) {
		crowd(b, runtime.GOMAXPROCS(0), p, one)
	})
}

// The only slot is taken, and nobody may wait.
func BenchmarkRejection(b *testing.B) {
	with(b, 0, func(s peers.Spec) peers.Peer {
		if s.Name == "channel-ctx" || s.Name == "channel-timer" {
			return nil // no different from channel when they don't wait
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

// Guard against Run, and against the wrapper that one would write by hand.
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

// Somebody listens to every operation. InPlace leaves out those that announce
// nothing but rejections, of which there are none here.
func BenchmarkEvents(b *testing.B) {
	for _, handlers := range []int{0, 1, 2} {
		b.Run("handlers="+itoa(handlers), func(b *testing.B) {
			with(b, peers.Announces|peers.InPlace, func(s peers.Spec) peers.Peer {
				if handlers > 1 && s.Name != "bulklink" {
					return nil // one listener of a kind is all it has
				}
				return s.Patient(peers.Setup{Slots: 4, Room: 4, Listen: handlers})
			}, func(b *testing.B, p peers.Peer) {
				p.Times(b.Context(), b.N, one)
			})
		})
	}
}

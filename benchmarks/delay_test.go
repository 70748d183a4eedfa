package benchmarks

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// BenchmarkStartDelay measures the time from the end of one operation, when it releases
// its slot, to the start of the next. There is one slot, so operations can share the
// variable ended. With op=yields the processors are busy with the hand-over; with
// op=parks each operation waits for an answer of another goroutine.
func BenchmarkStartDelay(b *testing.B) {
	const goroutines = 16
	for _, parks := range []bool{false, true} {
		name := "yields"
		if parks {
			name = "parks"
		}
		b.Run("op="+name, func(b *testing.B) {
			with(b, peers.Limits, patient(peers.Setup{Slots: 1, Room: goroutines}), func(b *testing.B, p peers.Peer) {
				ask, answer := make(chan struct{}), make(chan struct{})
				defer close(ask)
				go func() {
					for range ask {
						answer <- struct{}{}
					}
				}()
				delays := newSamples(1, b.N+goroutines)
				var ended time.Time
				saturated(b, 1, goroutines, p, func(ctx context.Context, _, n int, count func()) {
					p.Times(ctx, n, func(ctx context.Context) (int, error) {
						if !ended.IsZero() {
							delays.note(0, time.Since(ended))
						}
						count()
						if parks {
							ask <- struct{}{}
							<-answer
						} else {
							_, _ = yield(ctx)
						}
						ended = time.Now()
						return 0, nil
					})
				})
				delays.report(b, "", "p50", "p99")
			})
		})
	}
}

// BenchmarkFairness measures how long each of many equal goroutines waits. In a fair
// queue all waits are about the same. The operation yields, so that other goroutines
// could overtake.
func BenchmarkFairness(b *testing.B) {
	const goroutines = 64
	with(b, peers.Limits, patient(peers.Setup{Slots: 1, Room: goroutines}), func(b *testing.B, p peers.Peer) {
		waits := newSamples(goroutines, b.N/goroutines+1)
		saturated(b, 1, goroutines, p, func(ctx context.Context, g, n int, count func()) {
			var asked time.Time
			op := func(ctx context.Context) (int, error) {
				if !asked.IsZero() {
					waits.note(g, time.Since(asked))
				}
				count()
				return yield(ctx)
			}
			// The first wait began before the clock started, so it is not counted.
			_, _ = p.Run(ctx, op)
			for range n - 1 {
				asked = time.Now()
				_, _ = p.Run(ctx, op)
			}
		})
		waits.report(b, "", "p50", "p99", "max")
	})
}

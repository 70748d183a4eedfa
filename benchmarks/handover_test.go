package benchmarks

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

func itoa(n int) string { return strconv.Itoa(n) }

// yield lets other goroutines run while it holds its slot, like an operation that waits.
// Without it, two processors would never have 64 slots in use at the same time. One
// slot would not stay contended either: once the queue is empty for any reason, a single
// goroutine would run its loop and never wait again.
func yield(context.Context) (int, error) {
	runtime.Gosched()
	return 1, nil
}

// BenchmarkHandOver has more goroutines than slots, so every call waits and is handed a
// slot. handovers/op is the share of operations that got a slot of another goroutine.
// If it is well below 1, the figure does not measure waiting. The garbage collector
// reduces it, because it parks goroutines that allocate while they wait: see ballast.
// 16 goroutines cannot fill 64 slots; see BenchmarkParallel for that case.
func BenchmarkHandOver(b *testing.B) {
	limits := []struct {
		name string
		wait time.Duration
	}{{"none", peers.Forever}, {"never-fires", time.Minute}}
	for _, slots := range []int{1, 64} {
		for _, goroutines := range []int{16, 256, 4096} {
			if goroutines <= slots || testing.Short() && goroutines != 256 {
				continue
			}
			for _, limit := range limits {
				b.Run("slots="+itoa(slots)+"/goroutines="+itoa(goroutines)+"/limit="+limit.name, func(b *testing.B) {
					setup := peers.Setup{Slots: slots, Room: goroutines, Wait: limit.wait}
					with(b, peers.Limits, as(setup), func(b *testing.B, p peers.Peer) {
						var last, switches atomic.Int64 // last is the goroutine that held a slot before
						ran := saturated(b, slots, goroutines, p, func(ctx context.Context, g, n int, count func()) {
							me, mine := int64(g)+1, int64(0)
							p.Times(ctx, n, func(ctx context.Context) (int, error) {
								if last.Swap(me) != me {
									mine++
								}
								count()
								return yield(ctx)
							})
							switches.Add(mine)
						})
						b.ReportMetric(float64(switches.Load())/float64(ran), "handovers/op")
					})
				})
			}
		}
	}
}

// BenchmarkSharedContext is a hand-over with one ctx for all goroutines, as in an
// errgroup. Goroutines that wait in a select then also contend for the channel of ctx.
func BenchmarkSharedContext(b *testing.B) {
	const goroutines = 256
	setup := peers.Setup{Slots: 1, Room: goroutines, Wait: peers.Forever}
	with(b, peers.Limits|peers.Cancels, as(setup), func(b *testing.B, p peers.Peer) {
		shared := b.Context()
		saturated(b, 1, goroutines, p, func(_ context.Context, _, n int, count func()) {
			p.Times(shared, n, func(ctx context.Context) (int, error) {
				count()
				return yield(ctx)
			})
		})
	})
}

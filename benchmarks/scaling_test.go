package benchmarks

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// BenchmarkScaling runs operations of a known duration as fast as the processors can,
// through no bulkhead, through one, and through one for each goroutine. It shows how
// short operations must be for the lock to limit the rate. See docs/scaling.md.
func BenchmarkScaling(b *testing.B) {
	perNS := spinsPerNanosecond()
	for procs := 1; procs <= runtime.NumCPU(); procs *= 2 {
		for _, work := range []time.Duration{0, 100, 1000, 10_000} {
			n := int(float64(work) * perNS)
			op := func(context.Context) (int, error) { return spin(n), nil }
			for _, bulkheads := range []string{"none", "one", "sharded"} {
				b.Run("procs="+itoa(procs)+"/work="+work.String()+"/bulkheads="+bulkheads, func(b *testing.B) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					shards := make([]*bulk.Bulkhead, procs)
					for g := range shards {
						switch {
						case bulkheads == "one" && g > 0:
							shards[g] = shards[0]
						case bulkheads != "none":
							shards[g] = bulk.Must(bulk.New("bench", 1000))
						}
					}
					together(b, procs, func(context.Context, int) {}, func(ctx context.Context, g, n int) {
						x := shards[g]
						if x == nil {
							for range n {
								_, _ = op(ctx)
							}
							return
						}
						for range n {
							_, _ = bulk.Run(ctx, x, op)
						}
					})
				})
			}
		}
	}
}

// spin is work that uses only the processor and no memory.
//
//go:noinline
func spin(n int) int {
	x := 1
	for range n {
		x = x*1664525 + 1013904223
	}
	return x
}

// spinsPerNanosecond measures the rate of spin once. It returns the fastest of ten
// tries, because other load can only slow spin down.
var spinsPerNanosecond = sync.OnceValue(func() float64 {
	const n = 1 << 20
	best := 0.0
	var sink atomic.Int64
	for range 10 {
		began := time.Now()
		sink.Add(int64(spin(n)))
		best = max(best, n/float64(time.Since(began)))
	}
	return best
})

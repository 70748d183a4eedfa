package benchmarks

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// crowd distributes b.N operations over goroutines that start at the same time.
func crowd(b *testing.B, goroutines int, p peers.Peer, op peers.Op) {
	together(b, goroutines,
		func(ctx context.Context, _ int) { p.Times(ctx, 1, op) },
		func(ctx context.Context, _, n int) { p.Times(ctx, n, op) })
}

// together distributes b.N operations over goroutines. Each goroutine first calls warm,
// which grows its stack and creates objects that are reused later. When all have done
// so, the clock starts, and each calls do with its number of operations. together
// returns the processor time of the timed part, in nanoseconds.
//
// Each goroutine has its own ctx, like the requests of a server. For the cost of a
// shared ctx see BenchmarkSharedContext.
func together(b *testing.B, goroutines int, warm func(ctx context.Context, g int), do func(ctx context.Context, g, n int)) (cpu float64) {
	var ready, over sync.WaitGroup
	start := make(chan struct{})
	for g := range goroutines {
		n := b.N / goroutines
		if g < b.N%goroutines {
			n++
		}
		ready.Add(1)
		over.Go(func() {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			warm(ctx, g)
			ready.Done()
			<-start
			do(ctx, g, n)
		})
	}
	ready.Wait()
	b.ResetTimer()
	began := cpuTime()
	close(start)
	over.Wait()
	b.StopTimer()
	return float64(cpuTime() - began)
}

// saturated is like together, but keeps the queue of p at its full length while the
// clock runs. All goroutines are queued before the clock starts; otherwise one would
// often complete its share before the next one starts, and no operation would wait.
// Each goroutine runs one operation more than its share, so that those that are done
// are queued again when the clock stops with the last share. For each timed operation,
// one operation is queued in the timed part.
//
// Each operation must call count once. A rejected operation is an error. saturated
// returns how many operations ran, timed or not.
func saturated(b *testing.B, slots, goroutines int, p peers.Peer, do func(ctx context.Context, g, n int, count func())) (ran int) {
	release := make([]func(), slots)
	for i := range release {
		release[i] = hold(p)
	}
	var over sync.WaitGroup
	var shares, all atomic.Int64
	shares.Store(int64(min(goroutines, b.N)))
	for g := range int(shares.Load()) {
		share := b.N / goroutines
		if g < b.N%goroutines {
			share++
		}
		over.Go(func() {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			done := 0
			do(ctx, g, share+1, func() {
				if done++; done == share && shares.Add(-1) == 0 {
					b.StopTimer()
				}
			})
			if done != share+1 {
				b.Errorf("%d of %d operations ran", done, share+1)
			}
			all.Add(int64(done))
		})
	}
	settle()
	b.ResetTimer()
	for _, r := range release {
		r()
	}
	over.Wait()
	return int(all.Load())
}

// samples holds durations in nanoseconds, one slice for each goroutine.
type samples [][]float64

// newSamples allocates room for the first durations of each goroutine, so that note
// does not allocate in the measured part.
func newSamples(goroutines, each int) samples {
	s := make(samples, goroutines)
	for g := range s {
		s[g] = make([]float64, 0, each)
	}
	return s
}

// note adds d to the samples of goroutine g, if there is room.
func (s samples) note(g int, d time.Duration) {
	if len(s[g]) < cap(s[g]) {
		s[g] = append(s[g], float64(d))
	}
}

// report reports quantiles as metrics: p50-ns, p99-ns, …
func (s samples) report(b *testing.B, prefix string, quantiles ...string) {
	all := slices.Concat(s...)
	slices.Sort(all)
	if len(all) == 0 {
		return
	}
	for _, q := range quantiles {
		b.ReportMetric(quantile(all, ranks[q]), prefix+q+"-ns")
	}
}

var ranks = map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1}

// quantile returns the quantile q of sorted values, by nearest rank.
func quantile(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

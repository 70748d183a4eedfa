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

// crowd shares out b.N operations among goroutines that begin at the same time.
func crowd(b *testing.B, goroutines int, p peers.Peer, op peers.Op) {
	together(b, goroutines,
		func(ctx context.Context, _ int) { p.Times(ctx, 1, op) },
		func(ctx context.Context, _, n int) { p.Times(ctx, n, op) })
}

// together shares out b.N operations among goroutines. Each does warm first,
// which grows its stack and makes what is reused later; when all have, the
// clock starts, and each does its n. It returns the processor time that this
// took, in nanoseconds.
//
// Each goroutine has a ctx of its own, as the requests of a server do. What it
// costs to share one is another question: see BenchmarkSharedContext.
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

// saturated is together where the queue of p is as long while the clock runs as
// it can be. All goroutines stand in it before the clock starts: otherwise one
// would often be done with its share before the next one begins, and nobody
// would have waited. And each does one operation more than its share: so those
// that are done stand in the queue again when the clock stops, with the last
// share. Each operation that is timed has a place in the queue taken in the
// timed part as well.
//
// The operations that do makes call count once each. It is an error if one of
// them was turned away. saturated returns how many ran, timed or not.
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

// samples are times in nanoseconds that each goroutine notes for itself.
type samples [][]float64

// newSamples has room for what each of them notes first, so that noting
// allocates nothing in the measured part.
func newSamples(goroutines, each int) samples {
	s := make(samples, goroutines)
	for g := range s {
		s[g] = make([]float64, 0, each)
	}
	return s
}

// note keeps d, if there is room.
func (s samples) note(g int, d time.Duration) {
	if len(s[g]) < cap(s[g]) {
		s[g] = append(s[g], float64(d))
	}
}

// report writes quantiles as metrics: p50-ns, p99-ns …
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

// quantile is the nearest rank of sorted values.
func quantile(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

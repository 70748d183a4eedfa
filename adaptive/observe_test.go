package adaptive_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// Under a load that does not change, a limiter whose limit is not set can hardly know
// whether its first latency was one of a dependency that queues. It does not advise to raise
// a limit that is more than the dependency can take.
func TestObservingUnderSteadyOverloadNeverAdvisesMore(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		for _, limit := range []int{60, 150} {
			got := run{
				start: limit, rate: twice(capacity), duration: 5 * time.Minute, seed: seed,
				d: steady(simdep.Dependency{}), opts: []adaptive.Option{adaptive.Observe()},
			}.do(t)
			reasons := map[adaptive.Reason]int{}
			for i, d := range got.decisions {
				reasons[d.Reason]++
				if got.ended[i] > 10 && d.To > limit {
					t.Errorf("limit %d: %v", limit, d)
				}
			}
			t.Logf("limit %d: %v", limit, reasons)
		}
	})
}

// A quiet time confirms the baseline. After it the advice has the right direction.
func TestObservingAdvisesTheRightDirectionAfterAQuietTime(t *testing.T) {
	const quiet = 2 * time.Minute
	for limit, right := range map[int]adaptive.Reason{20: adaptive.Growing, 150: adaptive.Queueing} {
		got := run{
			start: limit, duration: 10 * time.Minute, seed: 1, d: steady(simdep.Dependency{}), opts: []adaptive.Option{adaptive.Observe()},
			rates: func(at time.Duration) float64 {
				if at < quiet {
					return twice(capacity) / 20
				}
				return twice(capacity)
			},
		}.do(t)
		reasons, all := map[adaptive.Reason]int{}, 0
		for i, d := range got.decisions {
			if got.ended[i] > int(quiet/time.Second)+5 {
				reasons[d.Reason]++
				all++
			}
		}
		if wrong := all - reasons[right] - reasons[adaptive.Settled]; reasons[right] < all/4 || wrong > all/50 {
			t.Errorf("limit %d of a dependency that takes %d: %v", limit, capacity, reasons)
		}
		t.Logf("limit %d: %v", limit, reasons)
	}
}

// A caller that applies the decisions of an observing limiter gets what a limiter that sets
// would do.
func TestAppliedAdviceFindsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("dependency", 20))
		l := mustLimit(t, b, lowest, highest, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) {
			if d.Reason == adaptive.NotConfirmed {
				t.Errorf("%v", d)
			}
			if err := b.Resize(d.To); err != nil {
				t.Error(err)
			}
		}))
		load := simdep.Load{Rate: simdep.Steady(twice(capacity)), Duration: 2 * time.Minute, Seed: 1}
		simdep.Run(steady(simdep.Dependency{}), load, ours{b, l})
		if n := b.Capacity().Parallelism; n < capacity*8/10 || n > capacity*13/10 {
			t.Errorf("parallelism %d", n)
		}
	})
}

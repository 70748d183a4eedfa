package adaptive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

const capacity = 50

// each runs a test with several seeds.
func each(t *testing.T, test func(t *testing.T, seed uint64)) {
	for seed := uint64(1); seed <= 4; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { test(t, seed) })
	}
}

// twice is a load of twice what the dependency can take.
func twice(capacity float64) float64 { return 2 * capacity / service.Seconds() }

func TestAtTwiceTheLoadTheLimitIsFoundWithin30Windows(t *testing.T) {
	constant := simdep.Constant(capacity)
	for _, c := range []struct {
		name string
		d    simdep.Dependency
	}{
		{"knee", simdep.Dependency{Capacity: constant, Service: simdep.Erlang(service, 4)}},
		{"knee, service times without bound", simdep.Dependency{Capacity: constant, Service: simdep.Exponential(service)}},
		{"collapse", simdep.Dependency{Capacity: constant, Service: simdep.Erlang(service, 4), Collapse: 0.5}},
		{"refuses", simdep.Dependency{Capacity: constant, Service: simdep.Erlang(service, 4), Refuses: true}},
	} {
		r := run{d: c.d, rate: twice(capacity), duration: 100 * time.Second}
		best, unloaded := r.best(t, capacity), r.unloaded(t)
		for _, start := range []int{10, capacity, highest} {
			t.Run(fmt.Sprintf("%s from %d", c.name, start), func(t *testing.T) {
				mean, n := 0.0, 0.0
				each(t, func(t *testing.T, seed uint64) {
					r := r
					r.start, r.seed = start, seed
					after := r.do(t).from(30)
					goodput, slower := simdep.Goodput(after)/best, float64(simdep.P99(after))/float64(unloaded)
					t.Logf("after 30 windows: %.3f of the best goodput, p99 %.2f × unloaded", goodput, slower)
					if goodput < 0.90 || slower > 2 {
						t.Errorf("goodput %.3f of the best, want 0.90; p99 %.2f × unloaded, want at most 2", goodput, slower)
					}
					mean, n = mean+goodput, n+1
				})
				if mean /= n; mean < 0.95 {
					t.Errorf("goodput %.3f of the best, want 0.95", mean)
				}
			})
		}
	}
}

// With heavy tails, one operation in a hundred takes more than 10 (σ = 1.5) or 14 times (σ = 2)
// the mean. A noisy throughput must not look like one that does not change, and those that
// are left after a cut must not look like a queue.
func TestLimitDoesNotCollapseWithHeavyTails(t *testing.T) {
	for _, c := range []struct {
		sigma     float64
		start     int
		each, all float64
	}{
		{1.5, 20, 0.90, 0.95}, {1.5, highest, 0.90, 0.95},
		{2, 20, 0.90, 0.95}, {2, highest, 0.90, 0.95},
	} {
		t.Run(fmt.Sprintf("sigma %v from %d", c.sigma, c.start), func(t *testing.T) {
			mean, n := 0.0, 0.0
			each(t, func(t *testing.T, seed uint64) {
				seconds := run{
					start: c.start, rate: twice(capacity), duration: 10 * time.Minute, seed: seed,
					d: simdep.Dependency{Capacity: simdep.Constant(capacity), Service: simdep.Lognormal(service, c.sigma)},
				}.do(t).seconds[60:]
				goodput, least, most := simdep.Goodput(seconds)/(capacity/service.Seconds()), highest, 0
				for _, s := range seconds {
					least, most = min(least, s.Limit), max(most, s.Limit)
				}
				t.Logf("goodput %.2f of what the dependency can, limit %d to %d", goodput, least, most)
				if goodput < c.each || least < capacity/5 {
					t.Errorf("goodput %.2f, want %.2f; limit %d to %d, want at least %d", goodput, c.each, least, most, capacity/5)
				}
				mean, n = mean+goodput, n+1
			})
			if mean /= n; mean < c.all {
				t.Errorf("goodput %.3f, want %.2f", mean, c.all)
			}
		})
	}
}

func TestLimitFollowsACapacityThatHalves(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		got := run{
			start: 20, rate: twice(capacity), duration: 2 * time.Minute, seed: seed,
			d: simdep.Dependency{Capacity: simdep.Steps(capacity, time.Minute, capacity/2), Service: simdep.Erlang(service, 4)},
		}.do(t)
		if limit := got.seconds[65].Limit; limit < capacity/2*8/10 || limit > capacity/2*12/10 {
			t.Errorf("5 windows after the capacity became %d the limit is %d", capacity/2, limit)
		}
	})
}

func TestLimitFollowsACapacityThatDoubles(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		got := run{
			start: 20, rate: twice(capacity), duration: 2 * time.Minute, seed: seed,
			d: simdep.Dependency{Capacity: simdep.Steps(capacity/2, time.Minute, capacity), Service: simdep.Erlang(service, 4)},
		}.do(t)
		if limit := got.seconds[75].Limit; limit < capacity*9/10 || limit > capacity*3/2 {
			t.Errorf("15 windows after the capacity became %d the limit is %d", capacity, limit)
		}
	})
}

func TestAnHourOfTimeoutsStaysAtTheMinimumAndEndsWithTheOutage(t *testing.T) {
	const outage = time.Hour
	got := run{
		start: 40, rate: twice(capacity), duration: outage + 3*time.Minute, seed: 1,
		d: simdep.Dependency{
			Capacity: simdep.Steps(0, outage, capacity), Service: simdep.Erlang(service, 4), Timeout: 2 * time.Second,
		},
	}.do(t)
	for i, s := range got.seconds[60:3600] {
		if s.Limit != lowest {
			t.Fatalf("after %d s of timeouts the limit is %d", i+60, s.Limit)
		}
	}
	if limit := got.last(); limit < capacity*8/10 || limit > capacity*3/2 {
		t.Errorf("3 minutes after the timeouts the limit is %d", limit)
	}
}

func TestAnIdleHourChangesNothing(t *testing.T) {
	for _, perSecond := range []float64{0, 0.01, 5} {
		got := run{
			start: 40, rate: perSecond, duration: time.Hour, seed: 1,
			d: simdep.Dependency{Capacity: simdep.Constant(capacity), Service: simdep.Erlang(service, 4)},
		}.do(t)
		for i, s := range got.seconds {
			if s.Limit != 40 {
				t.Fatalf("%v operations per second: after %d s the limit is %d", perSecond, i, s.Limit)
			}
		}
		for _, d := range got.decisions {
			if d.Reason != adaptive.NotUsed && d.Reason != adaptive.TooFewSamples {
				t.Errorf("%v operations per second: %v", perSecond, d)
			}
		}
	}
}

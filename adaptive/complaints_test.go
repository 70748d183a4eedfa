package adaptive_test

import (
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// Each test is a complaint of users of other adaptive limiters. The published rule
// must show it, and ours must not.

func steady(d simdep.Dependency) simdep.Dependency {
	if d.Capacity == nil {
		d.Capacity = simdep.Constant(capacity)
	}
	if d.Service == nil {
		d.Service = simdep.Erlang(service, 4)
	}
	return d
}

func lastLimit(seconds []simdep.Second) int { return seconds[len(seconds)-1].Limit }

// failsafe-go issue 127: the baseline drifts up in a long incident until the limiter
// opens.
func TestLimitStaysDownInALongIncident(t *testing.T) {
	const before, incident = 2 * time.Minute, 10 * time.Minute
	r := run{
		start: 20, rate: twice(capacity), duration: before + incident, seed: 1,
		d: steady(simdep.Dependency{Capacity: simdep.Steps(capacity, before, capacity/5)}),
	}
	if limit := lastLimit(r.with(t, func() simdep.Limiter { return &published{rule: &smoothed{now: 20}} })); limit < capacity {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	for i, s := range r.do(t).seconds[150:] {
		if s.Limit > capacity/5*2 {
			t.Fatalf("%d s after the incident began the limit is %d", i+30, s.Limit)
		}
	}
}

// Netflix concurrency-limits issue 137: constant timeouts look healthy, and the limit
// goes to the maximum.
func TestConstantTimeoutsAreNotHealthy(t *testing.T) {
	r := run{
		start: 20, rate: twice(capacity), duration: 10 * time.Minute, seed: 1,
		d: steady(simdep.Dependency{Capacity: simdep.Constant(0), Timeout: time.Second}),
	}
	if limit := lastLimit(r.with(t, func() simdep.Limiter { return &published{rule: &gradient2{now: 20}} })); limit < highest {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	if limit := r.do(t).last(); limit != lowest {
		t.Errorf("after 10 minutes of timeouts the limit is %d", limit)
	}
	// The same if the errors are not classified as timeouts, and HealthyLatency is set.
	r.opts = []adaptive.Option{
		adaptive.Classify(func(error) adaptive.Outcome { return adaptive.Success }),
		adaptive.HealthyLatency(500 * time.Millisecond),
	}
	if limit := r.do(t).last(); limit != lowest {
		t.Errorf("after 10 minutes of timeouts that look like successes the limit is %d", limit)
	}
}

// Netflix concurrency-limits pull request 134: the limit grows without end while the
// latency is somewhat above what it was.
func TestLimitDoesNotCreepUp(t *testing.T) {
	r := run{start: 20, rate: twice(capacity), duration: 6 * time.Minute, seed: 1, d: steady(simdep.Dependency{})}
	if limit := lastLimit(r.with(t, func() simdep.Limiter { return &published{rule: &gradient2{now: 20}} })); limit < capacity*3/2 {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	for i, s := range r.do(t).seconds[60:] {
		if s.Limit > capacity*3/2 {
			t.Fatalf("after %d s the limit is %d", i+60, s.Limit)
		}
	}
}

// Netflix concurrency-limits issue 176: errors that are returned quickly look like low
// latency.
func TestFastErrorsDoNotLookFast(t *testing.T) {
	const outage, all = time.Minute, 3 * time.Minute
	r := run{
		start: capacity, rate: twice(capacity), duration: all, seed: 1,
		d: steady(simdep.Dependency{FailsFast: func(at time.Duration) float64 {
			if at < outage {
				return 0
			}
			return 0.9
		}}),
	}
	after := r.with(t, func() simdep.Limiter { return &published{rule: &smoothed{now: capacity}} })
	if limit := lastLimit(after); limit < capacity*3/2 {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	got := r.do(t)
	if limit := got.last(); limit > capacity*3/2 || limit < capacity*8/10 {
		t.Errorf("after 2 minutes of fast errors the limit is %d", limit)
	}
	for _, d := range got.decisions {
		if d.Latency < service && d.Served > 0 {
			t.Errorf("%v: no success is that fast", d)
		}
	}
}

// Envoy issue 8337: the measurement of the least latency rejects operations.
func TestMeasuringRejectsNothing(t *testing.T) {
	r := run{start: 2 * capacity, rate: twice(capacity) * 0.35, duration: 10 * time.Minute, seed: 1, d: steady(simdep.Dependency{})}
	rejected := func(seconds []simdep.Second) (n int) {
		for _, s := range seconds {
			n += s.Rejected
		}
		return n
	}
	if n := rejected(r.with(t, func() simdep.Limiter { return &published{rule: &pinned{now: 2 * capacity}} })); n == 0 {
		t.Error("the published rule rejects nothing: it does not show the complaint")
	}
	if n := rejected(r.do(t).seconds); n > 0 {
		t.Errorf("%d operations rejected at 0.7 of the load that the dependency can take", n)
	}
}

// Vector issue 7371: the limit never reaches what the dependency can take, if the
// latencies vary.
func TestLimitReachesTheMaximum(t *testing.T) {
	r := run{
		start: 10, rate: 4 * highest / service.Seconds(), duration: 2 * time.Minute, seed: 1,
		d: steady(simdep.Dependency{Capacity: simdep.Constant(2 * highest), Service: simdep.Exponential(service)}),
	}
	if limit := lastLimit(r.with(t, func() simdep.Limiter { return &published{rule: &vegas{now: 10}} })); limit > highest/2 {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	if limit := r.do(t).last(); limit != highest {
		t.Errorf("with room for more the limit ends at %d, want the maximum, %d", limit, highest)
	}
}

// Vector issue 21725: one bad API key of many, whose operations are always rejected,
// throttles all.
func TestOneBadPartitionDoesNotThrottleAll(t *testing.T) {
	r := run{start: 20, rate: twice(capacity), duration: 4 * time.Minute, seed: 1, d: steady(simdep.Dependency{Bad: 0.3})}
	seconds := r.with(t, func() simdep.Limiter { return &published{rule: &aimd{now: 20}, dropped: overloaded} })
	if limit := lastLimit(seconds); limit > capacity/2 {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	if share := simdep.Goodput(r.do(t).from(30)) / r.best(t, capacity); share < 0.95 {
		t.Errorf("goodput %.3f of the best", share)
	}
}

// hyperdx pull request 461: errors of the caller, as HTTP 413, count as overload.
func TestErrorsOfTheCallerAreNotOverload(t *testing.T) {
	r := run{
		start: 20, rate: twice(capacity), duration: 4 * time.Minute, seed: 1,
		d: steady(simdep.Dependency{FailsFast: func(time.Duration) float64 { return 0.3 }}),
	}
	seconds := r.with(t, func() simdep.Limiter { return &published{rule: &aimd{now: 20}, dropped: anyError} })
	if limit := lastLimit(seconds); limit > capacity/2 {
		t.Errorf("the published rule ends at %d: it does not show the complaint", limit)
	}
	if share := simdep.Goodput(r.do(t).from(30)) / r.best(t, capacity); share < 0.95 {
		t.Errorf("goodput %.3f of the best", share)
	}
}

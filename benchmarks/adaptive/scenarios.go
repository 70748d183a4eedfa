package main

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/internal/simdep"
)

const (
	capacity = 50
	service  = 100 * time.Millisecond
	begin    = 20 // the limit at the start, unless the scenario says otherwise
)

// full is the load that the dependency can just take, in operations per second.
var full = capacity / service.Seconds()

// scenario is one simulation, and what is read from it.
type scenario struct {
	rows     []string
	start    int
	d        simdep.Dependency
	load     float64 // of full
	duration time.Duration
	// read returns a figure for each row.
	read func(t *testing.T, s scenario, seconds []simdep.Second) []float64
	form []string // of each figure
}

// measure runs the scenario for each seed, and returns the mean figures.
func (s scenario) measure(t *testing.T, c contender, seeds uint64) []string {
	sums := make([]float64, len(s.rows))
	for seed := uint64(1); seed <= seeds; seed++ {
		for i, figure := range s.read(t, s, s.run(t, seed, func() simdep.Limiter { return c.make(s.start) })) {
			sums[i] += figure
		}
	}
	cells := make([]string, len(sums))
	for i, sum := range sums {
		cells[i] = fmt.Sprintf(s.form[i], sum/float64(seeds))
		if math.IsNaN(sum) {
			cells[i] = "never"
		}
	}
	return cells
}

func (s scenario) run(t *testing.T, seed uint64, make func() simdep.Limiter) (seconds []simdep.Second) {
	load := simdep.Load{Rate: simdep.Steady(s.load * full), Duration: s.duration, Seed: seed}
	bubble(t, func() { seconds = simdep.Run(s.d, load, make()) })
	return seconds
}

// best returns the goodput of the best fixed limit.
func (s scenario) best(t *testing.T) float64 {
	s.duration = time.Minute
	best := 0.0
	for limit := capacity; limit <= capacity*13/10; limit += 3 {
		best = max(best, simdep.Goodput(s.run(t, 99, func() simdep.Limiter { return &fixed{limit: limit} })[5:]))
	}
	return best
}

// unloaded returns the p99 when the dependency has next to nothing to do.
func (s scenario) unloaded(t *testing.T) float64 {
	s.load, s.duration = 0.05, 3*time.Minute
	return float64(simdep.P99(s.run(t, 99, func() simdep.Limiter { return &fixed{limit: highest} })))
}

func scenarios() []scenario {
	erlang := simdep.Erlang(service, 4)
	constant := simdep.Constant(capacity)
	const warm = 30 // windows of a second
	throughput := func(t *testing.T, s scenario, seconds []simdep.Second) []float64 {
		after := seconds[warm:]
		return []float64{100 * simdep.Goodput(after) / s.best(t), float64(simdep.P99(after)) / s.unloaded(t)}
	}
	share := func(_ *testing.T, _ scenario, seconds []simdep.Second) []float64 {
		return []float64{100 * simdep.Goodput(seconds[warm:]) / full}
	}
	two := []string{"%.0f %%", "%.2f"}
	settled := func(low, high float64) func(*testing.T, scenario, []simdep.Second) []float64 {
		return func(_ *testing.T, _ scenario, seconds []simdep.Second) []float64 {
			if n := simdep.SettledAfter(seconds[60:], low, high, 0.1); n > 0 {
				return []float64{float64(n)}
			}
			return []float64{math.NaN()}
		}
	}
	last := func(_ *testing.T, _ scenario, seconds []simdep.Second) []float64 {
		return []float64{float64(seconds[len(seconds)-1].Limit)}
	}
	return []scenario{
		{[]string{"knee: goodput, of the best possible", "knee: p99, × unloaded"}, begin,
			simdep.Dependency{Capacity: constant, Service: erlang}, 2, 2 * time.Minute, throughput, two},
		{[]string{"knee, from a limit of 200: goodput", "knee, from a limit of 200: p99"}, highest,
			simdep.Dependency{Capacity: constant, Service: erlang}, 2, 2 * time.Minute, throughput, two},
		{[]string{"collapse: goodput", "collapse: p99"}, begin,
			simdep.Dependency{Capacity: constant, Service: erlang, Collapse: 0.5}, 2, 2 * time.Minute, throughput, two},
		{[]string{"refuses above its capacity: goodput", "refuses: operations refused by it, for each that it serves"}, begin,
			simdep.Dependency{Capacity: constant, Service: erlang, Refuses: true}, 2, 2 * time.Minute,
			func(t *testing.T, s scenario, seconds []simdep.Second) []float64 {
				after := seconds[warm:]
				refused := float64(simdep.Count(after, simdep.Refused)) / float64(max(1, simdep.Count(after, simdep.Served)))
				return []float64{100 * simdep.Goodput(after) / s.best(t), refused}
			}, []string{"%.0f %%", "%.3f"}},
		{[]string{"one operation in three fails fast: goodput", "one in three fails fast: p99"}, begin,
			simdep.Dependency{Capacity: constant, Service: erlang, FailsFast: func(time.Duration) float64 { return 0.33 }}, 2, 2 * time.Minute, throughput, two},
		{[]string{"heavy tails, σ = 1.5: goodput, of what the dependency can"}, begin,
			simdep.Dependency{Capacity: constant, Service: simdep.Lognormal(service, 1.5)}, 2, 10 * time.Minute, share, []string{"%.0f %%"}},
		{[]string{"heavy tails, σ = 2: the same"}, begin,
			simdep.Dependency{Capacity: constant, Service: simdep.Lognormal(service, 2)}, 2, 10 * time.Minute, share, []string{"%.0f %%"}},
		{[]string{"capacity halves: seconds until the limit is within 20 %"}, begin,
			simdep.Dependency{Capacity: simdep.Steps(capacity, time.Minute, capacity/2), Service: erlang}, 2, 3 * time.Minute,
			settled(0.8*capacity/2, 1.2*capacity/2+1), []string{"%.0f"}},
		{[]string{"capacity doubles: the same"}, begin,
			simdep.Dependency{Capacity: simdep.Steps(capacity/2, time.Minute, capacity), Service: erlang}, 2, 3 * time.Minute,
			settled(0.8*capacity, 1.2*capacity+1), []string{"%.0f"}},
		{[]string{"limit after an hour of timeouts, from 20"}, begin,
			simdep.Dependency{Capacity: simdep.Constant(0), Service: erlang, Timeout: 2 * time.Second}, 2, time.Hour, last, []string{"%.0f"}},
		{[]string{"limit after an hour with 5 operations a second, from 20"}, begin,
			simdep.Dependency{Capacity: constant, Service: erlang}, 0.01, time.Hour, last, []string{"%.0f"}},
		{[]string{"rejected in 10 minutes at 0.7 of the load, from a limit of 100"}, 2 * capacity,
			simdep.Dependency{Capacity: constant, Service: erlang}, 0.7, 10 * time.Minute,
			func(_ *testing.T, _ scenario, seconds []simdep.Second) []float64 {
				n := 0
				for _, s := range seconds {
					n += s.Rejected
				}
				return []float64{float64(n)}
			}, []string{"%.0f"}},
	}
}

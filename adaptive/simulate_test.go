package adaptive_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// service is the mean time of an operation alone.
const service = 100 * time.Millisecond

// lowest and highest are the bounds of the limiters in the simulations.
const lowest, highest = 1, 200

// ours is a bulkhead with a limiter, as package simdep uses it.
type ours struct {
	b *bulk.Bulkhead
	l *adaptive.Limiter
}

func (o ours) Limit() int { return o.b.Capacity().Parallelism }

func (o ours) TryAcquire() (func(simdep.Outcome), bool) {
	slot, ok := o.b.TryAcquire()
	if !ok {
		return nil, false
	}
	end := o.l.Begin()
	return func(outcome simdep.Outcome) {
		end(errorOf(outcome))
		slot.Release()
	}, true
}

// refused is the error of a dependency that rejects, as HTTP 429 is.
type refused struct{}

func (refused) Error() string    { return "refused" }
func (refused) Overloaded() bool { return true }

var errBadRequest = errors.New("bad request")

func errorOf(o simdep.Outcome) error {
	switch o {
	case simdep.Served:
		return nil
	case simdep.Refused:
		return refused{}
	case simdep.TimedOut:
		return context.DeadlineExceeded
	default:
		return errBadRequest
	}
}

// run is a simulation in which the limiter begins with a limit.
type run struct {
	start    int
	opts     []adaptive.Option
	d        simdep.Dependency
	rate     float64                        // operations per second
	rates    func(at time.Duration) float64 // instead of rate, if not nil
	duration time.Duration
	seed     uint64
}

// result is what a simulation gave.
type result struct {
	seconds   []simdep.Second
	decisions []adaptive.Decision
	ended     []int // the second in which each decision was made
}

// from returns what happened after a number of decisions.
func (r result) from(decisions int) []simdep.Second {
	return r.seconds[r.ended[decisions-1]+1:]
}

// last returns the limit at the end.
func (r result) last() int { return r.seconds[len(r.seconds)-1].Limit }

// do runs the simulation in a bubble.
func (r run) do(t *testing.T) (res result) {
	t.Helper()
	skipIfShort(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := bulk.Must(bulk.New("dependency", r.start))
		decided := adaptive.OnDecision(func(d adaptive.Decision) {
			res.decisions = append(res.decisions, d)
			res.ended = append(res.ended, int(time.Since(began)/time.Second))
		})
		l, err := adaptive.New(b, lowest, highest, append(r.opts, decided)...)
		if err != nil {
			t.Fatal(err)
		}
		res.seconds = simdep.Run(r.d, r.load(), ours{b, l})
		if s := b.Status(); s.InFlight != 0 || l.Status().InFlight != 0 {
			t.Errorf("in flight at the end: %d, measured: %d", s.InFlight, l.Status().InFlight)
		}
	})
	return res
}

func (r run) load() simdep.Load {
	rates := r.rates
	if rates == nil {
		rates = simdep.Steady(r.rate)
	}
	return simdep.Load{Rate: rates, Duration: r.duration, Seed: r.seed}
}

// skipIfShort skips a simulation, which takes seconds. The race detector finds nothing in
// one that it does not find in the stress tests.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a simulation")
	}
}

// with runs the simulation with another limiter.
func (r run) with(t *testing.T, newLimiter func() simdep.Limiter) (seconds []simdep.Second) {
	t.Helper()
	skipIfShort(t)
	synctest.Test(t, func(*testing.T) { seconds = simdep.Run(r.d, r.load(), newLimiter()) })
	return seconds
}

// fixed is a limit that never changes.
type fixed struct{ limit, inFlight int }

func (f *fixed) Limit() int { return f.limit }

func (f *fixed) TryAcquire() (func(simdep.Outcome), bool) {
	if f.inFlight >= f.limit {
		return nil, false
	}
	f.inFlight++
	return func(simdep.Outcome) { f.inFlight-- }, true
}

// best returns the goodput of the best fixed limit near a capacity.
func (r run) best(t *testing.T, capacity int) float64 {
	t.Helper()
	r.duration = time.Minute
	best := 0.0
	for _, limit := range []int{capacity, capacity + 2, capacity * 11 / 10} {
		seconds := r.with(t, func() simdep.Limiter { return &fixed{limit: limit} })
		best = max(best, simdep.Goodput(seconds[5:]))
	}
	return best
}

// unloaded returns the p99 of the dependency when it has next to nothing to do.
func (r run) unloaded(t *testing.T) time.Duration {
	t.Helper()
	r.rate, r.duration = r.rate/20, 2*time.Minute
	return simdep.P99(r.with(t, func() simdep.Limiter { return &fixed{limit: highest} }))
}

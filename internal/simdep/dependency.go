// Package simdep simulates dependencies and their load in virtual time, to compare
// limiters on the same work.
//
// A [Dependency] serves operations by processor sharing, as a machine with a fixed
// number of processors does: up to its capacity each operation proceeds at full speed,
// and above it the operations share the capacity. [Run] sends it a Poisson stream of
// operations through a [Limiter]. Everything happens on one goroutine, in the order of
// the virtual clock, so that a seed always gives the same run. Run it inside a
// testing/synctest bubble: it sleeps from event to event.
package simdep

import (
	"math"
	"math/rand/v2"
	"time"
)

// Outcome says how an operation ended.
type Outcome uint8

const (
	Served   Outcome = iota // the dependency did the work
	Refused                 // the dependency rejected the operation, as HTTP 429 does
	TimedOut                // the caller gave up
	Failed                  // an error that has nothing to do with load, as HTTP 400
)

// A Dependency says how operations are served. The zero value of each field but Capacity
// and Service switches its effect off.
type Dependency struct {
	// Capacity returns how many operations are served at full speed concurrently, at a
	// time since the start. 0: none, everything hangs.
	Capacity func(at time.Duration) float64
	// Service returns the time that one operation takes alone.
	Service func(r *rand.Rand) time.Duration
	// Collapse is how much throughput is lost above the capacity: with n operations it
	// is (capacity/n)^Collapse of the best.
	Collapse float64
	// Refuses rejects an operation immediately if as many as the capacity are inside.
	Refuses bool
	// Timeout is when the caller gives up, and the work is dropped.
	Timeout time.Duration
	// Bad is the share of operations that is refused immediately, whatever the load is.
	Bad float64
	// FailsFast returns the share of operations that fail immediately, for a reason
	// other than load, at a time since the start.
	FailsFast func(at time.Duration) float64
	// Slow returns the factor by which each operation takes longer than alone, at a
	// time since the start, however few there are.
	Slow func(at time.Duration) float64
}

// Constant returns a capacity that does not change.
func Constant(capacity float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return capacity }
}

// Steps returns a capacity that is before until at, and then after.
func Steps(before float64, at time.Duration, after float64) func(time.Duration) float64 {
	return func(t time.Duration) float64 {
		if t < at {
			return before
		}
		return after
	}
}

// Exponential returns service times with this mean and no upper bound.
func Exponential(mean time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration { return time.Duration(float64(mean) * r.ExpFloat64()) }
}

// Lognormal returns service times with a mean and a heavy tail: the coefficient of
// variation is √(exp(σ²) − 1).
func Lognormal(mean time.Duration, sigma float64) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(mean) * math.Exp(sigma*r.NormFloat64()-sigma*sigma/2))
	}
}

// Erlang returns service times with this mean that vary less: the coefficient of
// variation is 1/√k.
func Erlang(mean time.Duration, k int) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration {
		sum := 0.0
		for range k {
			sum += r.ExpFloat64()
		}
		return time.Duration(float64(mean) * sum / float64(k))
	}
}

// job is an operation inside the dependency.
type job struct {
	finish float64 // on the dependency's own clock, which runs at the speed of one operation
	began  time.Duration
	giveUp time.Duration // the caller gives up; the end of time without a timeout
	done   func(Outcome)
	index  int
}

// speed returns how fast each of n operations proceeds.
func (d *Dependency) speed(at time.Duration, n int) float64 {
	capacity := d.Capacity(at)
	speed := 1.0
	if d.Slow != nil {
		speed /= d.Slow(at)
	}
	if over := float64(n) / capacity; over > 1 {
		speed /= math.Pow(over, 1+d.Collapse)
	}
	return speed
}

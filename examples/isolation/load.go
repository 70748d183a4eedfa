package main

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"
)

// slowShare is the share of requests that need the slow dependency. At the
// default rate they are more than it can serve.
const slowShare = 0.3

// arrival is one request of the schedule.
type arrival struct {
	after  time.Duration // since the phase began
	target target
}

// schedule yields the arrivals of one phase: independent of each other, rate
// of them per second on average. It is made of cfg alone, so that both phases
// have the same.
func schedule(cfg config) iter.Seq[arrival] {
	return func(yield func(arrival) bool) {
		rng := rand.New(rand.NewPCG(cfg.seed, 0))
		mean := float64(time.Second) / float64(cfg.rate)
		for at := 0.0; ; {
			at += rng.ExpFloat64() * mean
			if at >= float64(cfg.duration) {
				return
			}
			a := arrival{after: time.Duration(at), target: fast}
			if rng.Float64() < slowShare {
				a.target = slow
			}
			if !yield(a) {
				return
			}
		}
	}
}

// offer hands each arrival to take when it is due, until all have come, the
// phase is over, or ctx ends. The loop is open: it doesn't wait for answers, so
// a slow dependency can't slow down the load and hide what it does to users.
// An arrival that is late, because the machine is busy, is handed over at once,
// and its time still counts from when it was due.
func offer(ctx context.Context, cfg config, take func(request)) {
	start := time.Now()
	for a := range schedule(cfg) {
		due := start.Add(a.after)
		if pause(ctx, time.Until(due)) != nil {
			return
		}
		take(request{target: a.target, arrived: due})
	}
	_ = pause(ctx, time.Until(start.Add(cfg.duration))) // either way it is over
}

package main

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// phase holds the results of one run of the client program.
type phase struct {
	isolated   bool
	tallies    [targets]tally
	mostInside [targets]int  // largest number of concurrent calls in each server
	statuses   []bulk.Status // of the bulkheads; empty unless isolated
}

func (ph phase) name() string {
	if ph.isolated {
		return "with bulkheads"
	}
	return "without bulkheads"
}

// runPhase starts the servers and the program, sends the requests, and stops
// everything. Each phase has its own servers, so that no backlog carries over.
// When ctx ends, runPhase sends no more requests and serves those already sent.
func runPhase(ctx context.Context, cfg config, isolated bool, listen listener, show progress) (_ phase, err error) {
	all, err := startServers(listen)
	if err != nil {
		return phase{}, err
	}
	defer func() { err = errors.Join(err, all.stop()) }()

	// Idle connections are closed before the servers stop; otherwise the servers
	// would wait for them.
	transport := newTransport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	calls := [targets]call{fast: get(client, all[fast].url), slow: get(client, all[slow].url)}

	// An interruption ends the arrivals. Requests that have arrived are served.
	serving := context.WithoutCancel(ctx)
	ph := phase{isolated: isolated}
	var guards bulkheads
	if isolated {
		guards = newBulkheads()
		calls = guards.guard(calls)
		if cfg.page != nil {
			cfg.page.show(guards)
		}
	}

	p := startProgram(serving, calls, cfg.patience)
	start := time.Now()
	hide := show.start(func() string {
		return progressLine(ph.name(), min(time.Since(start), cfg.duration), cfg.duration, p.outcomes.read())
	})
	offer(ctx, cfg, p.take)
	p.stop()
	hide()

	ph.tallies = p.outcomes.read()
	for i, s := range all {
		ph.mostInside[i] = s.mostInside()
	}
	if isolated {
		ph.statuses, err = guards.shutdown(serving)
	}
	return ph, err
}

// slowShare is the share of requests that need the slow dependency. At the
// default rate, these requests exceed its capacity.
const slowShare = 0.3

// arrival is one request of the schedule.
type arrival struct {
	after  time.Duration // since the phase began
	target target
}

// schedule yields the arrivals of one phase. They are a Poisson process with a mean
// of cfg.rate arrivals per second. The schedule depends on cfg alone, so both
// phases have the same one.
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

// offer passes each arrival to take when it is due, and returns when the phase is
// over or ctx ends. The loop is open: it doesn't wait for answers, so a slow
// dependency does not reduce the load, which would hide its effect on users. If
// the machine is busy and an arrival is late, offer passes it on immediately, and
// its latency is still counted from the instant when it was due.
func offer(ctx context.Context, cfg config, take func(request)) {
	start := time.Now()
	for a := range schedule(cfg) {
		due := start.Add(a.after)
		if pause(ctx, time.Until(due)) != nil {
			return
		}
		take(request{target: a.target, arrived: due})
	}
	_ = pause(ctx, time.Until(start.Add(cfg.duration))) // the phase is over in both cases
}

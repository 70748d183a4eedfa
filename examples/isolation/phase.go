package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// phase is what one run of the client program came to.
type phase struct {
	isolated   bool
	tallies    [targets]tally
	mostInside [targets]int  // calls in each server at once
	statuses   []bulk.Status // of the bulkheads, if isolated
}

func (ph phase) name() string {
	if ph.isolated {
		return "with bulkheads"
	}
	return "without bulkheads"
}

// runPhase starts servers and program, sends the requests, and stops all again.
// Each phase has servers of its own, so that no backlog is handed down. When
// ctx ends, no more requests are sent; those that were sent are served.
func runPhase(ctx context.Context, cfg config, isolated bool, listen listener, show progress) (_ phase, err error) {
	all, err := startServers(listen)
	if err != nil {
		return phase{}, err
	}
	defer func() { err = errors.Join(err, all.stop()) }()

	// Idle connections are closed before the servers stop, which then need not
	// wait for them.
	transport := newTransport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	calls := [targets]call{fast: get(client, all[fast].url), slow: get(client, all[slow].url)}

	// An interruption ends the arrivals, not the calls of those who have arrived.
	serving := context.WithoutCancel(ctx)
	ph := phase{isolated: isolated}
	var bulkheads compartments
	if isolated {
		bulkheads = newCompartments()
		calls = bulkheads.guard(calls)
	}

	p := startProgram(serving, calls, cfg.patience)
	start := time.Now()
	hide := show.start(func() string {
		return progressLine(ph.name(), min(time.Since(start), cfg.duration), cfg.duration, p.ledger.read())
	})
	offer(ctx, cfg, p.take)
	p.stop()
	hide()

	ph.tallies = p.ledger.read()
	for i, s := range all {
		ph.mostInside[i] = s.mostInside()
	}
	if isolated {
		ph.statuses, err = bulkheads.shutdown(serving)
	}
	return ph, err
}

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// The fixed resources of the program.
const (
	workers   = 48
	inboxSize = 96
)

// request is a request of a user. It needs an answer from one dependency.
type request struct {
	target  target
	arrived time.Time // the instant in the schedule
}

// program is the client program under test: a fixed number of workers that take
// requests from a bounded inbox and call the dependency that each request needs.
// Only the calls differ between the phases with and without bulkheads.
type program struct {
	calls    [targets]call
	patience time.Duration
	outcomes *outcomes
	inbox    chan request
	workers  sync.WaitGroup
}

// startProgram starts the workers. Each call gets a context derived from ctx, with
// the deadline of its request.
func startProgram(ctx context.Context, calls [targets]call, patience time.Duration) *program {
	p := &program{calls: calls, patience: patience, outcomes: new(outcomes), inbox: make(chan request, inboxSize)}
	for range workers {
		p.workers.Go(func() {
			for r := range p.inbox {
				p.serve(ctx, r)
			}
		})
	}
	return p
}

// take puts a request into the inbox. If the inbox is full, take counts the
// request as shed and returns immediately.
func (p *program) take(r request) {
	p.outcomes.sent(r.target)
	select {
	case p.inbox <- r:
	default:
		p.outcomes.shed(r.target)
	}
}

// serve answers one request. The user's patience is counted from the arrival, so
// it includes the time in the inbox.
func (p *program) serve(ctx context.Context, r request) {
	ctx, cancel := context.WithDeadline(ctx, r.arrived.Add(p.patience))
	defer cancel()
	_, err := p.calls[r.target](ctx)
	p.outcomes.record(r.target, err, time.Since(r.arrived))
}

// stop serves the requests that are in the inbox and ends the workers. take must
// not be called afterwards.
func (p *program) stop() {
	close(p.inbox)
	p.workers.Wait()
}

// newTransport returns a transport that keeps an idle connection for each worker.
// With the default of 2 for each server, connections would be closed and opened
// all the time. MaxConnsPerHost stays unset: it would be a hidden bulkhead with an
// unbounded queue and no metrics.
func newTransport() *http.Transport {
	return &http.Transport{
		MaxIdleConns:        targets * workers,
		MaxIdleConnsPerHost: workers,
		IdleConnTimeout:     30 * time.Second,
	}
}

// get returns a call that fetches url. The context of the call bounds its duration.
func get(client *http.Client, url string) call {
	return func(ctx context.Context) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		// The connection is reused only if the body is read to its end.
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return "", err
		}
		if resp.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s: %s", url, resp.Status)
		}
		return string(body), nil
	}
}

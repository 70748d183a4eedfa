package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// What the program has, and all that it has.
const (
	workers   = 48
	inboxSize = 96
)

// request is what a user wants: an answer from one dependency.
type request struct {
	target  target
	arrived time.Time // when it was due to arrive, by the schedule
}

// program is the client program under test: a fixed number of workers that take
// requests from a bounded inbox and call the dependency that each one needs.
// It is the same with and without bulkheads, but for the calls.
type program struct {
	calls    [targets]call
	patience time.Duration
	ledger   *ledger
	inbox    chan request
	workers  sync.WaitGroup
}

// startProgram starts the workers. The calls get ctx, with the deadline of each
// request.
func startProgram(ctx context.Context, calls [targets]call, patience time.Duration) *program {
	p := &program{calls: calls, patience: patience, ledger: new(ledger), inbox: make(chan request, inboxSize)}
	for range workers {
		p.workers.Go(func() {
			for r := range p.inbox {
				p.serve(ctx, r)
			}
		})
	}
	return p
}

// take puts a request into the inbox. It never blocks: when the inbox is full,
// the request is shed.
func (p *program) take(r request) {
	p.ledger.send(r.target)
	select {
	case p.inbox <- r:
	default:
		p.ledger.shed(r.target)
	}
}

// serve answers one request. The user's patience counts from the arrival, so
// the time in the inbox is spent from it.
func (p *program) serve(ctx context.Context, r request) {
	ctx, cancel := context.WithDeadline(ctx, r.arrived.Add(p.patience))
	defer cancel()
	_, err := p.calls[r.target](ctx)
	p.ledger.settle(r.target, err, time.Since(r.arrived))
}

// stop serves what is in the inbox and ends the workers. No request may be
// taken any more.
func (p *program) stop() {
	close(p.inbox)
	p.workers.Wait()
}

// newTransport keeps as many idle connections as there are workers. The default
// of 2 per server would close and open connections all the time. There is no
// MaxConnsPerHost: it would be a hidden bulkhead, without a bound on its
// queue and without a word about who waits.
func newTransport() *http.Transport {
	return &http.Transport{
		MaxIdleConns:        targets * workers,
		MaxIdleConnsPerHost: workers,
		IdleConnTimeout:     30 * time.Second,
	}
}

// get returns the call that asks url. How long it takes is bounded by its ctx.
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
		// A body that is read to its end lets the connection be used again.
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

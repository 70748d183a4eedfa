package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// timeout is how long a client waits for an answer.
const timeout = 2 * time.Second

// client calls its dependency through a bulkhead.
type client struct {
	name       string
	dependency *dependency
	bulkhead   *bulk.Bulkhead
	transport  *http.Transport
	limiter    *adaptive.Limiter // nil: the limit is fixed
	call       func(context.Context) error

	mu    sync.Mutex
	tally tally
}

// tally counts the calls since it was read last.
type tally struct {
	served, rejected, failed int
	times                    []time.Duration // of the calls that were served
}

// newAdaptive returns a client whose limit finds itself.
func newAdaptive(highest int) (*client, error) {
	c := newClient("adaptive", min(10, highest))
	limiter, err := adaptive.New(c.bulkhead, 1, highest)
	if err != nil {
		return nil, err
	}
	c.limiter = limiter
	// From the outside: the bulkhead, which can reject the call; the measurement of what
	// it admits; the timeout, so that the limiter sees it.
	c.call = bulk.GuardDo(c.bulkhead, adaptive.MeasureDo(limiter, c.get))
	return c, nil
}

// newFixed returns a client with a limit that does not change.
func newFixed(name string, limit int) *client {
	c := newClient(name, limit)
	c.call = bulk.GuardDo(c.bulkhead, c.get)
	return c
}

func newClient(name string, limit int) *client {
	return &client{
		name: name, dependency: newDependency(), bulkhead: bulk.Must(bulk.New(name, limit)),
		transport: &http.Transport{MaxIdleConnsPerHost: 1000},
	}
}

// get calls the dependency. Its error is that of the ctx if that ended, which is what
// the limiter takes for overload.
func (c *client) get(ctx context.Context) error {
	_, err := deadline.Timeout(timeout, func(ctx context.Context) (struct{}, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.dependency.url, nil)
		if err != nil {
			return struct{}{}, err
		}
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, resp.Body.Close()
	})(ctx)
	return err
}

// count runs one call and counts how it ended.
func (c *client) count(ctx context.Context) {
	start := time.Now()
	err := c.call(ctx)
	took := time.Since(start)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.tally.served++
		c.tally.times = append(c.tally.times, took)
	case errors.Is(err, bulk.ErrNotStarted):
		c.tally.rejected++
	default:
		c.tally.failed++
	}
}

// read returns the tally and begins a new one.
func (c *client) read() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	c.tally = tally{}
	return t
}

func (c *client) limit() int { return c.bulkhead.Capacity().Parallelism }

func closeAll(clients []*client) {
	for _, c := range clients {
		c.dependency.close()
		c.transport.CloseIdleConnections()
	}
}

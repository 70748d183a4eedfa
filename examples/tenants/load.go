package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	noisy      = "noisy"
	quietUsers = 2                     // concurrent requests of a quiet tenant
	quietPause = 30 * time.Millisecond // from an answer to the next request
	noisyPause = 5 * time.Millisecond
)

// tally counts the requests of one tenant by outcome.
type tally struct {
	mu                       sync.Mutex
	served, rejected, failed int
	times                    []time.Duration // latencies of the served requests
}

func (t *tally) sent() int { return t.served + t.rejected + t.failed }

func (t *tally) count(status int, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil && status == http.StatusOK:
		t.served++
		t.times = append(t.times, took)
	case err == nil && status == http.StatusServiceUnavailable:
		t.rejected++
	default:
		t.failed++
	}
}

// phase holds the results with one limiter.
type phase struct {
	name    string
	tenants []string // the noisy one last
	tallies map[string]*tally
	counts  counts
}

// runPhase lets all tenants send requests for cfg.duration, and waits for the requests
// in flight at the end.
func runPhase(ctx context.Context, cfg config, l limiter) (phase, error) {
	p := phase{name: l.name, tallies: make(map[string]*tally)}
	for i := range cfg.quiet {
		p.tenants = append(p.tenants, fmt.Sprintf("quiet %d", i+1))
	}
	p.tenants = append(p.tenants, noisy)
	transport := &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: cfg.noise + quietUsers*cfg.quiet}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	ctx, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	err := serve(l, func(url string) {
		var users sync.WaitGroup
		for _, tenant := range p.tenants {
			t := new(tally)
			p.tallies[tenant] = t
			n, between := quietUsers, quietPause
			if tenant == noisy {
				n, between = cfg.noise, noisyPause
			}
			for range n {
				users.Go(func() {
					for ctx.Err() == nil {
						start := time.Now()
						status, err := get(client, url, tenant)
						t.count(status, err, time.Since(start))
						_ = pause(ctx, between) // the loop checks ctx
					}
				})
			}
		}
		users.Wait()
		transport.CloseIdleConnections() // otherwise the server would wait for them
	})
	p.counts = l.counts()
	return p, err
}

func get(client *http.Client, url, tenant string) (status int, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-Tenant", tenant)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body) // otherwise the connection is not reused
	return resp.StatusCode, err
}

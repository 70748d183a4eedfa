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
	quietUsers = 2                     // requests that a quiet tenant has on its way at once
	quietPause = 30 * time.Millisecond // between them
	noisyPause = 5 * time.Millisecond
)

// tally is what became of the requests of one tenant.
type tally struct {
	mu                         sync.Mutex
	served, turnedAway, failed int
	times                      []time.Duration // of those that were served
}

func (t *tally) sent() int { return t.served + t.turnedAway + t.failed }

func (t *tally) count(status int, err error, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil && status == http.StatusOK:
		t.served++
		t.times = append(t.times, took)
	case err == nil && status == http.StatusServiceUnavailable:
		t.turnedAway++
	default:
		t.failed++
	}
}

// phase is what came of one way to divide the server.
type phase struct {
	name    string
	tenants []string // the noisy one last
	tallies map[string]*tally
	counts  counts
}

// runPhase lets all tenants send requests for a while. What is on its way at the
// end is waited for.
func runPhase(ctx context.Context, cfg config, g gate) (phase, error) {
	p := phase{name: g.name, tallies: make(map[string]*tally)}
	for i := range cfg.quiet {
		p.tenants = append(p.tenants, fmt.Sprintf("quiet %d", i+1))
	}
	p.tenants = append(p.tenants, noisy)
	transport := &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: cfg.noise + quietUsers*cfg.quiet}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	ctx, cancel := context.WithTimeout(ctx, cfg.duration)
	defer cancel()
	err := serve(g, func(url string) {
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
						_ = pause(ctx, between) // the loop looks at ctx
					}
				})
			}
		}
		users.Wait()
		transport.CloseIdleConnections() // or the server would wait for them
	})
	p.counts = g.counts()
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
	_, err = io.Copy(io.Discard, resp.Body) // or the connection is not used again
	return resp.StatusCode, err
}

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fake is a provider on loopback. It streams four chunks, 10 ms apart.
type fake struct {
	*httptest.Server
	think atomic.Int64 // time before the first chunk, a time.Duration

	mu    sync.Mutex
	calls map[string]int // by request id: what the provider charges for
}

func newFake(think time.Duration) *fake {
	f := &fake{calls: map[string]int{}}
	f.think.Store(int64(think))
	f.Server = httptest.NewServer(f)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	f.mu.Lock()
	f.calls[r.Header.Get("X-Request-Id")]++
	f.mu.Unlock()
	sleep(r.Context(), time.Duration(f.think.Load()))
	w.Header().Set("Content-Type", "text/event-stream")
	for range 4 {
		fmt.Fprint(w, "data: token\n\n")
		_ = http.NewResponseController(w).Flush()
		sleep(r.Context(), 10*time.Millisecond)
	}
	fmt.Fprint(w, end)
}

const end = "data: [DONE]\n\n" // the last event of a complete answer

// charges returns the number of requests, and how many of them came more than once.
func (f *fake) charges() (all, twice int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.calls {
		all += n
		if n > 1 {
			twice++
		}
	}
	return all, twice
}

// users send requests of one kind, one after the other.
type users struct {
	tenant, model string
	prefers       string // the first provider of the model
	n             int
}

// tally counts the outcomes of the requests of some users.
type tally struct {
	sent, answered, fallback, share, busy, failed int

	times []time.Duration // of answered requests
}

// load has the users of groups send requests until ctx ends, and waits for the answers.
func load(ctx context.Context, url string, groups []users) []tally {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	defer client.CloseIdleConnections()
	tallies := make([]tally, len(groups))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, g := range groups {
		for range g.n {
			wg.Go(func() {
				for ctx.Err() == nil {
					begin := time.Now()
					status, provider := send(client, url, g.tenant+"-key", g.model)
					took := time.Since(begin)
					mu.Lock()
					tallies[i].count(status, provider != g.prefers, took)
					mu.Unlock()
					if status != http.StatusOK {
						sleep(ctx, 50*time.Millisecond) // Retry-After is too long for a demonstration
					}
				}
			})
		}
	}
	wg.Wait()
	return tallies
}

func (t *tally) count(status int, fallback bool, took time.Duration) {
	t.sent++
	switch status {
	case http.StatusOK:
		t.answered++
		t.times = append(t.times, took)
		if fallback {
			t.fallback++
		}
	case http.StatusTooManyRequests:
		t.share++
	case http.StatusServiceUnavailable:
		t.busy++
	default:
		t.failed++
	}
}

var lastID atomic.Int64

// send returns the status of the answer and the provider. The status is 0 if there was
// no complete answer.
func send(client *http.Client, url, key, model string) (status int, provider string) {
	req, err := http.NewRequest(http.MethodPost, url+"/chat", strings.NewReader(fmt.Sprintf(`{"model": %q}`, model)))
	if err != nil {
		return 0, ""
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("X-Request-Id", fmt.Sprint(lastID.Add(1)))
	resp, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusOK && !strings.HasSuffix(string(text), end) {
		return 0, ""
	}
	return resp.StatusCode, resp.Header.Get("X-Provider")
}

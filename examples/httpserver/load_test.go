package main

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// answers counts the answers that the load generator got.
type answers struct {
	mu           sync.Mutex
	status       map[int]int
	failed       int // no answer
	noRetryAfter int // 503 without a valid Retry-After
	peak         int // largest number of concurrent requests
}

func (a *answers) sent() (n int) {
	n = a.failed
	for _, c := range a.status {
		n += c
	}
	return n
}

// offer sends n requests, one every interval. The loop is open: like users, it does
// not wait for answers, so a slow server does not reduce its load.
func offer(t *testing.T, client *http.Client, url string, n int, interval time.Duration) *answers {
	a := &answers{status: map[int]int{}}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	var requests sync.WaitGroup
	inFlight := 0
	for range n {
		<-ticks.C
		requests.Go(func() {
			a.mu.Lock()
			inFlight++
			a.peak = max(a.peak, inFlight)
			a.mu.Unlock()
			resp, err := client.Get(url)
			a.mu.Lock()
			defer a.mu.Unlock()
			inFlight--
			if err != nil {
				t.Log(err)
				a.failed++
				return
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			a.status[resp.StatusCode]++
			if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode == http.StatusServiceUnavailable && (err != nil || after < 1) {
				a.noRetryAfter++
			}
		})
	}
	requests.Wait()
	return a
}

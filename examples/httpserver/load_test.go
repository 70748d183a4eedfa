package main

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// answers are what a load generator got.
type answers struct {
	mu         sync.Mutex
	status     map[int]int
	failed     int // without any answer
	impolite   int // 503 without a good Retry-After
	mostAtOnce int // requests on their way
}

func (a *answers) sent() (n int) {
	n = a.failed
	for _, c := range a.status {
		n += c
	}
	return n
}

// offer sends n requests, one every interval. The loop is open: it doesn't wait
// for answers, as users don't, so a server that gets slow can't slow down its
// load.
func offer(t *testing.T, client *http.Client, url string, n int, interval time.Duration) *answers {
	a := &answers{status: map[int]int{}}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	var requests sync.WaitGroup
	onTheWay := 0
	for range n {
		<-ticks.C
		requests.Go(func() {
			a.mu.Lock()
			onTheWay++
			a.mostAtOnce = max(a.mostAtOnce, onTheWay)
			a.mu.Unlock()
			resp, err := client.Get(url)
			a.mu.Lock()
			defer a.mu.Unlock()
			onTheWay--
			if err != nil {
				t.Log(err)
				a.failed++
				return
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			a.status[resp.StatusCode]++
			if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode == http.StatusServiceUnavailable && (err != nil || after < 1) {
				a.impolite++
			}
		})
	}
	requests.Wait()
	return a
}

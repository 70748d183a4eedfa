package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// tally counts the requests for one dependency by outcome. When all requests have
// ended:
//
//	sent = succeeded + shed + saturated + expired + canceled + timedOut + failed
type tally struct {
	sent      int
	succeeded int
	shed      int // the inbox of the program was full

	// Rejected by the bulkhead, so the call was never started.
	saturated int // no free slot, and the waiting room was full
	expired   int // the wait limit passed, or no time was left to wait
	canceled  int // the user's patience ended before the call started

	// Started, without success.
	timedOut int // the user's patience ended during the call
	failed   int // any other error

	latencies []time.Duration // of successful requests, counted from when they were due
}

// ended returns how many requests have an outcome.
func (t tally) ended() int {
	return t.succeeded + t.shed + t.saturated + t.expired + t.canceled + t.timedOut + t.failed
}

// record counts one answer. It checks for a rejection first: a Canceled rejection
// also matches context.DeadlineExceeded when the deadline of its context has
// passed, but the call was never started.
func (t *tally) record(err error, latency time.Duration) {
	var rejected *bulk.AdmissionError
	switch {
	case err == nil:
		t.succeeded++
		t.latencies = append(t.latencies, latency)
	case errors.As(err, &rejected) && rejected.Reason == bulk.Saturated:
		t.saturated++
	case errors.As(err, &rejected) && rejected.Reason == bulk.Expired:
		t.expired++
	case errors.As(err, &rejected) && rejected.Reason == bulk.Canceled:
		t.canceled++
	case errors.Is(err, context.DeadlineExceeded):
		t.timedOut++
	default:
		t.failed++
	}
}

// percentile returns the latency that a share q of the successful requests did not
// exceed, by nearest rank. ok is false if no request succeeded.
func (t tally) percentile(q float64) (d time.Duration, ok bool) {
	n := len(t.latencies)
	if n == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(t.latencies))
	rank := int(q * float64(n))
	if float64(rank) < q*float64(n) {
		rank++
	}
	return sorted[min(max(rank, 1), n)-1], true
}

// outcomes counts the outcomes of requests concurrently. The zero value is ready.
type outcomes struct {
	mu      sync.Mutex
	tallies [targets]tally
}

func (o *outcomes) sent(t target) { o.update(t, func(t *tally) { t.sent++ }) }
func (o *outcomes) shed(t target) { o.update(t, func(t *tally) { t.shed++ }) }

func (o *outcomes) record(t target, err error, latency time.Duration) {
	o.update(t, func(t *tally) { t.record(err, latency) })
}

func (o *outcomes) update(t target, f func(*tally)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.tallies[t])
}

// read returns the current tallies. Their latencies share memory with o, which is
// safe because o only appends.
func (o *outcomes) read() [targets]tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tallies
}

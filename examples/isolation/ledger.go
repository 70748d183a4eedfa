package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// tally says what became of the requests for one dependency. When all are
// settled:
//
//	sent = succeeded + shed + saturated + expired + canceled + timedOut + failed
type tally struct {
	sent      int
	succeeded int
	shed      int // the inbox of the program was full

	// Rejected by the bulkhead: never started.
	saturated int // no slot, no place to wait
	expired   int // waited for too long, or no time left to wait
	canceled  int // the user's patience was over before it started

	// Without success.
	timedOut int // the user's patience was over
	failed   int // anything else

	latencies []time.Duration // of those that succeeded, from when they were due
}

// settled returns how many requests are accounted for.
func (t tally) settled() int {
	return t.succeeded + t.shed + t.saturated + t.expired + t.canceled + t.timedOut + t.failed
}

// settle counts one answer. That of a bulkhead comes first: one that turned a
// call away because its ctx was done matches context.DeadlineExceeded too, but
// says more, namely that the call never started.
func (t *tally) settle(err error, latency time.Duration) {
	var away *bulk.AdmissionError
	switch {
	case err == nil:
		t.succeeded++
		t.latencies = append(t.latencies, latency)
	case errors.As(err, &away) && away.Reason == bulk.Saturated:
		t.saturated++
	case errors.As(err, &away) && away.Reason == bulk.Expired:
		t.expired++
	case errors.As(err, &away) && away.Reason == bulk.Canceled:
		t.canceled++
	case errors.Is(err, context.DeadlineExceeded):
		t.timedOut++
	default:
		t.failed++
	}
}

// percentile returns the latency that the share q of successes did not exceed,
// by nearest rank. ok is false if there were none.
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

// ledger keeps the tallies while requests are served.
type ledger struct {
	mu      sync.Mutex
	tallies [targets]tally
}

func (l *ledger) send(t target) { l.update(t, func(t *tally) { t.sent++ }) }
func (l *ledger) shed(t target) { l.update(t, func(t *tally) { t.shed++ }) }

func (l *ledger) settle(t target, err error, latency time.Duration) {
	l.update(t, func(t *tally) { t.settle(err, latency) })
}

func (l *ledger) update(t target, f func(*tally)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.tallies[t])
}

// read returns the tallies as they are now. The latencies are shared with the
// ledger, which only ever appends.
func (l *ledger) read() [targets]tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tallies
}

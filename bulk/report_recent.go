package bulk

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// recentSamples is how many statuses of the period [Recent] keeps.
const recentSamples = 8

// Recent returns a function that reports on about the last period of b. Use it
// for readiness checks, logs and alerts. Do not use the Report of a whole life for
// these: it has a finding for hours after an incident.
//
//	ready := bulk.Recent(payments, time.Minute)
//	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
//		if r := ready(); r.Severity() >= bulk.SeverityCritical {
//			http.Error(w, r.Summary(), http.StatusServiceUnavailable)
//		}
//	})
//
// Each call of the function takes a Status and returns the Report of the
// [Interval] since an earlier one:
//
//   - Until the period over has passed, a call judges everything since Recent was
//     called.
//   - If calls come every d or more often, a call judges at least the last over,
//     and at most an eighth of over and d more than that.
//   - If calls come less often than every over, a call judges everything since the
//     previous call.
//
// At most nine Statuses are kept (about 40 kB), however many calls there are. If
// the clock goes back (into or out of a synctest bubble), only the newest one is
// kept, as if it had just been taken.
//
// The function may be called from any number of goroutines concurrently. It needs
// no goroutine and costs nothing between calls. A call costs as much as a Status
// and a Report. Callers of one function share the statuses that it keeps: use one
// function for each purpose.
//
// Recent panics if b is nil or over is not more than 0.
func Recent(b *Bulkhead, over time.Duration) func() Report {
	if b == nil {
		panic("bulk: Recent: nil bulkhead")
	}
	if over <= 0 {
		panic(fmt.Sprintf("bulk: Recent: over %v: must be more than 0", over))
	}
	r := &recent{bulkhead: b, over: over, kept: make([]Status, 0, recentSamples+1)}
	r.kept = append(r.kept, b.Status())
	return func() Report { return r.interval().Report() }
}

// recent has the state of one function that [Recent] returns.
//
// A call takes a status. The start of its interval is the newest status kept that
// is at least over old or, if none is that old, the oldest one kept. The call then
// keeps its own status if the newest one kept is at least an eighth of over old.
type recent struct {
	bulkhead *Bulkhead
	over     time.Duration

	mu   sync.Mutex
	kept []Status // never empty; oldest first; at most the first is over old or older
}

func (r *recent) interval() Interval {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.bulkhead.Status()
	if newest := len(r.kept) - 1; now.At.Before(r.kept[newest].At) {
		r.kept = slices.Delete(r.kept, 0, newest)
		r.kept[0].At = now.At
	}
	first := 0
	for i, s := range r.kept {
		if now.At.Sub(s.At) >= r.over {
			first = i
		}
	}
	r.kept = slices.Delete(r.kept, 0, first)
	start := r.kept[0]
	if now.At.Sub(r.kept[len(r.kept)-1].At) >= r.spacing() {
		r.kept = append(r.kept, now)
	}
	interval, err := now.Since(start)
	if err != nil {
		panic(err) // both are of one bulkhead, and in the order in which they were taken
	}
	return interval
}

// spacing returns an eighth of over, rounded up: it is never 0.
func (r *recent) spacing() time.Duration { return (r.over-1)/recentSamples + 1 }

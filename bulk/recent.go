package bulk

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// recentSamples is how many statuses [Recent] keeps of its period, at most.
const recentSamples = 8

// Recent returns a function that judges what has happened in b during about the
// last over. It is meant for readiness checks, logs and alerts. The Report of a
// whole life is not: it keeps a finding for hours after an incident.
//
//	ready := bulk.Recent(payments, time.Minute)
//	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
//		if r := ready(); r.Severity() >= bulk.SeverityCritical {
//			http.Error(w, r.Summary(), http.StatusServiceUnavailable)
//		}
//	})
//
// Each call takes a Status and returns the Report of the [Interval] since an
// earlier one: the newest one kept that is at least over old or, if none is
// that old, the oldest one kept. The first one is taken by Recent itself. A
// call keeps its own Status for later calls if the newest one kept is at least
// an eighth of over old. It follows that:
//
//   - Until over has passed, a call judges everything since Recent was called.
//   - If calls come every d or more often, a call judges at least the last over,
//     and at most an eighth of over and d more than that.
//   - If calls come less often than every over, a call judges everything since
//     the previous call.
//
// At most nine Statuses are kept (about 40 kB), however many calls there are. If
// the clock goes back (into or out of a synctest bubble), only the newest one is
// kept, as if it had just been taken.
//
// The function returned may be called from any number of goroutines at the same
// time. There is no goroutine behind it: it costs nothing between calls, and a
// call costs as much as a Status and a Report. Use one function for each
// purpose: all callers of one share what it keeps.
//
// A nil b and an over that is not more than 0 panic.
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

// recent is what one function of [Recent] keeps.
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
	base := 0
	for i, s := range r.kept {
		if now.At.Sub(s.At) >= r.over {
			base = i
		}
	}
	r.kept = slices.Delete(r.kept, 0, base)
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

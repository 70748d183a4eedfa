package bulk

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Report lists the problems of a bulkhead as findings. [Status.Report] judges the
// whole life of a bulkhead, [Interval.Report] the time between two statuses, and
// [Recent] about the last minute, or another period, for readiness checks and
// alerts.
//
// A report changes nothing. It is a pure function: the same Status or Interval
// gives the same findings. It ignores small samples. These are the findings, in
// the order in which a report has them. All thresholds are inclusive.
//
//	code                     severity           when
//	draining                 notice             closed, with operations in flight
//	paused                   warning if any     open, parallelism 0
//	                         operation waits,
//	                         otherwise notice
//	over_capacity            warning if any     open, not paused, more slots in use than the
//	                         operation waits,   parallelism, because it was lowered
//	                         otherwise notice
//	waiting_room_full        critical           open, no free slot, waiting room full
//	execution_full           warning if any     open, not paused, no free slot, not over capacity,
//	                         operation waits or waiting room not full
//	                         there is no room,
//	                         otherwise notice
//	waiting_room_near_full   warning            open, no free slot, at least 80 % of the waiting
//	                                            room in use, not full
//	standing_queue           warning            open, not paused, the waiting room has not been empty
//	                                            for at least 10 s
//	long_hold                warning            holds are tracked, at least 20 samples of Holds: the
//	                                            oldest in flight for at least 10 s, and at least 20
//	                                            times the mean
//	unbounded_wait           notice             open, a waiting room and no wait limit
//	wait_limit_unused        notice             open, a wait limit and no waiting room
//	large_waiting_room       notice             open, at least 100 places, and 20 for each slot
//	frequent_queueing        notice             at least 20 operations admitted immediately, queued
//	                                            or saturated: at least 50 % of them queued
//	rejections               warning from 5 %,  at least 20 operations admitted, saturated or expired
//	                         critical from 20 % while waiting: share of saturated and expired
//	expirations              warning from 10 %, at least 10 operations queued: share of expired
//	                         critical from 30 %
//	waits_near_limit         warning            a wait limit, at least 5 admitted from the queue:
//	                                            mean wait at least 75 %, or longest wait at least
//	                                            95 %, of the limit
//	oversized_operations     warning            an operation asked for more slots than the parallelism
//	demand_exceeds_capacity  warning            intervals with at least 20 samples of Holds: offered
//	                                            load at least 90 % of the parallelism
//	overprovisioned          notice             whole lives of at least 1,000 arrivals, not unlimited:
//	                                            none queued or rejected, at most 25 % of the slots ever
//	                                            in use
//
// Operations that were rejected because the bulkhead was closed, because they
// were canceled, or because their deadline had passed at arrival do not count as
// a lack of capacity.
//
// A report of an interval judges the current state and long_hold by its End, and
// everything else by its Totals. The longest wait of an interval is exact if it is the
// longest of the whole life. Otherwise it is the lower end of the last bucket of
// the histogram: at most 12.5 % too short.
//
// demand_exceeds_capacity estimates how many slots the load needs, by the
// formulas of A. K. Erlang (1917): with a waiting room, the number at which at
// most 5 % of the operations wait (Erlang C), without one, the number at which at
// most 1 % are rejected (Erlang B). Both assume random (Poisson) arrivals and one
// slot for each operation. Erlang C also assumes exponential times in flight and
// an unlimited waiting room. Real arrivals come in bursts: take the estimate as a
// minimum.
//
// The text form is String. The JSON form has the names of the field tags, and
// "severity" and "healthy" in addition. Names are stable: fields may be added, but
// none is removed or changes its meaning.
type Report struct {
	// Status is the status that was judged: the End of an interval.
	Status Status `json:"status"`
	// Interval is the interval that was judged. It is nil in a report of a whole
	// life.
	Interval *Interval `json:"interval,omitempty"`
	// Findings has the problems that were found, in the order of the table. It is
	// nil if there are none.
	Findings []Finding `json:"findings"`
}

// Report judges the bulkhead over its whole life. It is Status().Report(). A
// finding can stay long after its cause has gone: use [Recent] for readiness
// checks and alerts.
func (b *Bulkhead) Report() Report { return b.Status().Report() }

// Report judges the current state by s, and everything else by its totals, which
// are over the whole life.
func (s Status) Report() Report {
	return Report{Status: s, Findings: evaluate(&input{current: s, totals: s.Totals})}
}

// Report judges the current state by End, and everything else by what happened in
// the interval.
func (i Interval) Report() Report {
	return Report{Status: i.End, Interval: &i, Findings: evaluate(&input{current: i.End, totals: i.Totals, interval: &i})}
}

// Severity returns the highest severity of the findings, [SeverityOK] if there are
// none.
func (r Report) Severity() Severity {
	highest := SeverityOK
	for _, f := range r.Findings {
		highest = max(highest, f.Severity)
	}
	return highest
}

// Healthy reports whether no finding is above [SeverityNotice].
func (r Report) Healthy() bool { return r.Severity() <= SeverityNotice }

// Summary returns the report as one line:
//
//	bulkhead "payments": critical: waiting_room_full, rejections (10/10 slots in use, 50/50 waiting)
func (r Report) Summary() string {
	var codes []string
	for _, f := range r.Findings {
		codes = append(codes, string(f.Code))
	}
	text := "bulkhead " + safetext.Quote(r.Status.Label) + ": " + r.Severity().String()
	if len(codes) > 0 {
		text += ": " + strings.Join(codes, ", ")
	}
	return text + " (" + r.Status.numbers() + ")"
}

// recentSamples is how many statuses of the period [Recent] keeps.
const recentSamples = 8

// Recent returns a function that reports on about the last period of b. Use it
// for logs, alerts and readiness checks. Do not use the Report of a whole life for
// these: it has a finding for hours after an incident.
//
//	recent := bulk.Recent(requests, time.Minute) // requests is the bulkhead of the server itself
//	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
//		if r := recent(); r.Severity() >= bulk.SeverityCritical {
//			http.Error(w, r.Summary(), http.StatusServiceUnavailable)
//		}
//	})
//
// Readiness should not depend on the bulkhead of a dependency: all replicas would leave
// when it is slow, and with them what does not need it.
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

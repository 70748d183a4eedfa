package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// twoReadings returns two readings of a bulkhead, ten seconds apart.
func twoReadings() (earlier, later bulk.Status) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	capacity := bulk.Capacity{Parallelism: 10, WaitingRoom: 20, WaitLimit: 250 * time.Millisecond}
	earlier = bulk.Status{ID: 1, Index: 1, Label: "payments", At: at, Capacity: capacity}
	later = bulk.Status{ID: 1, Index: 2, Label: "payments", At: at.Add(10 * time.Second), Capacity: capacity, InFlight: 10, InUse: 10, Waiting: 4,
		Totals: bulk.Totals{Admitted: 1900, AdmittedFromQueue: 500, Finished: 1890, Queued: 504, Saturated: 96,
			Wait: 20 * time.Second, LongestWait: 90 * time.Millisecond, Holds: bulk.Holds{Samples: 30, Sum: 1500 * time.Millisecond}}}
	_ = json.Unmarshal([]byte(`[{"le_ns":33554431,"count":250},{"le_ns":67108863,"count":243},{"le_ns":92274687,"count":7}]`), &later.Totals.Waits)
	return earlier, later
}

// tenSeconds returns the interval between them.
func tenSeconds() bulk.Interval {
	earlier, later := twoReadings()
	i, _ := later.Since(earlier)
	return i
}

// logger writes to standard output, without the time.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		if a.Key == "id" { // another one in each run
			return slog.Int("id", 7)
		}
		return a
	}}))
}

// Take a reading now and then, and look at what happened since the last one.
func ExampleStatus_Since() {
	search := bulk.Must(bulk.New("search", 1))
	last := search.Status()
	for range 5 {
		search.TryAcquire() // one is admitted, four are not
	}
	i, err := search.Status().Since(last)
	fmt.Println(i.Totals.Arrivals(), i.Totals.Admitted, i.Totals.Saturated, err)
	// Output:
	// 5 1 4 <nil>
}

func ExampleInterval() {
	fmt.Println(tenSeconds())
	// Output:
	// bulkhead "payments" over 10s
	//   slots        10 of 10 in use, 10 operations in flight
	//   waiting      4 of 20, each at most 250ms
	//   arrivals     2000, 200/s
	//   admitted     1900, 190/s, 500 of them from the queue
	//   rejected     96, 9.6/s: 96 saturated
	//   waits        mean 40ms, p50 33.6ms, p95 67.1ms, p99 90ms
	//   holds        mean 50ms of 30 samples
	//   offered load 10 of 10 slots
}

func ExampleInterval_String() {
	search := bulk.Must(bulk.New("search", 1))
	s := search.Status()
	empty, _ := s.Since(s)
	fmt.Println(empty.String())
	// Output:
	// bulkhead "search" over 0s
	//   slots        0 of 1 in use, 0 operations in flight
	//   arrivals     0
	//   admitted     0
}

func ExampleErrUnrelated() {
	one, other := bulk.Must(bulk.New("search", 1)), bulk.Must(bulk.New("search", 1))
	_, err := one.Status().Since(other.Status())
	fmt.Println(errors.Is(err, bulk.ErrUnrelated))
	// Output:
	// true
}

func ExampleErrReversed() {
	search := bulk.Must(bulk.New("search", 1))
	first, second := search.Status(), search.Status()
	_, err := first.Since(second)
	fmt.Println(errors.Is(err, bulk.ErrReversed), err)
	// Output:
	// true bulk: readings in the wrong order: reading 1 of "search" since reading 2
}

func ExampleInterval_ArrivalRate() {
	fmt.Println(tenSeconds().ArrivalRate(), "per second")
	// Output:
	// 200 per second
}

func ExampleInterval_AdmissionRate() {
	fmt.Println(tenSeconds().AdmissionRate(), "per second")
	// Output:
	// 190 per second
}

func ExampleInterval_RejectionRate() {
	fmt.Println(tenSeconds().RejectionRate(), "per second")
	// Output:
	// 9.6 per second
}

func ExampleInterval_RejectedShare() {
	fmt.Printf("%.1f %% turned away\n", 100*tenSeconds().RejectedShare())
	// Output:
	// 4.8 % turned away
}

func ExampleInterval_QueuedShare() {
	fmt.Printf("%.1f %% had to wait\n", 100*tenSeconds().QueuedShare())
	// Output:
	// 25.2 % had to wait
}

// Look at the slow ones too: i.Totals.Waits.Quantile(0.99).
func ExampleInterval_MeanWait() {
	fmt.Println(tenSeconds().MeanWait())
	// Output:
	// 40ms
}

func ExampleInterval_MeanHold() {
	fmt.Println(tenSeconds().MeanHold())
	// Output:
	// 50ms
}

func ExampleInterval_OfferedLoad() {
	i := tenSeconds() // 200 arrivals per second, each in flight for 50 ms
	fmt.Printf("%.1f slots of %d\n", i.OfferedLoad(), i.End.Capacity.Parallelism)
	// Output:
	// 10.0 slots of 10
}

func ExampleInterval_Report() {
	for _, f := range tenSeconds().Report().Findings {
		fmt.Printf("%s %s\n  %s\n", f.Severity, f.Code, f.Message)
	}
	// Output:
	// warning execution_full
	//   10/10 slots in use, 4/20 waiting: the next arrival waits.
	// warning demand_exceeds_capacity
	//   The offered load is 10 of 10 slots: 200 arrivals per second, each in flight for 50ms (the mean of 30 samples). By estimate it needs 17 slots. (Erlang C: a chance of waiting of at most 5 %.)
}

func ExampleBulkhead_Report() {
	search := bulk.Must(bulk.New("search", 1))
	fmt.Println(search.Report())
	search.TryAcquire()
	fmt.Println(search.Report())
	// Output:
	// bulkhead "search": ok (0/1 slots in use, 0/0 waiting)
	// bulkhead "search": warning: execution_full (1/1 slots in use, 0/0 waiting)
	//   warning   execution_full: 1/1 slots in use, 0/0 waiting: the next arrival is rejected.
	//             → No action is needed if this clears soon. Otherwise check why operations hold their slots so long. Before raising parallelism, check how much load the dependency can take.
}

func ExampleStatus_Report() {
	s := bulk.Status{Label: "search", Capacity: bulk.Capacity{Parallelism: 4}, Totals: bulk.Totals{Admitted: 75, Saturated: 25}}
	fmt.Println(s.Report().Findings[0].Message)
	// Output:
	// 25 of 100 operations were rejected (25 %): 25 saturated, 0 expired while waiting.
}

func ExampleReport() {
	r := tenSeconds().Report()
	fmt.Println(r.Status.Label, r.Interval.Duration, r.Severity(), r.Healthy())
	for _, f := range r.Findings {
		fmt.Println(f.Severity, f.Code)
	}
	// Output:
	// payments 10s warning false
	// warning execution_full
	// warning demand_exceeds_capacity
}

// A readiness check that fails only for what is worth waking somebody. A minute
// after the incident it is ready again.
func ExampleRecent() {
	search := bulk.Must(bulk.New("search", 1))
	lastMinute := bulk.Recent(search, time.Minute)
	ready := func() (int, string) {
		if r := lastMinute(); r.Severity() >= bulk.SeverityCritical {
			return http.StatusServiceUnavailable, r.Summary()
		}
		return http.StatusOK, "ok"
	}
	fmt.Println(ready())
	for range 20 {
		search.TryAcquire()
	}
	fmt.Println(ready())
	// Output:
	// 200 ok
	// 503 bulkhead "search": critical: execution_full, rejections (1/1 slots in use, 0/0 waiting)
}

func ExampleReport_Severity() {
	fmt.Println(bulk.Report{}.Severity(), tenSeconds().Report().Severity())
	// Output:
	// ok warning
}

func ExampleReport_Healthy() {
	unbounded := bulk.Must(bulk.New("search", 4, bulk.WaitingRoom(8)))
	fmt.Println(unbounded.Report().Severity(), unbounded.Report().Healthy())
	// Output:
	// notice true
}

func ExampleReport_Summary() {
	fmt.Println(tenSeconds().Report().Summary())
	// Output:
	// bulkhead "payments": warning: execution_full, demand_exceeds_capacity (10/10 slots in use, 4/20 waiting)
}

func ExampleReport_String() {
	closed := bulk.Status{Label: "search", Closed: true, InFlight: 2, InUse: 3, Capacity: bulk.Capacity{Parallelism: 4}}
	fmt.Println(closed.Report().String())
	// Output:
	// bulkhead "search": notice: draining (3/4 slots in use, 0/0 waiting)
	//   notice    draining: Closed, with 2 operations in flight on 3 slots.
	//             → No action is needed if this clears soon. Otherwise check what the operations in flight are blocked on. Close does not interrupt them: give them a timeout.
}

func ExampleReport_MarshalJSON() {
	text, _ := json.Marshal(bulk.Must(bulk.New("search", 1)).Report())
	var read struct {
		Severity bulk.Severity
		Healthy  bool
	}
	fmt.Println(json.Unmarshal(text, &read), read.Severity, read.Healthy)
	// Output:
	// <nil> ok true
}

// What one program judged, another one can look through.
func ExampleReport_UnmarshalJSON() {
	text, _ := json.Marshal(tenSeconds().Report())
	var r bulk.Report
	fmt.Println(json.Unmarshal(text, &r), r.Severity(), r.Findings[0].Code, r.Interval.Duration)
	// Output:
	// <nil> warning execution_full 10s
}

func ExampleReport_LogValue() {
	logger().Info("every minute", "report", tenSeconds().Report())
	// Output:
	// level=INFO msg="every minute" report.label=payments report.severity=warning report.execution_full="10/10 slots in use, 4/20 waiting: the next arrival waits." report.demand_exceeds_capacity="The offered load is 10 of 10 slots: 200 arrivals per second, each in flight for 50ms (the mean of 30 samples). By estimate it needs 17 slots. (Erlang C: a chance of waiting of at most 5 %.)"
}

func ExampleFinding() {
	f := tenSeconds().Report().Findings[0]
	fmt.Println(f.Code, f.Severity)
	fmt.Println(f.Message)
	fmt.Println(f.Advice)
	// Output:
	// execution_full warning
	// 10/10 slots in use, 4/20 waiting: the next arrival waits.
	// No action is needed if this clears soon. Otherwise check why operations hold their slots so long. Before raising parallelism, check how much load the dependency can take.
}

func ExampleFinding_String() {
	fmt.Println(bulk.Status{Capacity: bulk.Capacity{Parallelism: 1, WaitingRoom: 5}}.Report().Findings[0].String())
	// Output:
	// notice: unbounded_wait: There is no wait limit: 5 operations can wait, each until its own ctx ends. Check how long callers can afford to wait. Set the wait limit below that time. Otherwise slots are used for callers that have already given up.
}

// Codes are for programs: they never change.
func ExampleCode() {
	for _, f := range tenSeconds().Report().Findings {
		switch f.Code {
		case bulk.CodeRejections, bulk.CodeExpirations:
			fmt.Println("callers are turned away")
		case bulk.CodeDemandExceedsCapacity:
			fmt.Println("more is asked than there is")
		}
	}
	// Output:
	// more is asked than there is
}

func ExampleSeverity() {
	fmt.Println(bulk.SeverityWarning > bulk.SeverityNotice)
	// Output:
	// true
}

func ExampleSeverityOK() {
	for s := bulk.SeverityOK; s <= bulk.SeverityCritical; s++ {
		fmt.Println(s)
	}
	// Output:
	// ok
	// notice
	// warning
	// critical
}

func ExampleSeverity_String() {
	fmt.Println("severity: " + bulk.SeverityNotice.String())
	// Output:
	// severity: notice
}

func ExampleSeverity_MarshalText() {
	text, err := bulk.SeverityCritical.MarshalText()
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// critical <nil>
}

func ExampleSeverity_UnmarshalText() {
	var s bulk.Severity
	fmt.Println(s.UnmarshalText([]byte("warning")), s)
	fmt.Println(errors.Is(s.UnmarshalText([]byte("bad")), bulk.ErrConfig), s)
	// Output:
	// <nil> warning
	// true warning
}

func ExampleStatus_String() {
	_, s := twoReadings()
	fmt.Println(s.String())
	// Output:
	// bulkhead "payments"
	//   slots        10 of 10 in use, 10 operations in flight
	//   waiting      4 of 20, each at most 250ms
	//   arrivals     2000
	//   admitted     1900, 500 of them from the queue
	//   rejected     96: 96 saturated
	//   waits        mean 40ms, p50 33.6ms, p95 67.1ms, p99 90ms, longest 90ms
	//   holds        mean 50ms of 30 samples
}

// JSON can be read back by the same type.
func ExampleStatus_MarshalJSON() {
	_, s := twoReadings()
	text, _ := json.Marshal(s)
	var back bulk.Status
	fmt.Println(json.Unmarshal(text, &back), back.Label, back.Capacity == s.Capacity, back.Totals.Holds.Mean())
	// Output:
	// <nil> payments true 50ms
}

func ExampleStatus_LogValue() {
	_, s := twoReadings()
	logger().Info("every minute", "bulkhead", s)
	// Output:
	// level=INFO msg="every minute" bulkhead.label=payments bulkhead.closed=false bulkhead.in_flight=10 bulkhead.in_use=10 bulkhead.waiting=4 bulkhead.parallelism=10 bulkhead.waiting_room=20 bulkhead.wait_limit_ns=250000000 bulkhead.arrivals=2000 bulkhead.admitted=1900 bulkhead.rejected=96
}

func ExampleEvent_String() {
	search := bulk.Must(bulk.New("search", 1, bulk.OnEvent(func(e bulk.Event) { fmt.Println(e.String()) })))
	slot, _ := search.TryAcquire()
	_ = search.Resize(2)
	slot.Release()
	// Output:
	// bulkhead "search": event 1: admitted: 1/1 slots in use, 0/0 waiting
	// bulkhead "search": event 2: resized from 1 slot, 0 places to 2 slots, 0 places: 1/2 slots in use, 0/0 waiting
	// bulkhead "search": event 3: released: 0/2 slots in use, 0/0 waiting
}

func ExampleEvent_MarshalJSON() {
	text, _ := json.Marshal(bulk.Event{ID: 1, Seq: 9, Kind: bulk.EventSaturated, Label: "search", At: time.Unix(0, 0).UTC(), Slots: 1,
		Capacity: bulk.Capacity{Parallelism: 2}, InFlight: 2, InUse: 2})
	fmt.Println(string(text))
	// Output:
	// {"id":1,"seq":9,"kind":"saturated","label":"search","at":"1970-01-01T00:00:00Z","slots":1,"queued":false,"waited_ns":0,"capacity":{"parallelism":2,"waiting_room":0},"in_flight":2,"in_use":2,"waiting":0,"closed":false}
}

// A log of what goes wrong. Handlers run on the caller's goroutine: if the
// logger can block, hand the events to a channel instead.
func ExampleEvent_LogValue() {
	log := logger()
	search := bulk.Must(bulk.New("search", 1, bulk.OnEvent(func(e bulk.Event) {
		switch e.Kind {
		case bulk.EventSaturated, bulk.EventExpired, bulk.EventOversized:
			log.Warn("rejected", "event", e)
		case bulk.EventResized, bulk.EventClosed, bulk.EventDrained:
			log.Info(e.Kind.String(), "event", e)
		}
	})))
	search.TryAcquire()
	search.TryAcquire()
	_ = search.Close()
	// Output:
	// level=WARN msg=rejected event.label=search event.id=7 event.seq=2 event.kind=saturated event.slots=1 event.in_use=1 event.waiting=0 event.parallelism=1 event.waiting_room=0
	// level=INFO msg=closed event.label=search event.id=7 event.seq=3 event.kind=closed event.in_use=1 event.waiting=0 event.parallelism=1 event.waiting_room=0
}

// An error is logged as its text, wrapped or not. What a log is searched by can
// have attributes of its own.
func ExampleAdmissionError_logging() {
	search := bulk.Must(bulk.New("search", 1))
	search.TryAcquire()
	_, err := search.Acquire(context.Background())
	logger().Warn("no search", "error", err)

	var rejected *bulk.AdmissionError
	if errors.As(fmt.Errorf("search for shoes: %w", err), &rejected) {
		logger().Warn("no search", "bulkhead", rejected.Label, "reason", rejected.Reason, "waiting", rejected.Waiting)
	}
	// Output:
	// level=WARN msg="no search" error="bulkhead \"search\": saturated: 1/1 slots in use, 0/0 waiting"
	// level=WARN msg="no search" bulkhead=search reason=saturated waiting=0
}

// Events counted by kind. Totals have the same numbers: this is for those who
// want them pushed.
func ExampleOnEvent_counting() {
	var counts [bulk.EventResized + 1]atomic.Uint64
	search := bulk.Must(bulk.New("search", 2, bulk.OnEvent(func(e bulk.Event) { counts[e.Kind].Add(1) })))
	for range 5 {
		slot, _ := search.TryAcquire()
		defer slot.Release()
	}
	fmt.Println(counts[bulk.EventAdmitted].Load(), "admitted,", counts[bulk.EventSaturated].Load(), "saturated")
	// Output:
	// 2 admitted, 3 saturated
}

// Events handed to another goroutine without ever making an operation wait:
// what it can't keep up with is dropped, and counted.
func ExampleOnEvent_channel() {
	events := make(chan bulk.Event, 3)
	var dropped atomic.Uint64
	search := bulk.Must(bulk.New("search", 1, bulk.OnEvent(func(e bulk.Event) {
		select {
		case events <- e:
		default:
			dropped.Add(1)
		}
	})))
	for range 5 {
		search.TryAcquire()
	}

	var reader sync.WaitGroup
	reader.Go(func() {
		for e := range events {
			fmt.Println(e.Seq, e.Kind)
		}
	})
	close(events) // only when no more can come: here, all calls have returned
	reader.Wait()
	fmt.Println(dropped.Load(), "dropped")
	// Output:
	// 1 admitted
	// 2 saturated
	// 3 saturated
	// 2 dropped
}

// All bulkheads of a program at /debug/vars: as a list, because two may have the
// same label.
func Example_expvar() {
	bulkheads := []*bulk.Bulkhead{bulk.Must(bulk.New("search", 4)), bulk.Must(bulk.New("inventory", 8))}
	expvar.Publish("bulkheads", expvar.Func(func() any {
		var statuses []bulk.Status
		for _, b := range bulkheads {
			statuses = append(statuses, b.Status())
		}
		return statuses
	}))

	var read []bulk.Status
	err := json.Unmarshal([]byte(expvar.Get("bulkheads").String()), &read)
	for _, s := range read {
		fmt.Println(s.Label, s.Free())
	}
	fmt.Println(err)
	// Output:
	// search 4
	// inventory 8
	// <nil>
}

// The waits as a Prometheus histogram: cumulative counts up to fixed bounds,
// the sum and the count. (OpenTelemetry wants the counts of each bucket: leave
// out the inner loop's accumulation.) A bucket that reaches over a bound counts
// for the next one, so that a count is never too high.
func ExampleWaits_prometheus() {
	totals := bulk.Totals{AdmittedFromQueue: 60, Wait: 3 * time.Second}
	_ = json.Unmarshal([]byte(`[{"le_ns":917503,"count":20},{"le_ns":8388607,"count":30},{"le_ns":251658239,"count":10}]`), &totals.Waits)

	bounds := []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second}
	cumulative := make([]uint64, len(bounds))
	for longest, n := range totals.Waits.Buckets() {
		for i, le := range bounds {
			if longest <= le {
				cumulative[i] += n
			}
		}
	}
	for i, le := range bounds {
		fmt.Printf("wait_seconds_bucket{le=\"%v\"} %d\n", le.Seconds(), cumulative[i])
	}
	fmt.Printf("wait_seconds_bucket{le=\"+Inf\"} %d\n", totals.Waits.Count())
	fmt.Printf("wait_seconds_sum %v\nwait_seconds_count %d\n", totals.Wait.Seconds(), totals.Waits.Count())
	// Output:
	// wait_seconds_bucket{le="0.001"} 20
	// wait_seconds_bucket{le="0.01"} 50
	// wait_seconds_bucket{le="0.1"} 50
	// wait_seconds_bucket{le="1"} 60
	// wait_seconds_bucket{le="+Inf"} 60
	// wait_seconds_sum 3
	// wait_seconds_count 60
}

func ExampleWaits_MarshalJSON() {
	var none bulk.Waits
	text, _ := json.Marshal(none)
	fmt.Println(string(text))
	// Output:
	// []
}

func ExampleWaits_UnmarshalJSON() {
	var w bulk.Waits
	err := json.Unmarshal([]byte(`[{"le_ns":1023,"count":2},{"le_ns":8388607,"count":1}]`), &w)
	fmt.Println(err, w.Count(), w.Quantile(1))
	// Output:
	// <nil> 3 8.388607ms
}

func ExampleCapacity_MarshalJSON() {
	for _, c := range []bulk.Capacity{{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}, {Parallelism: 4}} {
		text, _ := json.Marshal(c)
		fmt.Println(string(text))
	}
	// Output:
	// {"parallelism":10,"waiting_room":50,"wait_limit":"250ms"}
	// {"parallelism":4,"waiting_room":0}
}

// What a file leaves out stays as it is.
func ExampleCapacity_UnmarshalJSON() {
	c := bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}
	fmt.Println(json.Unmarshal([]byte(`{"parallelism":20}`), &c))
	fmt.Printf("%+v\n", c)
	fmt.Println(json.Unmarshal([]byte(`{"paralelism":30,"wait_limit":100}`), &c))
	// Output:
	// <nil>
	// {Parallelism:20 WaitingRoom:50 WaitLimit:250ms}
	// bulk: capacity "paralelism": unknown field (want parallelism, waiting_room or wait_limit)
	// bulk: wait_limit 100: must be a duration such as "250ms", or "0s" for no limit
}

// What several bulkheads have counted, as if it were one: for a total over all
// the replicas of a client, say.
func ExampleTotals_Plus() {
	reads := bulk.Must(bulk.New("reads", 2))
	writes := bulk.Must(bulk.New("writes", 1))
	for _, b := range []*bulk.Bulkhead{reads, writes, writes} {
		b.TryAcquire() // the second write is turned away
	}
	all := reads.Status().Totals.Plus(writes.Status().Totals)
	fmt.Println(all.Arrivals(), "arrived,", all.Admitted, "admitted,", all.Saturated, "saturated")
	// Output: 3 arrived, 2 admitted, 1 saturated
}

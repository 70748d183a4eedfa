package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// twoStatuses returns two statuses of a bulkhead, ten seconds apart.
func twoStatuses() (earlier, later bulk.Status) {
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
	earlier, later := twoStatuses()
	i, _ := later.Since(earlier)
	return i
}

func ExampleBulkhead_Status() {
	search := bulk.Must(bulk.New("search", 2))
	_ = bulk.Do(context.Background(), search, func(context.Context) error {
		s := search.Status()
		fmt.Printf("%s: %d in flight, %d of %d slots free\n", s.Label, s.InFlight, s.Free(), s.Capacity.Parallelism)
		fmt.Printf("slots %.0f %%, waiting room %.0f %%, saturated %t\n", 100*s.Utilization(), 100*s.QueueUtilization(), s.Saturated())
		return nil
	})
	// Output:
	// search: 1 in flight, 1 of 2 slots free
	// slots 50 %, waiting room 0 %, saturated false
}

func ExampleStatus() {
	_, s := twoStatuses()
	fmt.Println(s)
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

// The totals of several bulkheads, such as those of the replicas of a service, can
// be added up.
func ExampleTotals() {
	_, s := twoStatuses()
	n := s.Totals
	fmt.Println(n.Arrivals(), "arrivals,", n.Admitted, "admitted,", n.Rejected(), "rejected")
	fmt.Println("mean wait of those admitted from the queue:", n.MeanWait())
	fmt.Println("mean time in flight:", n.Holds.Mean(), "of", n.Holds.Samples, "samples")
	fmt.Println("two replicas:", n.Plus(n).Arrivals(), "arrivals")
	// Output:
	// 2000 arrivals, 1900 admitted, 96 rejected
	// mean wait of those admitted from the queue: 40ms
	// mean time in flight: 50ms of 30 samples
	// two replicas: 4000 arrivals
}

func ExampleWaits() {
	_, s := twoStatuses()
	w := s.Totals.Waits
	fmt.Println(w.Count(), "waits, half of them at most", w.Quantile(0.5))
	// Output:
	// 500 waits, half of them at most 33.554431ms
}

// Waits as a Prometheus histogram: cumulative counts for fixed bounds, the sum and
// the count. A bucket that extends beyond a bound counts for the next bound, so
// that no count is too high. (OpenTelemetry wants the count of each bucket alone.)
func ExampleWaits_Buckets() {
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

// Take a status periodically to see the changes since the last one. Both must be of
// one bulkhead, the earlier one as the argument.
func ExampleStatus_Since() {
	search := bulk.Must(bulk.New("search", 1))
	last := search.Status()
	for range 5 {
		search.TryAcquire() // one is admitted, four are rejected
	}
	i, err := search.Status().Since(last)
	fmt.Println(i.Totals.Arrivals(), i.Totals.Admitted, i.Totals.Saturated, err)

	other := bulk.Must(bulk.New("search", 1))
	_, err = search.Status().Since(other.Status())
	fmt.Println("of another bulkhead:", errors.Is(err, bulk.ErrUnrelated))
	_, err = last.Since(search.Status())
	fmt.Println("in the wrong order:", errors.Is(err, bulk.ErrReversed))
	// Output:
	// 5 1 4 <nil>
	// of another bulkhead: true
	// in the wrong order: true
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

// The rates and shares of an interval. The queueing share is the part of its time in
// which operations waited.
func ExampleInterval_OfferedLoad() {
	earlier, later := twoStatuses()
	later.Totals.Queueing = 2 * time.Second
	i, _ := later.Since(earlier)
	fmt.Println("per second:", i.ArrivalRate(), "arrivals,", i.AdmissionRate(), "admitted,", i.RejectionRate(), "rejected")
	fmt.Printf("%.1f %% rejected, %.1f %% queued, mean wait %v\n", 100*i.RejectedShare(), 100*i.QueuedShare(), i.MeanWait())
	fmt.Printf("%.0f arrivals per second × %v = %.1f slots of %d\n", i.ArrivalRate(), i.MeanHold(), i.OfferedLoad(), i.End.Capacity.Parallelism)
	fmt.Printf("queueing share %.1f\n", i.QueueingShare())
	// Output:
	// per second: 200 arrivals, 190 admitted, 9.6 rejected
	// 4.8 % rejected, 25.2 % queued, mean wait 40ms
	// 200 arrivals per second × 50ms = 10.0 slots of 10
	// queueing share 0.2
}

// A Status, an Interval, an Event and a Report can be read back from their JSON.
func ExampleStatus_MarshalJSON() {
	_, s := twoStatuses()
	text, _ := json.Marshal(s)
	var back bulk.Status
	err := json.Unmarshal(text, &back)
	fmt.Println(err, back.Label, back.Capacity == s.Capacity, back.Totals.Waits.Equal(s.Totals.Waits))
	// Output:
	// <nil> payments true true
}

// Fields that are absent stay unchanged.
func ExampleCapacity_UnmarshalJSON() {
	c := bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}
	fmt.Println(json.Unmarshal([]byte(`{"parallelism":20}`), &c))
	text, _ := json.Marshal(c)
	fmt.Println(string(text))
	fmt.Println(json.Unmarshal([]byte(`{"paralelism":30,"wait_limit":100}`), &c))
	// Output:
	// <nil>
	// {"parallelism":20,"waiting_room":50,"wait_limit":"250ms"}
	// bulk: capacity "paralelism": unknown field (want parallelism, waiting_room, wait_limit, delay_target or delay_interval)
	// bulk: wait_limit 100: must be a duration such as "250ms", or "0s" for no limit
}

// All bulkheads of a program at /debug/vars. They are a list, because two of them
// may have the same label.
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

package sizing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/sizing"
)

// burst lets n operations for one slot arrive together at b. They end together.
func burst(b *bulk.Bulkhead, n int) {
	var arrived, all sync.WaitGroup
	arrived.Add(n)
	for range n {
		all.Go(func() {
			err := bulk.Do(context.Background(), b, func(context.Context) error {
				arrived.Done()
				arrived.Wait()
				return nil
			})
			if err != nil {
				arrived.Done()
			}
		})
	}
	all.Wait()
}

// Observe mode: no operation is rejected, and the shadow tells which ones would have been.
func ExampleNewShadow() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 2, WaitingRoom: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()

	burst(payments, 10)

	fmt.Println("rejected:", payments.Status().Totals.Rejected())
	fmt.Println("with 2 slots and 3 places:", shadow.Status().Totals.Rejected())
	// Output:
	// rejected: 0
	// with 2 slots and 3 places: 5
}

// The status of a shadow is one like any other: an interval of it can be judged.
func ExampleShadow_Status() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 20, WaitingRoom: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()
	before := shadow.Status()

	burst(payments, 100)

	interval, err := shadow.Status().Since(before)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, finding := range interval.Report().Findings {
		if finding.Code == bulk.CodeRejections {
			fmt.Println(finding.Severity, finding.Message)
		}
	}
	// Output:
	// critical 75 of 100 operations were rejected (75 %): 75 saturated, 0 expired while waiting.
}

// The shadow tries one capacity after the other on live traffic.
func ExampleShadow_SetCapacity() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, slots := range []int{2, 4, 8} {
		if err := shadow.SetCapacity(bulk.Capacity{Parallelism: slots}); err != nil {
			fmt.Println(err)
			return
		}
		before := shadow.Status()
		burst(payments, 10)
		interval, _ := shadow.Status().Since(before)
		fmt.Printf("%d slots: %d rejected\n", slots, interval.Totals.Rejected())
	}
	_ = shadow.Close()
	err = shadow.SetCapacity(bulk.Capacity{Parallelism: 16})
	fmt.Println(errors.Is(err, bulk.ErrClosed))
	// Output:
	// 2 slots: 8 rejected
	// 4 slots: 6 rejected
	// 8 slots: 2 rejected
	// true
}

// Beside a bulkhead with limits the shadow has to assume how long the rejected operations
// would have taken.
func ExampleShadow_Accuracy() {
	payments := bulk.Must(bulk.New("payments", 4))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 6})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()

	burst(payments, 10)

	fmt.Println(payments.Status().Totals.Admitted, "admitted,", shadow.Status().Totals.Admitted, "in the shadow")
	accuracy := shadow.Accuracy()
	fmt.Println(accuracy.Drawn, "of them with a hold that was drawn;", accuracy)
	// Output:
	// 4 admitted, 6 in the shadow
	// 2 of them with a hold that was drawn; 2 holds drawn, 0 events late
}

// A record answers the question for any number of capacities.
func ExampleNewRecorder() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	recorder, err := sizing.NewRecorder(payments, 10_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer recorder.Close()

	burst(payments, 10)

	trace := recorder.Trace()
	for _, slots := range []int{2, 4, 8, 16} {
		status, err := trace.Replay(bulk.Capacity{Parallelism: slots, WaitingRoom: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d slots: %d rejected\n", slots, status.Totals.Rejected())
	}
	// Output:
	// 2 slots: 7 rejected
	// 4 slots: 5 rejected
	// 8 slots: 1 rejected
	// 16 slots: 0 rejected
}

// A trace can be made by hand, or from the access log of a service that has no bulkhead
// yet: when requests came, and how long they took.
func ExampleTrace_Replay() {
	var trace sizing.Trace
	for i := range 5 {
		trace.Operations = append(trace.Operations, sizing.Operation{
			Arrived: time.Duration(i) * 10 * time.Millisecond, Slots: 1, Hold: 30 * time.Millisecond, Outcome: sizing.Finished,
		})
	}
	status, err := trace.Replay(bulk.Capacity{Parallelism: 2, WaitingRoom: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Totals.Queued, "waited, the longest for", status.Totals.LongestWait)
	// Output: 3 waited, the longest for 20ms
}

// A trace is kept as JSON Lines.
func ExampleTrace_WriteTo() {
	trace := sizing.Trace{
		Label: "payments", Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Capacity: bulk.Capacity{Parallelism: 1},
		Operations: []sizing.Operation{
			{Slots: 1, Hold: 42 * time.Millisecond, Outcome: sizing.Finished},
			{Arrived: time.Millisecond, Slots: 1, Outcome: sizing.Saturated},
		},
	}
	var file bytes.Buffer
	if _, err := trace.WriteTo(&file); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(file.String())

	back, err := sizing.ReadTrace(&file)
	fmt.Println(len(back.Operations), back.NeverRan(), err)
	// Output:
	// {"trace":1,"label":"payments","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":1,"waiting_room":0}}
	// {"arrived_ns":0,"slots":1,"hold_ns":42000000,"outcome":"finished"}
	// {"arrived_ns":1000000,"slots":1,"outcome":"saturated"}
	// 2 1 <nil>
}

// Reading is strict, and an error says in which line it is.
func ExampleReadTrace() {
	_, err := sizing.ReadTrace(strings.NewReader(`{"trace":1,"label":"payments","start":"2026-01-02T03:04:05Z","capacity":{"parallelism":1}}
{"arrived_ns":0,"slots":0,"outcome":"finished"}`))
	var bad *sizing.TraceError
	if errors.As(err, &bad) {
		fmt.Println(bad.Line, bad.Problem)
	}
	// Output: 2 slots 0: must be at least 1
}

// Check a trace that was made by hand before it is replayed many times.
func ExampleTrace_Validate() {
	trace := sizing.Trace{Operations: []sizing.Operation{
		{Arrived: 20 * time.Millisecond, Slots: 1, Hold: time.Millisecond, Outcome: sizing.Finished},
		{Arrived: 10 * time.Millisecond, Slots: 1, Hold: time.Millisecond, Outcome: sizing.Finished},
	}}
	fmt.Println(trace.Validate())
	// Output: sizing: trace: line 3: arrived before the operation of the line before
}

// What became of the operations of a bulkhead, one by one.
func ExampleRecorder_Trace() {
	payments := bulk.Must(bulk.New("payments", 1))
	recorder, err := sizing.NewRecorder(payments, 10_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	slot, _ := payments.TryAcquire()
	_, _ = payments.TryAcquire()
	_, _ = payments.TryAcquireN(2)
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = payments.Acquire(done)
	_ = recorder.Close()
	slot.Release() // not recorded

	for _, op := range recorder.Trace().Operations {
		fmt.Println(op.Slots, op.Outcome)
	}
	// Output:
	// 1 in_flight
	// 1 saturated
	// 2 oversized
	// 1 canceled
}

package adaptive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// search stands for a call of a dependency.
func search(context.Context, string) (string, error) { return "found", nil }

// A limiter moves the parallelism of one bulkhead between two bounds. The measurement
// is inside of the guard, so that a wait in the waiting room does not look like a slow
// dependency; the timeout is inside of the measurement, so that the limiter sees it.
func Example() {
	b := bulk.Must(bulk.New("search", 20, bulk.WaitingRoom(50), bulk.WaitLimit(100*time.Millisecond)))
	l, err := adaptive.New(b, 5, 200, adaptive.HealthyLatency(500*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	guarded := bulk.Guard1(b, adaptive.Measure1(l, deadline.Timeout1(time.Second, search)))

	fmt.Println(guarded(context.Background(), "a word"))
	fmt.Println(l.Status())
	// Output:
	// found <nil>
	// bulkhead "search": limit 20 of 5 to 200, 0 in flight, baseline 0s
}

// statusError is the answer of an HTTP server that is not a success.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

// Say which answers mean that the dependency has too much to do. An answer that the
// caller is to blame for says nothing, and a quick error must not count as a success.
func ExampleClassify() {
	classify := func(err error) adaptive.Outcome {
		var status statusError
		switch {
		case err == nil:
			return adaptive.Success
		case errors.Is(err, context.DeadlineExceeded):
			return adaptive.Overload
		case errors.As(err, &status) && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable):
			return adaptive.Overload
		default:
			return adaptive.Ignore
		}
	}
	for _, err := range []error{nil, statusError(429), statusError(404), context.Canceled} {
		fmt.Println(classify(err), err)
	}
	b := bulk.Must(bulk.New("search", 20))
	_, err := adaptive.New(b, 5, 200, adaptive.Classify(classify))
	fmt.Println(err)
	// Output:
	// success <nil>
	// overload Too Many Requests
	// ignore Not Found
	// ignore context canceled
	// <nil>
}

// busyError is how a client reports that its server has too much to do.
type busyError struct{ after time.Duration }

func (e busyError) Error() string    { return fmt.Sprintf("busy: try again after %v", e.after) }
func (e busyError) Overloaded() bool { return true }

// An error can say itself that it means overload. Then no Classify is needed.
func ExampleOutcome() {
	b := bulk.Must(bulk.New("search", 20))
	l, _ := adaptive.New(b, 5, 200)
	find := bulk.Guard(b, adaptive.Measure(l, func(context.Context) (string, error) {
		return "", fmt.Errorf("search: %w", busyError{time.Second})
	}))
	_, err := find(context.Background())
	fmt.Println(err, "counts as", adaptive.Overload)
	// Output: search: busy: try again after 1s counts as overload
}

// Measure is for a function without an argument, Measure1 for one with an argument, and
// MeasureDo for one that returns only an error. What fn returns is not changed.
func ExampleMeasure() {
	b := bulk.Must(bulk.New("search", 20))
	l, _ := adaptive.New(b, 5, 200)
	count := adaptive.Measure(l, func(context.Context) (int, error) { return 42, nil })
	ping := adaptive.MeasureDo(l, func(context.Context) error { return errors.New("no route") })

	fmt.Println(bulk.Run(context.Background(), b, count))
	fmt.Println(bulk.Do(context.Background(), b, ping))
	// Output:
	// 42 <nil>
	// no route
}

// Log each change of the limit, with its reason and figures.
func ExampleOnDecision() {
	onDecision := adaptive.OnDecision(func(d adaptive.Decision) {
		if d.Changed() {
			fmt.Println(d) // or slog.Info("limit", "decision", d)
		}
	})
	b := bulk.Must(bulk.New("search", 20))
	l, err := adaptive.New(b, 5, 200, onDecision)
	fmt.Println(l.Status().Limit, err)
	// Output: 20 <nil>
}

// A decision has a text form, one for log/slog and one in JSON.
func ExampleDecision() {
	d := adaptive.Decision{
		Label: "search", Seq: 12, From: 40, To: 25, Reason: adaptive.Queueing, Window: time.Second,
		Served: 512, Latency: 212 * time.Millisecond, Baseline: 104 * time.Millisecond, Load: 39.5, Fitted: 39.5, Queue: 20,
	}
	fmt.Println(d)
	fmt.Println(d.Goodput(), "served per second")
	text, _ := json.Marshal(d.Reason)
	fmt.Println(string(text))
	// Output:
	// bulkhead "search": limit 40 → 25: queueing: latency 212ms, baseline 104ms, load 39.5, queue 20.0, 512 served, 0 overloaded in 1s
	// 512 served per second
	// "queueing"
}

// Observe shows what a limiter would do, before it does it.
func ExampleObserve() {
	b := bulk.Must(bulk.New("search", 20))
	l, err := adaptive.New(b, 5, 10, adaptive.Observe())
	fmt.Println(l.Status(), err)
	// Output: bulkhead "search": limit 20 of 5 to 10, 0 in flight, baseline 0s, observing <nil>
}

// An operation that does not fit into one function is measured from its admission to
// its end, with the error that it had.
func ExampleLimiter_Begin() {
	b := bulk.Must(bulk.New("downloads", 20))
	l, _ := adaptive.New(b, 5, 200)

	download := func(ctx context.Context) (err error) {
		slot, err := b.Acquire(ctx)
		if err != nil {
			return err
		}
		defer slot.Release()
		end := l.Begin()
		defer func() { end(err) }()
		// … read the body …
		fmt.Println("in flight:", l.Status().InFlight)
		return nil
	}
	fmt.Println(download(context.Background()), l.Status().InFlight)
	// Output:
	// in flight: 1
	// <nil> 0
}

// Only one limiter at a time changes a bulkhead.
func ExampleLimiter_Close() {
	b := bulk.Must(bulk.New("search", 20))
	first, _ := adaptive.New(b, 5, 200)
	_, err := adaptive.New(b, 10, 100)
	fmt.Println(errors.Is(err, adaptive.ErrLimited))
	_ = first.Close()
	_, err = adaptive.New(b, 10, 100)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

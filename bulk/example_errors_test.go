package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// A server's answer to each reason for a rejection.
func ExampleAdmissionError() {
	answer := func(err error) string {
		var e *bulk.AdmissionError
		if !errors.As(err, &e) {
			return "500: the operation ran and failed"
		}
		switch e.Reason {
		case bulk.Saturated, bulk.Expired:
			return fmt.Sprintf("503: %s has %d in flight and %d waiting, try later", e.Label, e.InFlight, e.Waiting)
		case bulk.Canceled:
			return "499: the client has gone"
		default: // bulk.Closed, bulk.Oversized
			return "503: " + e.Reason.String()
		}
	}

	search := bulk.Must(bulk.New("search", 1))
	_ = bulk.Do(context.Background(), search, func(ctx context.Context) error {
		_, err := search.Acquire(ctx)
		fmt.Println(answer(err))
		_, err = search.AcquireN(ctx, 2)
		fmt.Println(answer(err))
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := search.Acquire(ctx)
	fmt.Println(answer(err))
	// Output:
	// 503: search has 1 in flight and 0 waiting, try later
	// 503: oversized
	// 499: the client has gone
}

// Every rejection matches ErrNotStarted. ErrOverload matches those that may pass
// when the load goes down.
func ExampleErrOverload() {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquireN(2)
	defer slot.Release()

	_, saturated := search.Acquire(context.Background())
	_, expired := search.Acquire(context.Background(), deadline.Before(time.Now()))
	_, oversized := search.AcquireN(context.Background(), 3)
	_, gone := search.Acquire(canceled)
	_ = search.Close()
	_, closed := search.Acquire(context.Background())

	for _, err := range []error{saturated, expired, oversized, gone, closed} {
		fmt.Println(err)
		fmt.Println("  overload:", errors.Is(err, bulk.ErrOverload), "not started:", errors.Is(err, bulk.ErrNotStarted))
	}
	fmt.Println(errors.Is(saturated, bulk.ErrSaturated), errors.Is(expired, bulk.ErrExpired), errors.Is(oversized, bulk.ErrOversized),
		errors.Is(gone, bulk.ErrCanceled), errors.Is(closed, bulk.ErrClosed))
	// Output:
	// bulkhead "search": saturated: 2/2 slots in use, 0/0 waiting
	//   overload: true not started: true
	// bulkhead "search": expired at arrival: 2/2 slots in use, 0/0 waiting
	//   overload: true not started: true
	// bulkhead "search": oversized: 3 slots asked, parallelism 2
	//   overload: false not started: true
	// bulkhead "search": canceled: context canceled
	//   overload: false not started: true
	// bulkhead "search": closed
	//   overload: false not started: true
	// true true true true true
}

// quotaError is the cause of a cancellation.
type quotaError struct{ used int }

func (e quotaError) Error() string { return fmt.Sprintf("%d %% of the quota used", e.used) }

// A canceled operation matches the error of its ctx and the cause of the
// cancellation.
func ExampleErrCanceled() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(quotaError{used: 100})
	_, err := payments.Acquire(ctx)
	fmt.Println(errors.Is(err, bulk.ErrCanceled), errors.Is(err, context.Canceled))

	var quota quotaError
	fmt.Println(errors.As(err, &quota), quota.used)
	// Output:
	// true true
	// true 100
}

// An operation can fail with the rejection of another bulkhead that it uses. Only a
// rejection by its own bulkhead means that it did not run and can be retried.
func ExampleNotStarted() {
	search := bulk.Must(bulk.New("search", 1))
	slot, _ := search.TryAcquire()
	defer slot.Release()

	_, err := bulk.Run(context.Background(), payments, func(ctx context.Context) (string, error) {
		return "", bulk.Do(ctx, search, func(context.Context) error { return nil })
	})
	fmt.Println(err)
	fmt.Println(bulk.NotStarted(err, payments), bulk.NotStarted(err, search))
	// Output:
	// bulkhead "search": saturated: 1/1 slots in use, 0/0 waiting
	// false true
}

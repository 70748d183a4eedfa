package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Close rejects what arrives later and what waits. It does not interrupt the
// operations in flight.
func ExampleBulkhead_Close() {
	search := bulk.Must(bulk.New("search", 2))
	err := bulk.Do(context.Background(), search, func(ctx context.Context) error {
		_ = search.Close()
		return ctx.Err()
	})
	fmt.Println(err)
	_, err = search.Acquire(context.Background())
	fmt.Println(err)
	// Output:
	// <nil>
	// bulkhead "search": closed
}

// Wait may be called before Close. Done can be used in a select.
func ExampleBulkhead_Wait() {
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquire()
	drained := make(chan error)
	go func() { drained <- search.Wait(context.Background()) }()

	_ = search.Close()
	select {
	case <-search.Done():
	default:
		fmt.Println(search, "is draining")
	}
	slot.Release()
	fmt.Println(<-drained)
	// Output:
	// bulkhead "search" is draining
	// <nil>
}

// Shutdown closes, then waits until the operations in flight have finished. It
// may be called again with more time.
func ExampleBulkhead_Shutdown() {
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquire()

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := search.Shutdown(ctx)
	fmt.Println(err)
	var e *bulk.DrainError
	if errors.As(err, &e) {
		fmt.Println(e.Label, e.InFlight, errors.Is(err, context.DeadlineExceeded))
	}
	slot.Release()
	fmt.Println(search.Shutdown(context.Background()), search.Status().Drained())
	// Output:
	// bulkhead "search": not drained, 1 in flight: context deadline exceeded
	// search 1 true
	// <nil> true
}

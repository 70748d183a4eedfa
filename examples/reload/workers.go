package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// workers are goroutines that start operations, with counts of the outcomes that they saw.
type workers struct {
	sync.WaitGroup
	started, finished, rejected, failed atomic.Uint64
}

// start starts n workers, distributed evenly over the members of r. They start
// operations until ctx ends. The operations do not use ctx, so that those in flight
// finish.
func start(ctx context.Context, r *registry.Registry, n int) *workers {
	var w workers
	var members []*bulk.Bulkhead
	for _, b := range r.All() {
		members = append(members, b)
	}
	for i := range n {
		b := members[i%len(members)]
		w.Go(func() {
			for ctx.Err() == nil {
				w.started.Add(1)
				err := bulk.Do(context.Background(), b, operation)
				switch {
				case err == nil:
					w.finished.Add(1)
				case errors.Is(err, bulk.ErrOverload):
					w.rejected.Add(1)
					time.Sleep(time.Millisecond)
				default:
					w.failed.Add(1)
				}
			}
		})
	}
	return &w
}

// operation is one call of a dependency.
func operation(context.Context) error {
	time.Sleep(2 * time.Millisecond)
	return nil
}

// compare prints the totals of the bulkheads, and returns an error unless they agree
// with the counts of the workers.
func compare(out io.Writer, r *registry.Registry, w *workers) error {
	var sum bulk.Totals
	for _, s := range r.Statuses() {
		t := s.Totals
		fmt.Fprintf(out, "%q: %d arrived, %d admitted (%d of them after a wait), %d rejected, %d finished; at most %d in flight\n",
			s.Label, t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Rejected(), t.Finished, s.Peak.InFlight)
		sum = sum.Plus(t)
	}
	started, finished, rejected := w.started.Load(), w.finished.Load(), w.rejected.Load()
	lost := int64(started - finished - rejected)
	if lost != 0 || sum.Arrivals() != started || sum.Finished != finished || sum.Rejected() != rejected {
		return fmt.Errorf("the counts differ: %d started, %d finished, %d rejected; the bulkheads counted %d, %d, %d",
			started, finished, rejected, sum.Arrivals(), sum.Finished, sum.Rejected())
	}
	_, err := fmt.Fprintf(out, "%d operations: %d finished, %d rejected, %d lost\n", started, finished, rejected, lost)
	return err
}

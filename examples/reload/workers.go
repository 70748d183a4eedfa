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

// crew is the workers, and what became of their operations as they saw it.
type crew struct {
	sync.WaitGroup
	started, finished, turnedAway, failed atomic.Uint64
}

// start sends workers to all members in turn, until ctx ends. They don't use ctx
// for their operations: what has begun is brought to its end.
func start(ctx context.Context, r *registry.Registry, workers int) *crew {
	var c crew
	var members []*bulk.Bulkhead
	for _, b := range r.All() {
		members = append(members, b)
	}
	for i := range workers {
		b := members[i%len(members)]
		c.Go(func() {
			for ctx.Err() == nil {
				c.started.Add(1)
				err := bulk.Do(context.Background(), b, operation)
				switch {
				case err == nil:
					c.finished.Add(1)
				case errors.Is(err, bulk.ErrOverload):
					c.turnedAway.Add(1)
					time.Sleep(time.Millisecond)
				default:
					c.failed.Add(1)
				}
			}
		})
	}
	return &c
}

// operation is one call of a dependency.
func operation(context.Context) error {
	time.Sleep(2 * time.Millisecond)
	return nil
}

// account compares the figures of the crew with those of the bulkheads.
func account(w io.Writer, r *registry.Registry, c *crew) error {
	var sum bulk.Totals
	for _, s := range r.Statuses() {
		t := s.Totals
		fmt.Fprintf(w, "%q: %d arrived, %d admitted (%d of them after a wait), %d turned away, %d finished; at most %d in flight\n",
			s.Label, t.Arrivals(), t.Admitted, t.AdmittedFromQueue, t.Rejected(), t.Finished, s.Peak.InFlight)
		sum = sum.Plus(t)
	}
	started, finished, turnedAway := c.started.Load(), c.finished.Load(), c.turnedAway.Load()
	lost := int64(started - finished - turnedAway)
	if lost != 0 || sum.Arrivals() != started || sum.Finished != finished || sum.Rejected() != turnedAway {
		return fmt.Errorf("the figures differ: %d started, %d finished, %d turned away; the bulkheads counted %d, %d, %d",
			started, finished, turnedAway, sum.Arrivals(), sum.Finished, sum.Rejected())
	}
	_, err := fmt.Fprintf(w, "%d operations: %d finished, %d turned away, %d lost\n", started, finished, turnedAway, lost)
	return err
}

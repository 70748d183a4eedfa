package main

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// target names one of the two dependencies, and indexes arrays of both.
type target int

const (
	fast target = iota
	slow
	targets int = iota
)

func (t target) String() string { return [targets]string{"fast", "slow"}[t] }

// The duration of one call of each dependency, and the number of calls that the
// slow one can serve concurrently. With more calls in flight it becomes slower.
const (
	fastTime    = 5 * time.Millisecond
	slowTime    = 40 * time.Millisecond
	slowWorkers = 4
)

// call is one call of a dependency.
type call = func(context.Context) (string, error)

// bulkheads holds one bulkhead for each dependency.
type bulkheads [targets]*bulk.Bulkhead

// newBulkheads divides the workers of the program between the dependencies. A
// call that is in flight or waiting occupies one worker, so a dependency can
// occupy at most as many workers as its bulkhead has slots and waiting places:
//
//	fast   20 in flight + 12 waiting   32 workers
//	slow    4 in flight + 12 waiting   16 workers
//
// Together these are all 48 workers, and neither dependency can occupy workers of
// the other. The slow one has one slot for each worker of its server, because
// more concurrent calls would only make it slower.
func newBulkheads() bulkheads {
	return bulkheads{
		fast: bulk.Must(bulk.New("fast", 20, bulk.WaitingRoom(12), bulk.WaitLimit(100*time.Millisecond))),
		slow: bulk.Must(bulk.New("slow", slowWorkers, bulk.WaitingRoom(12), bulk.WaitLimit(100*time.Millisecond))),
	}
}

// guard returns calls that go through the bulkheads. A call is not started if
// less than twice its usual duration is left until the deadline of its context,
// because the user would probably leave before the answer.
func (all bulkheads) guard(calls [targets]call) [targets]call {
	return [targets]call{
		fast: bulk.Guard(all[fast], calls[fast], deadline.Reserve(2*fastTime)),
		slow: bulk.Guard(all[slow], calls[slow], deadline.Reserve(2*slowTime)),
	}
}

// shutdown closes both bulkheads, waits for the calls in flight, and returns the
// final status of each.
func (all bulkheads) shutdown(ctx context.Context) ([]bulk.Status, error) {
	var statuses []bulk.Status
	for _, b := range all {
		if err := b.Shutdown(ctx); err != nil {
			return nil, err
		}
		statuses = append(statuses, b.Status())
	}
	return statuses, nil
}

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

// What a call of each dependency takes, and how many calls the slow one can work
// on: above that it gets slower.
const (
	fastTime    = 5 * time.Millisecond
	slowTime    = 40 * time.Millisecond
	slowWorkers = 4
)

// call asks a dependency something.
type call = func(context.Context) (string, error)

// compartments has one bulkhead for each dependency.
type compartments [targets]*bulk.Bulkhead

// newCompartments divides the workers of the program. A call that is in flight
// or waiting occupies one, so a dependency can take as many as it has slots and
// places to wait:
//
//	fast   20 in flight + 12 waiting   32 workers
//	slow    4 in flight + 12 waiting   16 workers
//
// That is all of them, and neither can take the other's share. The slots of the
// slow one are as many as it has workers: more calls than that would only make
// it slower.
func newCompartments() compartments {
	return compartments{
		fast: bulk.Must(bulk.New("fast", 20, bulk.WaitingRoom(12), bulk.WaitLimit(100*time.Millisecond))),
		slow: bulk.Must(bulk.New("slow", slowWorkers, bulk.WaitingRoom(12), bulk.WaitLimit(100*time.Millisecond))),
	}
}

// guard returns both calls as calls that go through their bulkheads. Those that
// can't be in time any more are not started: the time that a user still waits
// must be enough for an answer.
func (c compartments) guard(calls [targets]call) [targets]call {
	return [targets]call{
		fast: bulk.Guard(c[fast], calls[fast], deadline.Reserve(2*fastTime)),
		slow: bulk.Guard(c[slow], calls[slow], deadline.Reserve(2*slowTime)),
	}
}

// shutdown turns away whoever comes now, waits for those in flight, and returns
// the last word on both bulkheads.
func (c compartments) shutdown(ctx context.Context) ([]bulk.Status, error) {
	var statuses []bulk.Status
	for _, b := range c {
		if err := b.Shutdown(ctx); err != nil {
			return nil, err
		}
		statuses = append(statuses, b.Status())
	}
	return statuses, nil
}

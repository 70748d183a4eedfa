package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/sizing"
)

// maxOperations is how many operations are recorded at most.
const maxOperations = 1_000_000

// load is random: the times between arrivals and the times of operations are exponential.
type load struct {
	duration time.Duration
	rate     int // operations a second
	hold     time.Duration
}

// record sends the load to b and returns the record of all operations. It reports whether
// the load is complete: whether ctx has not ended it early.
func (l load) record(ctx context.Context, b *bulk.Bulkhead) (trace sizing.Trace, complete bool, err error) {
	recorder, err := sizing.NewRecorder(b, maxOperations)
	if err != nil {
		return trace, false, err
	}
	defer recorder.Close()
	sending, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	random := rand.New(rand.NewPCG(1, 2))
	gap := float64(time.Second) / float64(l.rate)
	var all sync.WaitGroup
	// Arrivals are counted from the beginning: a timer that is late delays no later one.
	for next := time.Now(); sending.Err() == nil; {
		next = next.Add(time.Duration(random.ExpFloat64() * gap))
		hold := time.Duration(random.ExpFloat64() * float64(l.hold))
		select {
		case <-sending.Done():
		case <-time.After(time.Until(next)):
			all.Go(func() {
				_ = bulk.Do(context.WithoutCancel(ctx), b, func(context.Context) error { // unlimited: never rejected
					time.Sleep(hold) // the call of the dependency
					return nil
				})
			})
		}
	}
	complete = ctx.Err() == nil
	all.Wait()
	return recorder.Trace(), complete, nil
}

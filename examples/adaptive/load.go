package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// runLoad starts a Poisson stream of calls for each client, which end with ctx. The
// returned function waits for the last call.
func runLoad(ctx context.Context, rate int, clients []*client) (wait func()) {
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			next := time.Now()
			for {
				next = next.Add(time.Duration(random.ExpFloat64() / float64(rate) * float64(time.Second)))
				if pause := time.Until(next); pause > 0 {
					select {
					case <-time.After(pause):
					case <-ctx.Done():
						return
					}
				}
				if ctx.Err() != nil {
					return
				}
				all.Go(func() { c.count(context.WithoutCancel(ctx)) }) // is answered or times out
			}
		})
	}
	return all.Wait
}

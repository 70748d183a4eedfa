package peers

import (
	"context"
	"sync"
)

// floor is the lower bound for counting operations under a lock: two lock/unlock pairs
// around a counter, the second one deferred. It limits nothing.
var floor = Spec{
	Name:  "floor",
	Title: "two bare mutex pairs",
	Has:   InPlace | Unwinds | Bundled,
	Note:  "the floor, not a limiter",
	New: func(s Setup) Peer {
		if s.Listen > 0 {
			return nil
		}
		return new(mutexPairs)
	},
}

type mutexPairs struct {
	mu       sync.Mutex
	inFlight int
}

func (f *mutexPairs) finish() {
	f.mu.Lock()
	f.inFlight--
	f.mu.Unlock()
}

func (f *mutexPairs) Run(ctx context.Context, op Op) (int, error) {
	f.mu.Lock()
	f.inFlight++
	f.mu.Unlock()
	defer f.finish()
	return op(ctx)
}

func (f *mutexPairs) Times(ctx context.Context, n int, op Op) {
	for range n {
		_, _ = f.Run(ctx, op)
	}
}

func (f *mutexPairs) Pairs(_ context.Context, n int) {
	for range n {
		f.mu.Lock()
		f.inFlight++
		f.mu.Unlock()
		f.finish()
	}
}

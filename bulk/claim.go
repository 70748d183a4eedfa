package bulk

import "github.com/bulklink/bulklink-go/internal/hooks"

// What package adaptive reaches through internal/hooks.

// claim marks b as changed by a Limiter, and reports whether it was not yet.
func (b *Bulkhead) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	free := !b.claimed
	b.claimed = true
	return free
}

func (b *Bulkhead) unclaim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claimed = false
}

func (b *Bulkhead) load() hooks.Load {
	b.mu.Lock()
	defer b.mu.Unlock()
	return hooks.Load{
		Parallelism: b.capacity.Parallelism, InUse: b.inUse, InFlight: b.inFlight(),
		NotAdmitted: b.totals.Queued + b.totals.Saturated, Closed: b.closed,
	}
}

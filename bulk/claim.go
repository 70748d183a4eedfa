package bulk

import "github.com/bulklink/bulklink-go/internal/hooks"

// What packages adaptive and fleet reach through internal/hooks.

// claim is [hooks.Claim].
func (b *Bulkhead) claim(by hooks.Owner) (taken hooks.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claims&by != 0 {
		return b.claims
	}
	b.claims |= by
	return 0
}

func (b *Bulkhead) unclaim(by hooks.Owner) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claims &^= by
}

// changeCapacity is UpdateCapacity, except that its caller calls deliver, which wakes
// operations and calls event handlers.
func (b *Bulkhead) changeCapacity(f func(Capacity) Capacity) (deliver func(), err error) {
	var out outbox
	err = b.updateCapacity(f, &out)
	return func() { b.flush(&out) }, err
}

// setOnOversized sets what is called for each arrival that is rejected as oversized.
func (b *Bulkhead) setOnOversized(f func(slots int)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onOversized = f
}

func (b *Bulkhead) load() hooks.Load {
	b.mu.Lock()
	defer b.mu.Unlock()
	return hooks.Load{
		Parallelism: b.capacity.Parallelism, InUse: b.inUse, InFlight: b.inFlight(),
		NotAdmitted: b.totals.Queued + b.totals.Saturated, Owners: b.claims, Closed: b.closed,
	}
}

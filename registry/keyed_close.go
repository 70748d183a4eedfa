package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Close closes the bulkheads of all keys, turns away everyone who comes later,
// with or without a known key, and makes no new one. It interrupts nothing in
// flight, never blocks, may be called again, and always returns nil. The keys
// stay until they are evicted.
func (k *Keyed[K]) Close() error {
	// First the rejector, so that it is closed whenever k is; the keys also if an event
	// handler of the rejector ends this goroutine.
	defer k.closeKeys()
	_ = k.rejector.Close() // always nil
	return nil
}

// closeKeys sees to it that nothing can be added, and then takes the list: nobody
// is left out.
func (k *Keyed[K]) closeKeys() {
	k.mu.Lock()
	k.closed = true
	all := slices.Clone(k.all)
	k.mu.Unlock()
	forEachAlways(all, func(e *entry[K]) { _ = e.bulkhead.Close() })
}

// Shutdown is Close, then it waits until nothing is in flight for any key. If
// ctx ends first it gives up with one [*bulk.DrainError] for the whole: the
// label, and how many are in flight over all keys. It returns nil when all are
// drained, even with a done ctx. Giving up disturbs nobody else.
func (k *Keyed[K]) Shutdown(ctx context.Context) error {
	_ = k.Close() // always nil
	k.mu.Lock()
	all := slices.Clone(k.all) // who was evicted since Close had nothing in flight
	k.mu.Unlock()
	// All are closed and drain by themselves, so looking at one after the other
	// is waiting for all at once.
	var sum *bulk.DrainError
	for _, e := range all {
		var drain *bulk.DrainError
		if !errors.As(e.bulkhead.Wait(ctx), &drain) {
			continue
		}
		if sum == nil {
			sum = drain // nobody else has it
		} else {
			sum.InFlight += drain.InFlight
		}
	}
	if sum == nil {
		return nil
	}
	return sum
}

package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Close closes the bulkheads of all keys. Operations that are waiting or arrive later
// are rejected with an error that matches [bulk.ErrClosed], and no key is created. It
// interrupts no operation in flight, does not wait, may be called again, and always
// returns nil. The keys stay until they are evicted.
func (k *Keyed[K]) Close() error {
	// The rejector is closed first: it must be closed whenever k is. The bulkheads of
	// the keys are closed even if an event handler of the rejector ends the goroutine.
	defer k.closeKeys()
	_ = k.rejector.Close() // always nil
	return nil
}

// closeKeys closes the bulkheads of all keys. The list is copied in the section that
// sets closed, so no bulkhead is left out.
func (k *Keyed[K]) closeKeys() {
	k.mu.Lock()
	k.closed = true
	all := slices.Clone(k.all)
	k.mu.Unlock()
	forEachAlways(all, func(e *entry[K]) { _ = e.bulkhead.Close() })
}

// Shutdown calls Close and waits until no operation is in flight for any key. If ctx
// ends first, it returns one [*bulk.DrainError] with the label and the number of
// operations in flight over all keys. If all are drained, it returns nil, even if ctx
// is done. It can be called again.
//
// Call it after the servers that use k have drained. Otherwise requests that a server
// has accepted are rejected.
func (k *Keyed[K]) Shutdown(ctx context.Context) error {
	_ = k.Close() // always nil
	k.mu.Lock()
	all := slices.Clone(k.all) // a key evicted since Close had no operation in flight
	k.mu.Unlock()
	// All bulkheads are closed and drain concurrently, so waiting for one after the
	// other takes no longer.
	var sum *bulk.DrainError
	for _, e := range all {
		var drain *bulk.DrainError
		if !errors.As(e.bulkhead.Wait(ctx), &drain) {
			continue
		}
		if sum == nil {
			sum = drain // made for this call
		} else {
			sum.InFlight += drain.InFlight
		}
	}
	if sum == nil {
		return nil
	}
	return sum
}

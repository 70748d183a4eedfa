package registry

import (
	"context"
	"errors"
)

// Close closes every member and the registry: Create then returns an error that
// matches [ErrClosed]. It interrupts no operation in flight, does not wait, may be
// called again, and always returns nil. The members stay registered.
func (r *Registry) Close() error {
	// The list is read in the section that sets closed, so no member is left out.
	r.mu.Lock()
	r.closed = true
	view := r.order
	r.mu.Unlock()
	forEachAlways(view, func(m member) { _ = m.Close() }) // always nil
	return nil
}

// Shutdown calls Close and waits until no operation is in flight in any member. If
// ctx ends first, it returns the [*bulk.DrainError] of each member that still has
// operations in flight, joined in the order of creation.
//
// Call it after the servers that use the members have drained. Otherwise requests
// that a server has accepted are rejected.
func (r *Registry) Shutdown(ctx context.Context) error {
	_ = r.Close() // always nil
	var errs []error
	// All members are closed and drain concurrently, so waiting for one after the
	// other takes no longer. Once ctx has ended, Shutdown returns immediately, and nil
	// only if the member is drained.
	for _, m := range r.view() {
		errs = append(errs, m.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// forEachAlways calls f for each element of list, in order. If an event handler
// that f calls ends the goroutine (runtime.Goexit), it calls f for the remaining
// elements while the goroutine ends.
func forEachAlways[T any](list []T, f func(T)) {
	next := 0
	defer func() {
		if next < len(list) {
			forEachAlways(list[next:], f)
		}
	}()
	for next < len(list) {
		next++
		f(list[next-1])
	}
}

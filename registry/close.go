package registry

import (
	"context"
	"errors"

	"github.com/bulklink/bulklink-go/bulk"
)

// Close closes every member, and nothing can be created any more. It interrupts
// nothing in flight, never blocks, may be called again, and always returns nil.
// The members stay registered.
func (r *Registry) Close() error {
	// First nothing can be added, then the list is taken: nobody is left out.
	r.mu.Lock()
	r.closed = true
	view := r.order
	r.mu.Unlock()
	forEachAlways(view, func(b *bulk.Bulkhead) { _ = b.Close() }) // always nil
	return nil
}

// Shutdown is Close, then it waits until nothing is in flight in any member. If
// ctx ends first it returns the [*bulk.DrainError] of each member that still
// has something in flight, joined in the order of creation. All are waited for
// at the same time: a slow one takes nothing from the time of the others.
func (r *Registry) Shutdown(ctx context.Context) error {
	_ = r.Close() // always nil
	var errs []error
	// All of them are closed and drain by themselves, so looking at one after
	// the other is waiting for all at once: until the last is drained, or ctx
	// ends and tells those that are not from those that are.
	for _, b := range r.view() {
		errs = append(errs, b.Wait(ctx))
	}
	return errors.Join(errs...)
}

// forEachAlways calls f with one after the other. An event handler that f runs into may
// end this goroutine: then the others have their turn on the way out, so that
// what was begun is done for all.
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

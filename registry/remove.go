package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Remove closes the bulkhead with that label, waits until nothing is in flight
// in it any more, and forgets it. Then the label is free. If ctx ends first it
// gives up with a [*bulk.DrainError]: the bulkhead stays registered, and
// closed. Another Remove can wait for it again.
//
// If there is none the error matches [ErrUnknown]. Several may remove the same
// one at the same time: all wait for it, and none removes a later one that has
// its label.
func (r *Registry) Remove(ctx context.Context, label string) error {
	b, ok := r.Get(label)
	if !ok {
		return labelError(label, ErrUnknown)
	}
	if err := b.Shutdown(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[label] == b {
		delete(r.members, label)
		// A new slice: views of the old one must not change.
		r.order = slices.DeleteFunc(slices.Clone(r.order), func(m *bulk.Bulkhead) bool { return m == b })
	}
	return nil
}

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

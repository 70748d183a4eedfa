package registry

import (
	"context"
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
		return labelError(label, "no such label", ErrUnknown)
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

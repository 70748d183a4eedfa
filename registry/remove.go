package registry

import (
	"context"
	"slices"
)

// Remove closes the member with that label, waits until none of its operations is
// in flight, and then removes it: the label is free again. If there is no such
// member, the error matches [ErrUnknown].
//
// If ctx ends first, Remove returns a [*bulk.DrainError]. Then the member stays
// registered and closed, and Remove can be called again.
//
// Concurrent calls for the same label all wait. None of them removes a member that
// was created with the label afterwards.
func (r *Registry) Remove(ctx context.Context, label string) error {
	m, ok := r.member(label)
	if !ok {
		return labelError(label, "no such label", ErrUnknown)
	}
	if err := m.Shutdown(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[label] == m {
		delete(r.members, label)
		// A new slice, because views of the old one must not change.
		r.order = slices.DeleteFunc(slices.Clone(r.order), func(other member) bool { return other == m })
	}
	return nil
}

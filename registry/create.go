package registry

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Create creates a bulkhead as [bulk.New] does, with the registry's defaults
// before opts, and registers it.
//
// The error matches [ErrDuplicate] if the label is taken, which it also is while
// [Registry.Remove] waits. Otherwise it matches [ErrClosed] if the registry is
// closed. Otherwise it is the error of bulk.New. After an error nothing is
// registered.
func (r *Registry) Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	b, created, err := r.getOrCreate(label, parallelism, opts)
	if err == nil && !created {
		return nil, labelError(label, "label is taken", ErrDuplicate)
	}
	if !created {
		return nil, err
	}
	return b, nil
}

// GetOrCreate returns the member with that label. If there is none, it creates
// and registers one, as [Registry.Create] does. All goroutines that call it
// concurrently with a new label get the same bulkhead.
//
// The parallelism and opts are for a new bulkhead only. GetOrCreate does not check
// them if the label is taken: it returns the member with its own capacity, even if
// the member or the registry is closed. Then it allocates nothing.
func (r *Registry) GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	b, _, err := r.getOrCreate(label, parallelism, opts)
	return b, err
}

// getOrCreate creates the bulkhead without the lock, because options are
// caller-supplied code, and looks the label up again before it registers the
// bulkhead. If another goroutine was first, the new bulkhead is discarded; it has
// no users yet. created reports whether b is the new one.
func (r *Registry) getOrCreate(label string, parallelism int, opts []bulk.Option) (b *bulk.Bulkhead, created bool, err error) {
	r.mu.RLock()
	b, exists := r.members[label]
	closed := r.closed
	r.mu.RUnlock()
	switch {
	case exists:
		return b, false, nil
	case closed:
		return nil, false, labelError(label, "the registry is closed", ErrClosed)
	}

	b, err = bulk.New(label, parallelism, slices.Concat(r.defaults, opts)...)
	if err != nil {
		return nil, false, err
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if first, exists := r.members[label]; exists {
		return first, false, nil
	}
	if r.closed {
		return nil, false, labelError(label, "the registry is closed", ErrClosed)
	}
	r.members[label] = b
	r.order = append(r.order, b)
	return b, true, nil
}

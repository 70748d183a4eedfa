package registry

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Create makes a bulkhead as [bulk.New] does, with the registry's defaults
// before opts, and registers it. The error matches [ErrDuplicate] if the label is
// taken, else [ErrClosed] if the registry is closed; else it is all that is
// wrong with the values, as from bulk.New. With an error nothing is registered.
//
// A label is also taken while a bulkhead with it is being removed.
func (r *Registry) Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	b, made, err := r.getOrCreate(label, parallelism, opts)
	if err == nil && !made {
		return nil, labelError(label, "label is taken", ErrDuplicate)
	}
	if !made {
		return nil, err
	}
	return b, nil
}

// GetOrCreate returns the bulkhead with that label. If there is none it makes
// and registers one, as [Registry.Create] does; of many that ask for a new
// label at the same time, one makes it and the others get that one.
//
// The parallelism and opts are for a new bulkhead. One that exists keeps its
// capacity, and is returned even if they are not allowed, if it is closed, or
// if the registry is.
func (r *Registry) GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	b, _, err := r.getOrCreate(label, parallelism, opts)
	return b, err
}

// getOrCreate makes the bulkhead without the lock, because options are a
// stranger's code, and looks again before it is registered: who comes second
// forgets the one it made, which nobody has seen.
func (r *Registry) getOrCreate(label string, parallelism int, opts []bulk.Option) (b *bulk.Bulkhead, made bool, err error) {
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

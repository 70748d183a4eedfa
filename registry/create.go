package registry

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Create creates a bulkhead as [bulk.New] does, with the registry's defaults
// before opts, and registers it.
//
// The error matches [ErrDuplicate] if the label is taken, by a bulkhead or a [Keyed],
// which it also is while [Registry.Remove] waits. Otherwise it matches [ErrClosed] if
// the registry is closed. Otherwise it is the error of bulk.New. After an error
// nothing is registered.
func (r *Registry) Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	return create(r, label, func() (*bulk.Bulkhead, error) { return r.newBulkhead(label, parallelism, opts) })
}

// GetOrCreate returns the bulkhead with that label. If there is none, it creates
// and registers one, as [Registry.Create] does. All goroutines that call it
// concurrently with a new label get the same bulkhead. If a [Keyed] has the label, the
// error matches [ErrDuplicate].
//
// The parallelism and opts are for a new bulkhead only. GetOrCreate does not check
// them if the label is taken: it returns the bulkhead with its own capacity, even if
// the bulkhead or the registry is closed. Then it allocates nothing.
func (r *Registry) GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	m, _, err := r.getOrCreate(label, func() (member, error) { return r.newBulkhead(label, parallelism, opts) })
	if err != nil {
		return nil, err
	}
	b, ok := m.(*bulk.Bulkhead)
	if !ok {
		return nil, takenError(label, m)
	}
	return b, nil
}

func (r *Registry) newBulkhead(label string, parallelism int, opts []bulk.Option) (*bulk.Bulkhead, error) {
	return bulk.New(label, parallelism, slices.Concat(r.defaults, opts)...)
}

// CreateKeyed creates a [Keyed] as [NewKeyed] does, and registers it. Its errors are
// those of [Registry.Create] and of NewKeyed. The registry's defaults apply to the
// bulkhead of each key: they come before the options of [Each], so those win.
//
// As a member, it is reached under its label by [Registry.Apply],
// [Registry.ApplyJSON], which change its common capacity, and [Registry.Remove], and
// with the others by [Registry.Close], [Registry.Shutdown], [Registry.Reports] and
// [Registry.KeyedStatuses]. The methods that return bulkheads do not return it.
func CreateKeyed[K comparable](r *Registry, label string, parallelism, maxKeys int, opts ...KeyedOption) (*Keyed[K], error) {
	return create(r, label, func() (*Keyed[K], error) {
		return NewKeyed[K](label, parallelism, maxKeys, append([]KeyedOption{Each(r.defaults...)}, opts...)...)
	})
}

// create registers what build returns under a new label.
func create[M member](r *Registry, label string, build func() (M, error)) (created M, err error) {
	m, isNew, err := r.getOrCreate(label, func() (member, error) { return build() })
	if err == nil && !isNew {
		err = takenError(label, m)
	}
	if err != nil {
		return created, err
	}
	return m.(M), nil
}

// getOrCreate calls build without the lock, because options are caller-supplied code,
// and looks the label up again before it registers the new member. If another
// goroutine was first, the new member is discarded; it has no users yet. created
// reports whether m is the new one.
func (r *Registry) getOrCreate(label string, build func() (member, error)) (m member, created bool, err error) {
	r.mu.RLock()
	m, exists := r.members[label]
	closed := r.closed
	r.mu.RUnlock()
	switch {
	case exists:
		return m, false, nil
	case closed:
		return nil, false, labelError(label, "the registry is closed", ErrClosed)
	}

	m, err = build()
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
	r.members[label] = m
	r.order = append(r.order, m)
	return m, true, nil
}

package registry

import (
	"errors"
	"maps"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Apply sets the capacities of the members with the given labels. The other
// members keep theirs. That of a [Keyed] is the common capacity.
//
// Apply checks all labels and values before it sets any. If one of them is not
// allowed, nothing is set, and Apply returns all errors joined, in the order of
// labels. Each matches [ErrUnknown] or is a [*bulk.ConfigError].
//
// The capacity of a closed member cannot change. Apply returns an error that
// matches [bulk.ErrClosed] for each of them, and sets the others.
//
// The capacity of each member changes atomically, one member after the other.
// Apply does not wait and interrupts no operation: see
// [bulk.Bulkhead.SetCapacity].
func (r *Registry) Apply(capacities map[string]bulk.Capacity) error {
	var all changes
	for _, label := range slices.Sorted(maps.Keys(capacities)) {
		c := capacities[label]
		all.add(r, label, func(bulk.Capacity) (bulk.Capacity, error) { return c, nil })
	}
	return all.apply()
}

// changes has the changes of one call of Apply or ApplyJSON. All of them are
// checked before the first is applied.
type changes struct {
	list   []change
	errors []error
}

// change returns the new capacity of a member for the current one.
type change struct {
	member member
	update func(bulk.Capacity) (bulk.Capacity, error)
}

// add checks a change and keeps it, or its errors.
func (all *changes) add(r *Registry, label string, update func(bulk.Capacity) (bulk.Capacity, error)) {
	current := bulk.Capacity{Parallelism: 1} // of an unknown label: valid, so that errors are about the change
	m, ok := r.member(label)
	if ok {
		current = m.Capacity()
	} else {
		all.errors = append(all.errors, labelError(label, "no such label", ErrUnknown))
	}
	c, err := update(current)
	if k, keyed := m.(keyedMember); keyed && err == nil {
		err = k.checkCapacity(c)
	} else if err == nil {
		err = c.Validate()
	}
	for _, err := range unjoin(err) {
		all.errors = append(all.errors, memberError(label, err))
	}
	all.list = append(all.list, change{m, update})
}

// apply applies the changes if there are no errors.
func (all *changes) apply() error {
	if len(all.errors) > 0 {
		return errors.Join(all.errors...)
	}
	var failed []error
	forEachAlways(all.list, func(c change) {
		failed = append(failed, c.member.UpdateCapacity(func(current bulk.Capacity) bulk.Capacity {
			next, _ := c.update(current) // no error: add has checked it
			return next
		}))
	})
	return errors.Join(failed...)
}

package registry

import (
	"errors"
	"maps"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Apply sets new capacities, by label. Members that are not named keep theirs.
//
// All labels and values are checked before anything is set. If any is not
// allowed, nothing is set, and the errors of all are joined, in the order of
// labels: they match [ErrUnknown], or are [*bulk.ConfigError]. Members that are
// closed by then can't be changed: they are reported, with errors that match
// [bulk.ErrClosed], and the others are set all the same.
//
// Each member's capacity changes in one step, the members one after the other.
// It never blocks and cancels nothing: see [bulk.Bulkhead.SetCapacity].
func (r *Registry) Apply(capacities map[string]bulk.Capacity) error {
	var all changes
	for _, label := range slices.Sorted(maps.Keys(capacities)) {
		c := capacities[label]
		all.add(r, label, func(bulk.Capacity) (bulk.Capacity, error) { return c, nil })
	}
	return all.apply()
}

// changes are those of one call of Apply or ApplyJSON: all of them are checked
// before any is made.
type changes struct {
	list   []change
	errors []error
}

// change says what becomes of the capacity of a member.
type change struct {
	member *bulk.Bulkhead
	update func(bulk.Capacity) (bulk.Capacity, error)
}

// add checks a change, and keeps it or its errors.
func (all *changes) add(r *Registry, label string, update func(bulk.Capacity) (bulk.Capacity, error)) {
	present := bulk.Capacity{Parallelism: 1} // of an unknown label: allowed, so that errors are about the change
	b, ok := r.Get(label)
	if ok {
		present = b.Capacity()
	} else {
		all.errors = append(all.errors, labelError(label, "no such label", ErrUnknown))
	}
	c, err := update(present)
	if err == nil {
		err = c.Validate()
	}
	for _, err := range unjoin(err) {
		all.errors = append(all.errors, memberError(label, err))
	}
	all.list = append(all.list, change{b, update})
}

// apply makes the changes if there are no errors.
func (all *changes) apply() error {
	if len(all.errors) > 0 {
		return errors.Join(all.errors...)
	}
	var failed []error
	forEachAlways(all.list, func(c change) {
		failed = append(failed, c.member.UpdateCapacity(func(present bulk.Capacity) bulk.Capacity {
			next, _ := c.update(present) // no error: add has checked it
			return next
		}))
	})
	return errors.Join(failed...)
}

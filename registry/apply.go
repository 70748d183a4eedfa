package registry

import (
	"errors"
	"maps"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/seam"
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
	parts := make(map[string]seam.Part, len(capacities))
	for label, c := range capacities {
		parts[label] = seam.Part{Parallelism: &c.Parallelism, WaitingRoom: &c.WaitingRoom, WaitLimit: &c.WaitLimit}
	}
	return r.apply(parts, nil)
}

// change is what is to become of one member.
type change struct {
	member *bulk.Bulkhead
	part   seam.Part
}

// apply checks everything, and sets it if there is nothing wrong with it, nor
// was before.
func (r *Registry) apply(parts map[string]seam.Part, wrong []error) error {
	changes := make([]change, 0, len(parts))
	for _, label := range slices.Sorted(maps.Keys(parts)) {
		part := parts[label]
		b, ok := r.Get(label)
		if !ok {
			wrong = append(wrong, about(label, ErrUnknown))
		}
		for _, err := range problems(part) {
			wrong = append(wrong, within(label, err))
		}
		changes = append(changes, change{b, part})
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	var closed []error
	inTurn(changes, func(c change) { closed = append(closed, seam.SetPart(c.member, c.part)) })
	return errors.Join(closed...)
}

// problems returns what is wrong with what is said, one by one, so that each can
// be told with its label. What is not said is as it is, which is allowed.
func problems(p seam.Part) []error {
	c := bulk.Capacity{Parallelism: 1}
	if p.Parallelism != nil {
		c.Parallelism = *p.Parallelism
	}
	if p.WaitingRoom != nil {
		c.WaitingRoom = *p.WaitingRoom
	}
	if p.WaitLimit != nil {
		c.WaitLimit = *p.WaitLimit
	}
	if joined, ok := c.Validate().(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

package propcheck

import (
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// registryModel says what a Registry does: a list that is searched from end to
// end.
type registryModel struct {
	defaultRoom int
	closed      bool
	members     []*modelMember // in the order of creation
	gone        []string       // the labels of those that were forgotten
}

type modelMember struct {
	label    string
	bulkhead *bulk.Bulkhead // what the registry returned for it
	capacity bulk.Capacity
	inFlight int
	admitted int
	closed   bool
	removed  bool // to be forgotten as soon as it is drained
}

func (x *modelMember) String() string {
	return fmt.Sprintf("%s: %v, %d in flight, %d admitted, closed %t", x.label, x.capacity, x.inFlight, x.admitted, x.closed)
}

func (m *registryModel) find(label string) *modelMember {
	for _, x := range m.members {
		if x.label == label {
			return x
		}
	}
	return nil
}

// create makes a member, or says which error there is. With get, one that exists
// is returned as it is.
func (m *registryModel) create(label string, c bulk.Capacity, get bool) (x *modelMember, err error) {
	switch x := m.find(label); {
	case x != nil && get:
		return x, nil
	case m.closed && x == nil:
		return nil, registry.ErrClosed
	case x != nil:
		return nil, registry.ErrDuplicate
	case c.Parallelism < 1:
		return nil, bulk.ErrConfig
	}
	x = &modelMember{label: label, capacity: c}
	m.members = append(m.members, x)
	return x, nil
}

// apply sets capacities, or nothing if there is anything wrong, and says which
// sentinels the error matches.
func (m *registryModel) apply(all map[string]bulk.Capacity, alsoWrong bool) (is []error) {
	for label, c := range all {
		if m.find(label) == nil {
			is = append(is, registry.ErrUnknown)
		}
		if c.Validate() != nil {
			is = append(is, bulk.ErrConfig)
		}
	}
	if alsoWrong {
		is = append(is, bulk.ErrConfig)
	}
	if len(is) > 0 {
		return is
	}
	for label, c := range all {
		if x := m.find(label); x.closed {
			is = append(is, bulk.ErrClosed)
		} else {
			x.capacity = c
		}
	}
	return is
}

func (m *registryModel) close() {
	m.closed = true
	for _, x := range m.members {
		x.closed = true
	}
}

// settle forgets those that somebody removes and that are drained.
func (m *registryModel) settle() {
	m.members = slices.DeleteFunc(m.members, func(x *modelMember) bool {
		forgotten := x.removed && x.inFlight == 0
		if forgotten {
			m.gone = append(m.gone, x.label)
		}
		return forgotten
	})
}

// labels returns the labels in the order of creation.
func (m *registryModel) labels() []string {
	var list []string
	for _, x := range m.members {
		list = append(list, x.label)
	}
	return list
}

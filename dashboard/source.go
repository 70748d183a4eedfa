package dashboard

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// Source is something that the page shows: a [*bulk.Bulkhead], a [*registry.Registry], a
// *[registry.Keyed], or the result of [Keyed], [Adaptive], [Shadow] or [Fleet]. A registry is shown with all its members,
// those that are created later too.
type Source interface{ String() string }

// readable is a Source that can be read.
type readable interface {
	// readings yields what there is now.
	readings() iter.Seq[*reading]
}

// reading is what a bulkhead or a Keyed said at one time.
type reading struct {
	status  bulk.Status           // of a Keyed: over all keys, with the capacity of all keys
	keyed   *registry.KeyedStatus // nil for a bulkhead
	target  target                // nil if its capacity cannot be changed
	busiest func() []keyStatus    // nil without
	panels  []func() panel        // what parts around it say
	causes  []cause               // last decisions of owners
	owners  []owner               // parts that set its parallelism
	lines   []keyLine             // the busiest keys; nil if they were not read
}

// target is a bulkhead or a Keyed whose capacity can be changed.
type target interface {
	Capacity() bulk.Capacity
	UpdateCapacity(func(bulk.Capacity) bulk.Capacity) error
}

// keyedBulkheads is a *registry.Keyed with any type of keys.
type keyedBulkheads interface {
	target
	Label() string
	Status() registry.KeyedStatus
}

// asReadable returns the source as what the page reads. It returns an error if s is of no
// known type, or nil.
func asReadable(s Source) (readable, error) {
	if v := reflect.ValueOf(s); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("source %T: must not be nil", s)
	}
	switch s := s.(type) {
	case readable:
		return s, nil
	case *bulk.Bulkhead:
		return bulkheadSource{s}, nil
	case *registry.Registry:
		return registrySource{s}, nil
	case keyedBulkheads:
		return keyedSource{keyed: s}, nil
	}
	return nil, fmt.Errorf("source %T: must be a *bulk.Bulkhead, a *registry.Registry, a *registry.Keyed or a result of Keyed, Adaptive, Shadow or Fleet of package dashboard", s)
}

type bulkheadSource struct{ *bulk.Bulkhead }

func (s bulkheadSource) readings() iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		yield(&reading{status: s.Status(), target: s.Bulkhead})
	}
}

type registrySource struct{ *registry.Registry }

func (s registrySource) readings() iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		for _, b := range s.All() {
			if !yield(&reading{status: b.Status(), target: b}) {
				return
			}
		}
		for _, k := range s.KeyedStatuses() {
			if !yield(&reading{status: overall(k), keyed: &k}) {
				return
			}
		}
	}
}

// keyedSource is a Keyed that was given by itself.
type keyedSource struct {
	keyed   keyedBulkheads
	busiest func() []keyStatus
}

func (s keyedSource) String() string { return fmt.Sprint(s.keyed) }

func (s keyedSource) readings() iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		k := s.keyed.Status()
		yield(&reading{status: overall(k), keyed: &k, target: s.keyed, busiest: s.busiest})
	}
}

// overall returns k as the status of one bulkhead with the capacity of all keys.
func overall(k registry.KeyedStatus) bulk.Status {
	s := bulk.Status{
		ID: k.ID, Index: k.Index, Label: k.Label, At: k.At, Capacity: k.Capacity,
		InFlight: k.InFlight, InUse: k.InUse, Waiting: k.Waiting, Closed: k.Closed,
		Queueing: k.Queueing, OldestWait: k.OldestWait, OldestHold: k.OldestHold, Totals: k.Totals,
	}
	if k.Slots > 0 {
		s.Capacity.Parallelism, s.Capacity.WaitingRoom = k.Slots, k.Places
	}
	return s
}

// capacity returns the capacity that can be changed: that of each key of a Keyed.
func (r *reading) capacity() bulk.Capacity {
	if r.keyed != nil {
		return r.keyed.Capacity
	}
	return r.status.Capacity
}

// report judges what happened since the earlier reading. If that is nil, it judges the
// whole life.
func (r *reading) report(earlier *reading) bulk.Report {
	if r.keyed != nil {
		if earlier != nil && earlier.keyed != nil {
			if i, err := r.keyed.Since(*earlier.keyed); err == nil {
				return i.Report()
			}
		}
		return r.keyed.Report()
	}
	if earlier != nil {
		if i, err := r.status.Since(earlier.status); err == nil {
			return i.Report()
		}
	}
	return r.status.Report()
}

// text returns the text form of what happened since the earlier reading, or of the whole
// life if that is nil.
func (r *reading) text(earlier *reading) string {
	if r.keyed != nil {
		if earlier != nil && earlier.keyed != nil {
			if i, err := r.keyed.Since(*earlier.keyed); err == nil {
				return i.String()
			}
		}
		return r.keyed.String()
	}
	if earlier != nil {
		if i, err := r.status.Since(earlier.status); err == nil {
			return i.String()
		}
	}
	return r.status.String()
}

// collect reads all sources. What several of them have is there once: with the target, the
// keys and the panels that one of them knows.
func collect(sources []readable) []*reading {
	var all []*reading
	byID := make(map[uint64]*reading)
	for _, s := range sources {
		for r := range s.readings() {
			first, ok := byID[r.status.ID]
			if !ok {
				byID[r.status.ID] = r
				all = append(all, r)
				continue
			}
			if first.target == nil {
				first.target = r.target
			}
			if first.busiest == nil {
				first.busiest = r.busiest
			}
			first.panels = append(first.panels, r.panels...)
			first.owners = append(first.owners, r.owners...)
			first.causes = append(first.causes, r.causes...)
		}
	}
	return all
}

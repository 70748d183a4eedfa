package registry

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Registry keeps bulkheads by label, in the order in which they were created. A
// [Keyed] can be a member too: see [CreateKeyed]. Create one with [New]; do not copy it. Its methods may be called concurrently.
type Registry struct {
	defaults []bulk.Option // set once by New
	*guarded               // a pointer, because package fmt follows none in a field: see Format
}

// guarded has the fields of a Registry that change.
type guarded struct {
	// mu guards the fields below. It is never held while a bulkhead is created,
	// changed, closed or waited for: options and event handlers are caller-supplied
	// code, and may call the registry.
	//
	// Whenever mu is free:
	//
	//	members has each member of order once, under its label
	//	the elements of order never change, so a copy of the slice is a stable view
	//	if closed, no member is added
	mu      sync.RWMutex
	members map[string]member
	order   []member
	closed  bool
}

// member is a *bulk.Bulkhead or a *Keyed.
type member interface {
	Label() string                                          // never changes
	Capacity() bulk.Capacity                                // the one in effect
	UpdateCapacity(func(bulk.Capacity) bulk.Capacity) error // for Apply
	Report() bulk.Report                                    // of a Keyed: over all keys
	Close() error                                           // idempotent
	Shutdown(context.Context) error                         // Close, then wait
}

// keyedMember is a *Keyed.
type keyedMember interface {
	member
	Status() KeyedStatus // over all keys
	checkCapacity(bulk.Capacity) error
}

// New returns an empty registry. The defaults are options for every bulkhead
// created in it. They are applied before the options given to
// [Registry.Create], so those win. Create reports errors of defaults too.
func New(defaults ...bulk.Option) *Registry {
	return &Registry{slices.Clone(defaults), &guarded{members: make(map[string]member)}}
}

// String returns the number of members, as in
//
//	registry (3 members)
func (r *Registry) String() string {
	if r == nil {
		return "<nil>"
	}
	if n := len(r.view()); n != 1 {
		return fmt.Sprintf("registry (%d members)", n)
	}
	return "registry (1 member)"
}

// GoString returns the same as String.
func (r *Registry) GoString() string { return r.String() }

// LogValue returns the same as String.
func (r *Registry) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Format implements [fmt.Formatter]. Every verb shows the result of String and no
// field. Where package fmt calls no method (with verbs that vet reports), it shows
// the address of the guarded fields.
func (r *Registry) Format(f fmt.State, verb rune) { safetext.Format(f, verb, r.String()) }

// Get returns the bulkhead with that label, and whether there is one. For the label of
// a [Keyed] there is none. It allocates nothing.
func (r *Registry) Get(label string) (*bulk.Bulkhead, bool) {
	m, _ := r.member(label)
	b, ok := m.(*bulk.Bulkhead)
	return b, ok
}

func (r *Registry) member(label string) (member, bool) {
	r.mu.RLock()
	m, ok := r.members[label]
	r.mu.RUnlock()
	return m, ok
}

// All yields the bulkheads that exist when the loop begins, with their labels, in
// the order of creation, and no [Keyed]. Members created or removed during the loop do
// not change what it yields. The body holds no lock and may call any method.
func (r *Registry) All() iter.Seq2[string, *bulk.Bulkhead] {
	return func(yield func(string, *bulk.Bulkhead) bool) {
		for _, m := range r.view() {
			if b, ok := m.(*bulk.Bulkhead); ok && !yield(b.Label(), b) {
				return
			}
		}
	}
}

// Statuses returns the status of each bulkhead, in the order of creation. Each is
// consistent in itself, but they are taken one after the other. Those of each [Keyed]
// are in KeyedStatuses.
func (r *Registry) Statuses() []bulk.Status {
	view := r.view()
	statuses := make([]bulk.Status, 0, len(view))
	for _, m := range view {
		if b, ok := m.(*bulk.Bulkhead); ok {
			statuses = append(statuses, b.Status())
		}
	}
	return statuses
}

// KeyedStatuses returns the status of each [Keyed] that is a member, in the order of
// creation.
func (r *Registry) KeyedStatuses() []KeyedStatus {
	var statuses []KeyedStatus
	for _, m := range r.view() {
		if k, ok := m.(keyedMember); ok {
			statuses = append(statuses, k.Status())
		}
	}
	return statuses
}

// Reports returns the report of each member over its whole life, in the order of
// creation. That of a [Keyed] is over all its keys. For reports on the last minute, use
// [bulk.Recent] for each bulkhead, and [KeyedStatus.Since].
func (r *Registry) Reports() []bulk.Report {
	view := r.view()
	reports := make([]bulk.Report, len(view))
	for i, b := range view {
		reports[i] = b.Report()
	}
	return reports
}

// view returns the current members. The caller must not change the slice.
func (r *Registry) view() []member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order
}

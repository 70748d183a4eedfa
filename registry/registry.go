package registry

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Registry keeps bulkheads by label, in the order in which they were created.
// Create one with [New]; do not copy it. Its methods may be called concurrently.
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
	//	members has each bulkhead of order once, under its label
	//	the elements of order never change, so a copy of the slice is a stable view
	//	if closed, no member is added
	mu      sync.RWMutex
	members map[string]*bulk.Bulkhead
	order   []*bulk.Bulkhead
	closed  bool
}

// New returns an empty registry. The defaults are options for every bulkhead
// created in it. They are applied before the options given to
// [Registry.Create], so those win. Create reports errors of defaults too.
func New(defaults ...bulk.Option) *Registry {
	return &Registry{slices.Clone(defaults), &guarded{members: make(map[string]*bulk.Bulkhead)}}
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

// Get returns the member with that label, and whether there is one. It allocates
// nothing.
func (r *Registry) Get(label string) (*bulk.Bulkhead, bool) {
	r.mu.RLock()
	b, ok := r.members[label]
	r.mu.RUnlock()
	return b, ok
}

// All yields the members that exist when the loop begins, with their labels, in
// the order of creation. Members created or removed during the loop do not change
// what it yields. The body holds no lock and may call any method.
func (r *Registry) All() iter.Seq2[string, *bulk.Bulkhead] {
	return func(yield func(string, *bulk.Bulkhead) bool) {
		for _, b := range r.view() {
			if !yield(b.Label(), b) {
				return
			}
		}
	}
}

// Statuses returns the status of each member, in the order of creation. Each is
// consistent in itself, but they are taken one after the other.
func (r *Registry) Statuses() []bulk.Status {
	view := r.view()
	statuses := make([]bulk.Status, len(view))
	for i, b := range view {
		statuses[i] = b.Status()
	}
	return statuses
}

// Reports returns the report of each member over its whole life, in the order of
// creation. For reports on the last minute, use [bulk.Recent] for each member.
func (r *Registry) Reports() []bulk.Report {
	view := r.view()
	reports := make([]bulk.Report, len(view))
	for i, b := range view {
		reports[i] = b.Report()
	}
	return reports
}

// view returns the current members. The caller must not change the slice.
func (r *Registry) view() []*bulk.Bulkhead {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order
}

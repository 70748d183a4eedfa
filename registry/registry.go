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
// Make one with [New]; a Registry must not be copied. All methods may be called
// from any number of goroutines at the same time.
type Registry struct {
	defaults []bulk.Option // set once by New
	*guarded               // a pointer, because package fmt follows none in a field: see Format
}

// guarded is what changes in a Registry.
type guarded struct {
	// mu guards what follows. It is held to look up and to write down, never
	// while a bulkhead is made, changed, closed or waited for: options and event
	// handlers are caller-supplied code, and may call the registry.
	//
	// Between two sections:
	//
	//	members has each bulkhead of order once, under its label
	//	order never changes in place but by append: a copy of the slice is a stable view
	//	closed: nothing is added any more
	mu      sync.RWMutex
	members map[string]*bulk.Bulkhead
	order   []*bulk.Bulkhead
	closed  bool
}

// New returns an empty registry. The defaults are options for every bulkhead
// created in it, applied before those of its own; what is wrong with them is
// returned by the first Create.
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

// Format implements [fmt.Formatter]. With every verb it shows what String
// returns, and no field. Where package fmt calls no method (with verbs that vet
// reports) it shows the address of the guarded fields.
func (r *Registry) Format(f fmt.State, verb rune) { safetext.Format(f, verb, r.String()) }

// Get returns the bulkhead with that label, and whether there is one.
func (r *Registry) Get(label string) (*bulk.Bulkhead, bool) {
	r.mu.RLock()
	b, ok := r.members[label]
	r.mu.RUnlock()
	return b, ok
}

// All yields the members that there are when the loop begins, by label, in the
// order in which they were created. What is created or removed meanwhile makes
// no difference to it. No lock is held: the body may call any method.
func (r *Registry) All() iter.Seq2[string, *bulk.Bulkhead] {
	return func(yield func(string, *bulk.Bulkhead) bool) {
		for _, b := range r.view() {
			if !yield(b.Label(), b) {
				return
			}
		}
	}
}

// Statuses takes a reading of each member, in the order of creation. Each is
// consistent in itself; they are taken one after the other.
func (r *Registry) Statuses() []bulk.Status {
	view := r.view()
	statuses := make([]bulk.Status, len(view))
	for i, b := range view {
		statuses[i] = b.Status()
	}
	return statuses
}

// Reports judges each member over its whole life, in the order of creation.
func (r *Registry) Reports() []bulk.Report {
	view := r.view()
	reports := make([]bulk.Report, len(view))
	for i, b := range view {
		reports[i] = b.Report()
	}
	return reports
}

// view returns the members as they are now. It must not be written to.
func (r *Registry) view() []*bulk.Bulkhead {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order
}

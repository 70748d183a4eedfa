package registries

import (
	"context"
	"iter"
	"slices"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
	"github.com/bulklink/bulklink-go/registry"
)

// Subject is propcheck.RegistrySubject.
type Subject interface {
	kit.Closable
	// Create makes a bulkhead with a new label.
	Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
	// GetOrCreate returns the bulkhead with the label, and makes it if there is none.
	GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
	// Get returns the bulkhead with the label, if there is one.
	Get(label string) (*bulk.Bulkhead, bool)
	// Remove closes the bulkhead, waits until it is drained, and forgets it.
	Remove(ctx context.Context, label string) error
	// All returns the bulkheads in the order of creation.
	All() iter.Seq2[string, *bulk.Bulkhead]
	// Statuses returns a Status of each bulkhead, in the order of creation.
	Statuses() []bulk.Status
	// KeyedStatuses returns a Status of each Keyed, in the order of creation.
	KeyedStatuses() []registry.KeyedStatus
	// Reports returns a Report of each member, in the order of creation.
	Reports() []bulk.Report
	// Apply sets these capacities, or none of them.
	Apply(capacities map[string]bulk.Capacity) error
	// ApplyJSON is Apply for capacities in JSON.
	ApplyJSON(data []byte) error
}

// state is what a registry has come to by the contract: a list that is searched from
// end to end.
type state struct {
	room    int // the default
	closed  bool
	members []*member // in the order of creation
	gone    []*member // those that were forgotten
}

// member is a bulkhead, or a Keyed that is used with one key, beside the model of it.
type member struct {
	*model.Model
	bulkhead *bulk.Bulkhead
	keyed    *registry.Keyed[string]
	held     []bulk.Slot
	ops      int
	known    bool // the Keyed has its key
	removing bool // it is forgotten as soon as it is drained
}

const (
	tenant = "tenant" // the key of each Keyed
	tooBig = 4        // a parallelism with which the capacity of the key is not allowed
)

// capacityOf is for each Keyed.
func capacityOf(_ string, common bulk.Capacity) bulk.Capacity {
	if common.Parallelism == tooBig {
		common.WaitLimit = -1
	}
	return common
}

// acquire takes a slot if one is free.
func (x *member) acquire() (slot bulk.Slot, ok bool) {
	if x.keyed == nil {
		return x.bulkhead.TryAcquire()
	}
	slot, err := x.keyed.Acquire(context.Background(), tenant, deadline.NoWait())
	return slot, err == nil
}

// take reports whether a slot can be had, and takes it.
func (x *member) take(now time.Time) bool {
	if x.keyed != nil && !x.Closed && x.Capacity.Parallelism == tooBig {
		return false // the error of the call that brought the key
	}
	x.ops++
	x.known = x.known || !x.Closed
	return x.Arrive(now, model.Arrival{Op: x.ops, Slots: 1, Limits: []deadline.Limit{deadline.NoWait()}}, false).Admitted()
}

func (r *state) all() []*member { return slices.Concat(r.members, r.gone) }

func (r *state) find(label string) *member {
	for _, x := range r.members {
		if x.Label == label {
			return x
		}
	}
	return nil
}

// create makes a member, or says which error there is. With get, one that exists
// is returned as it is.
func (r *state) create(label string, c bulk.Capacity, get bool) (x *member, err error) {
	switch x := r.find(label); {
	case x != nil && get && x.keyed == nil:
		return x, nil
	case x != nil: // ErrDuplicate before ErrClosed
		return nil, registry.ErrDuplicate
	case r.closed:
		return nil, registry.ErrClosed
	case c.Parallelism < 1:
		return nil, bulk.ErrConfig
	}
	x = &member{Model: model.New(label, c)}
	r.members = append(r.members, x)
	return x, nil
}

// apply sets capacities, or nothing if there is anything wrong, and says which
// sentinels the error matches.
func (r *state) apply(now time.Time, all map[string]bulk.Capacity, alsoBad bool) (is []error) {
	for label, c := range all {
		x := r.find(label)
		if x == nil {
			is = append(is, registry.ErrUnknown)
		}
		if c.Parallelism < 0 || alsoBad || x != nil && x.known && x.keyed != nil && c.Parallelism == tooBig {
			is = append(is, bulk.ErrConfig)
		}
	}
	if len(is) > 0 {
		return is
	}
	for label, c := range all {
		// Members closed meanwhile are reported, the others set.
		if err := r.find(label).SetCapacity(now, c); err != nil {
			is = append(is, err)
		}
	}
	return is
}

func (r *state) close(now time.Time) {
	r.closed = true
	for _, x := range r.members {
		x.Close(now)
	}
}

// settle forgets the members that are being removed and are drained.
func (r *state) settle() {
	r.members = slices.DeleteFunc(r.members, func(x *member) bool {
		forgotten := x.removing && len(x.held) == 0
		if forgotten {
			r.gone = append(r.gone, x)
		}
		return forgotten
	})
}

// compare compares all that can be seen.
func (m *machine) compare() {
	synctest.Wait()
	m.state.settle()
	members := m.state.members
	statuses, keyed, reports := m.s.Statuses(), m.s.KeyedStatuses(), m.s.Reports()
	m.Must(len(statuses)+len(keyed) == len(members) && len(reports) == len(members), "there are %d Statuses, %d KeyedStatuses and %d Reports for %d members",
		len(statuses), len(keyed), len(reports), len(members))
	for i, x := range members {
		var got bulk.Status
		want := x.Status(time.Now())
		switch {
		case x.keyed == nil && len(statuses) > 0:
			got, statuses = statuses[0], statuses[1:]
		case x.keyed != nil && len(keyed) > 0:
			k := keyed[0]
			keyed = keyed[1:]
			got = want // what the KeyedStatus of one key does not have
			got.Label, got.Capacity, got.Closed, got.InFlight, got.InUse, got.Totals = k.Label, k.Capacity, k.Closed, k.InFlight, k.InUse, k.Totals
			err := hooks.CheckKeyed(x.keyed)
			m.Must(err == nil, "invariants of %q: %v", x.Label, err)
		}
		got.Index, got.At, got.Totals.Waits = 0, want.At, want.Totals.Waits
		m.Same("the Status of "+x.Label, got, want)
		m.Must(reports[i].Status.Label == x.Label, "Reports()[%d] is of %q, not %q", i, reports[i].Status.Label, x.Label)
	}
	for _, x := range m.state.gone {
		m.Must(x.keyed != nil && x.keyed.Status().Closed || x.bulkhead != nil && x.bulkhead.Status().Closed, "%q was removed and is not closed", x.Label)
	}
	m.compareAll(func() {})
	for _, label := range labels {
		x := m.state.find(label)
		b, ok := m.s.Get(label)
		want := x != nil && x.keyed == nil
		m.Must(ok == want && (!want || b == x.bulkhead), "Get(%q) returned %v, %t", label, b, ok)
	}
}

// compareAll compares what All yields with the members there are when the loop
// begins; body is that of the loop.
func (m *machine) compareAll(body func()) {
	want, i := slices.DeleteFunc(slices.Clone(m.state.members), func(x *member) bool { return x.keyed != nil }), 0
	for label, b := range m.s.All() {
		m.Must(i < len(want) && label == want[i].Label && b == want[i].bulkhead, "All yields %q as number %d", label, i)
		err := hooks.Check(b)
		m.Must(err == nil, "invariants of %q: %v", label, err)
		i++
		body()
	}
	m.Must(i == len(want), "All yields %d of %d", i, len(want))
}

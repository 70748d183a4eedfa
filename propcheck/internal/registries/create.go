package registries

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/registry"
)

// create is a Create, a CreateKeyed, a GetOrCreate, or several at the same time, and
// perhaps a Close meanwhile: either can be the first.
func (m *machine) create() {
	label, c := kit.Pick(m.d, labels...), bulk.Capacity{Parallelism: kit.Pick(m.d, 1, 2, 3, 0), WaitingRoom: m.state.room}
	name, create, racers := "Create", m.s.Create, 1
	var keyed *registry.Keyed[string]
	switch which := m.d.Int(4); {
	case which == 1:
		name, create = "GetOrCreate", m.s.GetOrCreate
	case which == 2:
		name, create, racers = "several GetOrCreate", m.s.GetOrCreate, 5
	case which == 3 && m.registry != nil:
		name, create = "CreateKeyed", func(label string, parallelism int, opts ...bulk.Option) (_ *bulk.Bulkhead, err error) {
			keyed, err = registry.CreateKeyed[string](m.registry, label, parallelism, 1, registry.Each(opts...), registry.CapacityOf(capacityOf))
			return nil, err
		}
	}
	opts := []bulk.Option{kit.Yields}
	if m.d.OneIn(2) {
		c.WaitingRoom = m.d.Int(5)
		opts = append(opts, bulk.WaitingRoom(c.WaitingRoom))
	}
	var g sync.WaitGroup
	known := m.state.find(label)
	closing := m.d.OneIn(25) && known == nil && !m.state.closed && c.Parallelism > 0 && name != "CreateKeyed"
	if closing {
		opts = append(opts, func(c *bulk.Config) error {
			g.Go(func() { _ = m.s.Close() })
			return kit.Yields(c)
		})
	}
	m.Did("%s(%q, %d, …), waiting room %d; Close() meanwhile: %t", name, label, c.Parallelism, c.WaitingRoom, closing)
	got, errs := make([]*bulk.Bulkhead, racers), make([]error, racers)
	for i := range racers {
		g.Go(func() { got[i], errs[i] = create(label, c.Parallelism, opts...) })
	}
	g.Wait()
	if closing && errors.Is(errs[0], registry.ErrClosed) { // Close was the first
		m.state.close(time.Now())
	}
	x, want := m.state.create(label, c, strings.HasSuffix(name, "GetOrCreate"))
	again := slices.ContainsFunc(m.state.gone, func(x *member) bool { return x.Label == label })
	m.Hit("%s: known %t, closed %t, comes again %t: %v", name, known != nil, known != nil && known.Closed, again, want)
	if known == nil && x != nil && got[0] != nil {
		x.bulkhead, x.ID = got[0], got[0].Status().ID
	}
	if x != nil && keyed != nil {
		x.keyed = keyed
	}
	for i := range racers {
		m.Must(errors.Is(errs[i], want) && (x == nil && got[i] == nil || x != nil && got[i] == x.bulkhead),
			"it returned %v, %v; by the contract %v, %v", got[i], errs[i], x, want)
	}
	if closing {
		m.Hit("Close: while one is being made")
		m.state.close(time.Now())
	}
}

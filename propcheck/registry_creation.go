package propcheck

// What is done to make a bulkhead in a registry: one creation, one that the
// registry's end overtakes, and many at the same time.

import (
	"errors"
	"sync"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// creation is a Create or, with get, a GetOrCreate.
func (m *registryMachine) creation(get bool) {
	label := m.label()
	c := bulk.Capacity{Parallelism: m.number("parallelism"), WaitingRoom: m.model.defaultRoom}
	opts := []bulk.Option{yields}
	if rapid.Bool().Draw(m.t, "own room") {
		c.WaitingRoom = m.number("room")
		opts = append(opts, bulk.WaitingRoom(c.WaitingRoom))
	}
	name, create := "Create", m.s.Create
	if get {
		name, create = "GetOrCreate", m.s.GetOrCreate
	}
	known := m.model.find(label) != nil
	if !known && !m.model.closed && c.Parallelism > 0 && rapid.IntRange(0, 24).Draw(m.t, "closed meanwhile") == 12 {
		m.closedMeanwhile(name, label, c, create, opts)
		return
	}
	x, want := m.model.create(label, c, get)
	m.t.Logf("%s(%q, %d): %v", name, label, c.Parallelism, want)
	m.countCreation(name, known, x, want)
	b, err := create(label, c.Parallelism, opts...)
	m.must(errors.Is(err, want) && (b != nil) == (x != nil), "%s(%q) returned %v, %v, by the model %v", name, label, b, err, want)
	if x != nil {
		m.must(!known || b == x.bulkhead, "%s(%q) returned another bulkhead than the one there is", name, label)
		x.bulkhead = b
	}
}

// closedMeanwhile is a creation during which the registry is closed. Either can be
// the first: the new one is not registered, or it is closed with the others.
func (m *registryMachine) closedMeanwhile(name, label string, c bulk.Capacity, create creator, opts []bulk.Option) {
	m.t.Logf("%s(%q, %d), and Close() meanwhile", name, label, c.Parallelism)
	m.tally.hit("Close: while one is being made")
	var g sync.WaitGroup
	b, err := create(label, c.Parallelism, append(opts, func(c *bulk.Config) error {
		g.Go(func() { _ = m.s.Close() })
		return yields(c)
	})...)
	g.Wait()
	if err == nil {
		x, _ := m.model.create(label, c, true)
		x.bulkhead = b
	} else {
		m.must(b == nil && errors.Is(err, registry.ErrClosed), "%s(%q) returned %v, %v", name, label, b, err)
	}
	m.model.close()
}

// creator is Create or GetOrCreate.
type creator = func(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)

// race is many GetOrCreates at the same time: one of them wins.
func (m *registryMachine) race() {
	label := m.label()
	m.t.Logf("several GetOrCreate(%q) at once", label)
	const racers = 5
	var got [racers]*bulk.Bulkhead
	var errs [racers]error
	var g sync.WaitGroup
	for i := range racers {
		g.Go(func() { got[i], errs[i] = m.s.GetOrCreate(label, i+1, yields) })
	}
	g.Wait()
	known := m.model.find(label) != nil
	x, want := m.model.create(label, bulk.Capacity{Parallelism: 1, WaitingRoom: m.model.defaultRoom}, true)
	m.countCreation("race", known, x, want)
	for i := range racers {
		m.must(errors.Is(errs[i], want) && got[i] == got[0], "of several GetOrCreate(%q) one returned %v, %v and another one %v, %v, by the model %v", label, got[0], errs[0], got[i], errs[i], want)
	}
	if want != nil {
		return
	}
	if known {
		m.must(got[0] == x.bulkhead, "GetOrCreate(%q) returned another bulkhead than the one there is", label)
		return
	}
	c := got[0].Capacity() // any of them may have won
	m.must(c.WaitingRoom == m.model.defaultRoom && c.Parallelism >= 1 && c.Parallelism <= racers, "the winner has %v", c)
	x.bulkhead, x.capacity = got[0], c
}

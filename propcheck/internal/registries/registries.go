// Package registries is the machine that checks registries. Package kit has the picture
// of its parts. Each step does one thing to the subject and to the state, and compares
// all that can be seen.
package registries

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/registry"
)

// machine does the same things to a registry and to its state.
type machine struct {
	*kit.Story
	kit.Coverage
	d        *kit.Dice // of this step
	s        Subject
	registry *registry.Registry // the subject, if it is one
	state    state
}

// New returns what makes a machine for what build makes.
func New(build func(defaults ...bulk.Option) (Subject, error), counts kit.Coverage) kit.NewMachine {
	return func(_ *kit.Dice, story *kit.Story) kit.Machine {
		m := &machine{Story: story, Coverage: counts, state: state{room: 3}}
		m.Did("A registry is made, with a waiting room of %d by default.", m.state.room)
		var err error
		m.s, err = build(bulk.WaitingRoom(m.state.room))
		m.Must(err == nil, "it was not made: %v", err)
		m.registry, _ = m.s.(*registry.Registry)
		return m
	}
}

// Step does one thing, and compares.
func (m *machine) Step(d *kit.Dice) {
	m.d = d
	m.Story.Step()
	kit.Pick(d, (*machine).create, (*machine).use, (*machine).create, (*machine).create, (*machine).use, (*machine).release,
		(*machine).remove, (*machine).apply, (*machine).loop, (*machine).create, (*machine).shutdown)(m)
	m.compare()
}

// Finish lets those who wait in Remove end.
func (m *machine) Finish() { m.End() }

// End frees the goroutines that are still blocked.
func (m *machine) End() {
	for _, x := range m.state.all() {
		for _, slot := range x.held {
			slot.Release()
		}
	}
}

var labels = []string{"a", "b", "c", "d", "e"}

// label chooses a label: that of a member, if there is one, or now and then any.
func (m *machine) label() string {
	label := kit.Pick(m.d, labels...)
	if members := m.state.members; len(members) > 0 && !m.d.OneIn(5) {
		return kit.Pick(m.d, members...).Label
	}
	return label
}

// use takes a slot of a member.
func (m *machine) use() {
	label := m.label()
	m.Did("a slot of %q is taken", label)
	x := m.state.find(label)
	if x == nil {
		return
	}
	m.Hit("a slot: closed %t, free %d", x.Closed, max(-1, min(x.Capacity.Parallelism-x.InUse(), 1)))
	slot, got := x.acquire()
	want := x.take(time.Now())
	m.Must(got == want, "whether there was one is %t; by the contract %t", got, want)
	if got {
		x.held = append(x.held, slot)
	}
}

func (m *machine) release() {
	all := slices.DeleteFunc(m.state.all(), func(x *member) bool { return len(x.held) == 0 })
	if len(all) == 0 {
		m.use()
		return
	}
	x := kit.Pick(m.d, all...)
	m.Did("a slot of %q is released", x.Label)
	m.Hit("release: last %t, being removed %t", len(x.held) == 1, x.removing)
	x.Release(time.Now(), x.InFlight[0].Op)
	slot := x.held[0]
	if x.held = x.held[1:]; !x.removing || len(x.held) > 0 || m.state.closed || x.keyed != nil {
		slot.Release()
		return
	}
	// The goroutines in Remove forget it, and none of them its successor of that label.
	m.Did("as soon as it is forgotten, Create(%q, 1)", x.Label)
	for range 20 {
		go func() { _ = m.s.Remove(context.Background(), x.Label) }()
	}
	synctest.Wait()
	created := make(chan *bulk.Bulkhead)
	go func() {
		for i, ok := 0, true; i < 1_000_000 && ok; i++ {
			_, ok = m.s.Get(x.Label)
			runtime.Gosched()
		}
		b, _ := m.s.Create(x.Label, 1)
		created <- b
	}()
	slot.Release()
	m.state.settle()
	next, _ := m.state.create(x.Label, bulk.Capacity{Parallelism: 1, WaitingRoom: m.state.room}, false)
	next.bulkhead = <-created
	m.Must(next.bulkhead != nil, "it was not created")
	next.ID = next.bulkhead.Status().ID
}

var errEnd = errors.New("no more patience")

// remove waits in the background as long as need be, or gives up after a second.
func (m *machine) remove() {
	label := m.label()
	x := m.state.find(label)
	impatient := x != nil && len(x.held) > 0 && m.d.OneIn(2)
	m.Did("Remove(%q), with a ctx that ends: %t", label, impatient)
	m.Hit("Remove: known %t, in use %t, again %t, gives up %t", x != nil, x != nil && len(x.held) > 0, x != nil && x.removing, impatient)
	ctx := context.Background()
	if impatient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Second, errEnd)
		defer cancel()
	}
	if x != nil {
		x.Close(time.Now())
	}
	done := make(chan error, 1)
	go func() { done <- m.s.Remove(ctx, label) }()
	if impatient {
		time.Sleep(time.Second)
	}
	synctest.Wait()
	blocks := len(done) == 0
	m.Must(blocks == (x != nil && len(x.held) > 0 && !impatient), "whether it is blocked: %t", blocks)
	if blocks {
		x.removing = true
		return
	}
	switch err := <-done; {
	case x == nil:
		m.Must(errors.Is(err, registry.ErrUnknown), "it returned %v for an unknown label", err)
	case impatient:
		got, want := kit.Drains(err, errEnd), []string{kit.Drained(label, len(x.held))}
		m.Must(slices.Equal(got, want), "it gave up: %s; by the contract %s", got, want)
	default:
		m.Must(err == nil, "it returned %v", err)
		x.removing = true
	}
}

// apply sets some capacities, whole ones or parts of them as JSON.
func (m *machine) apply() {
	d, all, parts := m.d, make(map[string]bulk.Capacity), make(map[string]map[string]any)
	whole := d.OneIn(2)
	alsoBad := !whole && d.OneIn(8)
	for range d.Int(4) {
		label, c, part := m.label(), bulk.Capacity{Parallelism: 1}, make(map[string]any)
		if x := m.state.find(label); x != nil {
			c = x.Capacity
		}
		if d.OneIn(2) || whole {
			c.Parallelism = kit.Pick(d, 1, 2, 3, 4, 0, -1)
			part["parallelism"] = c.Parallelism
		}
		if d.OneIn(2) || whole {
			c.WaitingRoom = d.Int(5)
			part["waiting_room"] = c.WaitingRoom
		}
		if d.OneIn(2) || whole {
			c.WaitLimit = time.Duration(d.Int(5)) * time.Second
			part["wait_limit"] = c.WaitLimit.String()
		}
		if alsoBad {
			part["wait"] = 1 // there is no such field
		}
		all[label], parts[label] = c, part
	}
	text, _ := json.Marshal(parts)
	name, apply := "ApplyJSON", func() error { return m.s.ApplyJSON(text) }
	if whole {
		name, apply = "Apply", func() error { return m.s.Apply(all) }
	}
	m.Did("%s(%s)", name, text)
	err := apply()
	want := m.state.apply(time.Now(), all, alsoBad)
	m.Must((err == nil) == (want == nil), "it returned %v; by the contract that matches %v", err, want)
	for _, is := range []error{registry.ErrUnknown, bulk.ErrConfig, bulk.ErrClosed} {
		m.Must(errors.Is(err, is) == slices.Contains(want, is), "it returned %v; by the contract that matches %v", err, want)
	}
	for label, c := range all {
		if x := m.state.find(label); x != nil && x.keyed != nil {
			m.Hit("%s to a Keyed: key known %t, not allowed for it %t: %v", name, x.known, c.Parallelism == tooBig, want[:min(1, len(want))])
		}
	}
	m.Hit("%s, some are set %t: %v", name, len(all) > len(want), want[:min(1, len(want))])
}

// loop goes over the members, and changes them meanwhile.
func (m *machine) loop() {
	removed := m.label()
	m.Did("a loop over All, in which %q is removed", removed)
	first, r := true, &m.state
	m.compareAll(func() {
		if x := r.find(removed); first && x != nil && len(x.held) == 0 {
			err := m.s.Remove(context.Background(), removed)
			m.Must(err == nil, "Remove(%q) in the loop returned %v", removed, err)
			m.Hit("loop: one is removed")
			x.removing = true
			r.settle()
		}
		first = false
	})
}

// shutdown is rare: not much can happen afterwards.
func (m *machine) shutdown() {
	if !m.d.OneIn(12) {
		m.use()
		return
	}
	m.state.close(time.Now())
	var want []string
	for _, x := range m.state.members {
		if len(x.held) > 0 {
			want = append(want, kit.Drained(x.Label, len(x.held)))
		}
	}
	kit.Shut(m.Story, m.Coverage, m.d, m.s, want...)
}

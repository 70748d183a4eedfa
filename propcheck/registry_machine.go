package propcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/registry"
)

// RegistrySubject is what a registry-like thing must offer to be checked: the
// methods of a [registry.Registry]. A type that embeds one, and adds something
// to some of its methods, is a RegistrySubject.
type RegistrySubject interface {
	Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
	GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
	Get(label string) (*bulk.Bulkhead, bool)
	Remove(ctx context.Context, label string) error
	All() iter.Seq2[string, *bulk.Bulkhead]
	Statuses() []bulk.Status
	Reports() []bulk.Report
	Apply(capacities map[string]bulk.Capacity) error
	ApplyJSON(data []byte) error
	Close() error
	Shutdown(ctx context.Context) error
}

var _ RegistrySubject = (*registry.Registry)(nil)

// MakeRegistry makes a RegistrySubject, as [registry.New] makes a Registry, and
// passes the defaults on. It is called inside a testing/synctest bubble, once
// for each sequence of actions.
type MakeRegistry = func(defaults ...bulk.Option) (RegistrySubject, error)

// TestRegistry checks what build makes against a model of [registry.Registry],
// in as many random sequences of actions as -rapid.checks says (100 if nothing
// is said), each of about -rapid.steps actions. It must not be called in a
// testing/synctest bubble.
func TestRegistry(t *testing.T, build MakeRegistry) {
	t.Helper()
	rapid.Check(t, registryProperty(build, nil))
}

var errRegistryEnd = errors.New("no more patience")

// registryMachine does the same things to a RegistrySubject and to the model.
type registryMachine struct {
	t     *rapid.T
	s     RegistrySubject
	model registryModel
	held  []heldSlot
	tally *tally
}

type heldSlot struct {
	slot   bulk.Slot
	member *modelMember
}

func (m *registryMachine) must(ok bool, format string, args ...any) {
	m.t.Helper()
	if !ok {
		m.t.Fatalf(format, args...)
	}
}

func (m *registryMachine) label() string {
	return rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(m.t, "label")
}

// mostlyKnown is the label of a member, if there is one; now and then any.
func (m *registryMachine) mostlyKnown() string {
	if n := len(m.model.members); n > 0 && m.number("any label") < 4 {
		return m.model.members[rapid.IntRange(0, n-1).Draw(m.t, "member")].label
	}
	return m.label()
}

func (m *registryMachine) number(what string) int { return rapid.IntRange(0, 4).Draw(m.t, what) }

// use takes a slot of a member.
func (m *registryMachine) use() {
	label := m.mostlyKnown()
	x := m.model.find(label)
	b, ok := m.s.Get(label)
	m.must(ok == (x != nil) && (x == nil || b == x.bulkhead), "Get(%q) returned %v, %t; in the model there is %v", label, b, ok, x)
	if x == nil {
		return
	}
	m.countUse(x)
	slot, ok := b.TryAcquire()
	m.t.Logf("a slot of %q: %t", label, ok)
	m.must(ok == (!x.closed && x.inFlight < x.capacity.Parallelism), "a slot of %v: %t", x, ok)
	if ok {
		x.inFlight++
		x.admitted++
		m.held = append(m.held, heldSlot{slot, x})
	}
}

func (m *registryMachine) release() {
	if len(m.held) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.held)-1).Draw(m.t, "slot")
	h := m.held[i]
	m.t.Logf("a slot of %q is released", h.member.label)
	m.held = slices.Delete(m.held, i, i+1)
	h.member.inFlight--
	if h.member.removed && h.member.inFlight == 0 {
		m.tally.hit("the last slot of one that is being removed")
	}
	h.slot.Release()
}

// remove waits in the background as long as need be, or gives up after a while.
func (m *registryMachine) remove() {
	label := m.label()
	x := m.model.find(label)
	m.countRemoval(x)
	if x != nil {
		x.closed = true
	}
	if x != nil && x.inFlight > 0 && rapid.Bool().Draw(m.t, "give up") {
		m.tally.hit("Remove: gives up")
		m.t.Logf("Remove(%q), for a second at most", label)
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errRegistryEnd)
		defer cancel()
		err := m.s.Remove(ctx, label)
		var drain *bulk.DrainError
		m.must(errors.As(err, &drain) && drain.Label == label && drain.InFlight == x.inFlight && errors.Is(err, errRegistryEnd), "Remove(%q) gave up with %v, in the model there is %v", label, err, x)
		return
	}
	m.t.Logf("Remove(%q)", label)
	var err error
	over := make(chan struct{})
	go func() {
		defer close(over)
		err = m.s.Remove(context.Background(), label)
	}()
	synctest.Wait()
	select {
	case <-over:
		m.must(x == nil || x.inFlight == 0, "Remove(%q) returned %v, in the model there is %v", label, err, x)
		if x == nil {
			m.must(errors.Is(err, registry.ErrUnknown), "Remove(%q) returned %v for an unknown label", label, err)
		} else {
			m.must(err == nil, "Remove(%q) returned %v", label, err)
		}
	default:
		m.must(x != nil && x.inFlight > 0, "Remove(%q) does not return, in the model there is %v", label, x)
	}
	if x != nil {
		x.removed = true
	}
}

// apply sets some capacities, whole ones or parts of them as JSON.
func (m *registryMachine) apply() {
	all := make(map[string]bulk.Capacity)
	parts := make(map[string]map[string]any)
	alsoWrong := false
	whole := rapid.Bool().Draw(m.t, "whole")
	said := func(what string) bool { return whole || rapid.Bool().Draw(m.t, what) }
	for range rapid.IntRange(0, 3).Draw(m.t, "changes") {
		label := m.mostlyKnown()
		c := bulk.Capacity{Parallelism: 1}
		if x := m.model.find(label); x != nil {
			c = x.capacity
		}
		part := make(map[string]any)
		if said("parallelism too") {
			c.Parallelism = rapid.SampledFrom([]int{1, 2, 3, 4, 5, 0}).Draw(m.t, "parallelism")
			part["parallelism"] = c.Parallelism
		}
		if said("room too") {
			c.WaitingRoom = m.number("room")
			part["waiting_room"] = c.WaitingRoom
		}
		if said("wait limit too") {
			c.WaitLimit = time.Duration(m.number("wait limit")) * time.Second
			part["wait_limit"] = c.WaitLimit.String()
		}
		if !whole && rapid.IntRange(0, 9).Draw(m.t, "unknown field") == 9 {
			part["wait"] = 1
		}
		all[label], parts[label] = c, part
	}
	for _, part := range parts {
		_, wrong := part["wait"]
		alsoWrong = alsoWrong || wrong
	}
	var err error
	if whole {
		m.t.Logf("Apply(%v)", all)
		err = m.s.Apply(all)
	} else {
		text, jsonErr := json.Marshal(parts)
		m.must(jsonErr == nil, "%v", jsonErr)
		m.t.Logf("ApplyJSON(%s)", text)
		err = m.s.ApplyJSON(text)
	}
	want := m.model.apply(all, alsoWrong)
	m.countApply(whole, all, want)
	for _, is := range []error{registry.ErrUnknown, bulk.ErrConfig, bulk.ErrClosed} {
		m.must(errors.Is(err, is) == slices.Contains(want, is), "the error is %v, by the model it matches %v", err, want)
	}
	m.must((err == nil) == (want == nil), "the error is %v, by the model it matches %v", err, want)
}

// loop goes over the members, and changes them meanwhile.
func (m *registryMachine) loop() {
	m.t.Logf("a loop over All, in which one is created and one removed")
	want := slices.Clone(m.model.members)
	created, removed := m.label(), m.label()
	i := 0
	for label, b := range m.s.All() {
		m.must(i < len(want) && label == want[i].label && b == want[i].bulkhead, "All yields %q as number %d of %v", label, i, m.model.labels())
		if i++; i > 1 {
			continue
		}
		if c := (bulk.Capacity{Parallelism: 1, WaitingRoom: m.model.defaultRoom}); m.model.find(created) == nil && !m.model.closed {
			b, err := m.s.Create(created, 1)
			m.must(err == nil, "Create(%q) in the loop returned %v", created, err)
			m.tally.hit("loop: one is created")
			x, _ := m.model.create(created, c, false)
			x.bulkhead = b
		}
		if x := m.model.find(removed); x != nil && x.inFlight == 0 {
			err := m.s.Remove(context.Background(), removed)
			m.must(err == nil, "Remove(%q) in the loop returned %v", removed, err)
			m.tally.hit("loop: one is removed")
			x.closed, x.removed = true, true
			m.model.settle()
		}
	}
	m.must(i == len(want), "All ended after %d of %d", i, len(want))
}

// shutdown is rare: not much can happen afterwards.
func (m *registryMachine) shutdown() {
	if m.number("rarely") > 0 || m.number("more rarely") > 0 {
		return
	}
	m.model.close()
	if rapid.Bool().Draw(m.t, "close only") {
		m.tally.hit("Close")
		m.t.Logf("Close")
		m.must(m.s.Close() == nil, "Close returned an error")
		return
	}
	patience := time.Duration(m.number("patience")) * time.Second
	m.t.Logf("Shutdown, for %v at most", patience)
	var want []string
	for _, x := range m.model.members {
		if x.inFlight > 0 {
			want = append(want, fmt.Sprint(x.label, " ", x.inFlight))
		}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errRegistryEnd)
	defer cancel()
	start := time.Now()
	err := m.s.Shutdown(ctx)
	took := time.Since(start)
	var got []string
	switch joined, ok := err.(interface{ Unwrap() []error }); {
	case err == nil:
		m.must(took == 0, "Shutdown took %v though nothing is in flight", took)
	case !ok:
		m.must(false, "Shutdown returned %v, which is no join", err)
	default:
		m.must(took == patience, "Shutdown gave up after %v", took)
		for _, err := range joined.Unwrap() {
			var drain *bulk.DrainError
			m.must(errors.As(err, &drain) && errors.Is(err, errRegistryEnd), "Shutdown returned %v, which is no DrainError with the cause", err)
			got = append(got, fmt.Sprint(drain.Label, " ", drain.InFlight))
		}
	}
	m.countShutdown(len(got), patience)
	m.must(slices.Equal(got, want), "Shutdown says that %q are in flight, by the model %q", got, want)
}

func (m *registryMachine) invariant() {
	synctest.Wait()
	m.model.settle()
	var got, want []string
	for _, s := range m.s.Statuses() {
		x := &modelMember{label: s.Label, capacity: s.Capacity, inFlight: s.InFlight, admitted: int(s.Totals.Admitted), closed: s.Closed}
		got = append(got, x.String())
	}
	for _, x := range m.model.members {
		want = append(want, x.String())
	}
	m.must(slices.Equal(got, want), "Statuses:\n%q\nby the model\n%q", got, want)
	reports := m.s.Reports()
	m.must(len(reports) == len(want), "there are %d Reports for %d members", len(reports), len(want))
	i := 0
	for label, b := range m.s.All() {
		m.must(i < len(want) && label == m.model.members[i].label && b == m.model.members[i].bulkhead, "All yields %q as number %d of %v", label, i, m.model.labels())
		err := hooks.Check(b)
		m.must(err == nil, "invariants of %q: %v", label, err)
		i++
	}
	m.must(i == len(want), "All yields %d of %d", i, len(want))
	for _, label := range []string{"a", "b", "c", "d", "e"} {
		x := m.model.find(label)
		b, ok := m.s.Get(label)
		m.must(ok == (x != nil) && (x == nil || b == x.bulkhead), "Get(%q) returned %v, %t; in the model there is %v", label, b, ok, x)
	}
}

// registryProperty is what holds for every sequence of actions.
func registryProperty(build MakeRegistry, counts *coverage) func(*rapid.T) {
	return func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			counted, end := counts.newTally()
			defer end()
			m := &registryMachine{t: t, tally: counted, model: registryModel{defaultRoom: 3}}
			var err error
			m.s, err = build(bulk.WaitingRoom(m.model.defaultRoom))
			m.must(err == nil, "it could not be made: %v", err)
			defer func() { // those who wait in Remove must not be left behind
				for _, h := range m.held {
					h.slot.Release()
				}
			}()
			step := func(f func()) func(*rapid.T) {
				return func(t *rapid.T) { m.t = t; f(); synctest.Wait(); m.model.settle() }
			}
			t.Repeat(map[string]func(*rapid.T){
				"create":        step(func() { m.creation(false) }),
				"get or create": step(func() { m.creation(true) }),
				"race":          step(m.race),
				"use":           step(m.use),
				"use more":      step(m.use),
				"release":       step(m.release),
				"remove":        step(m.remove),
				"apply":         step(m.apply),
				"loop":          step(m.loop),
				"shutdown":      step(m.shutdown),
				"":              func(t *rapid.T) { m.t = t; m.invariant() },
			})
		})
	}
}

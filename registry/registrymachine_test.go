package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// registryModel says what a Registry does: a list that is searched from end to
// end.
type registryModel struct {
	closed  bool
	members []*modelMember
}

type modelMember struct {
	label    string
	capacity bulk.Capacity
	inFlight int
	closed   bool
	removed  bool // to be forgotten as soon as it is drained
}

func (m *registryModel) find(label string) *modelMember {
	for _, x := range m.members {
		if x.label == label {
			return x
		}
	}
	return nil
}

// settle forgets those that somebody removes and that are drained.
func (m *registryModel) settle() {
	m.members = slices.DeleteFunc(m.members, func(x *modelMember) bool { return x.removed && x.inFlight == 0 })
}

func (m *registryModel) close() {
	m.closed = true
	for _, x := range m.members {
		x.closed = true
	}
}

// registryMachine does the same things to a Registry and to the model.
type registryMachine struct {
	t     *rapid.T
	r     *registry.Registry
	model registryModel
	held  []heldSlot
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

func (m *registryMachine) number(what string) int { return rapid.IntRange(0, 4).Draw(m.t, what) }

// create makes a member in the model, or says which error there is.
func (m *registryMachine) create(label string, parallelism int, get bool) (*modelMember, error) {
	switch x := m.model.find(label); {
	case x != nil && get:
		return x, nil
	case m.model.closed && x == nil:
		return nil, registry.ErrClosed
	case x != nil:
		return nil, registry.ErrDuplicate
	case parallelism < 1:
		return nil, bulk.ErrConfig
	}
	x := &modelMember{label: label, capacity: bulk.Capacity{Parallelism: parallelism, WaitingRoom: 3}}
	m.model.members = append(m.model.members, x)
	return x, nil
}

func (m *registryMachine) creation(create func(string, int, ...bulk.Option) (*bulk.Bulkhead, error), get bool) {
	label, parallelism := m.label(), m.number("parallelism")
	x, want := m.create(label, parallelism, get)
	b, err := create(label, parallelism)
	m.must(errors.Is(err, want) && (b != nil) == (x != nil), "got %v, %v, want %v", b, err, want)
}

// race is many GetOrCreates at the same time: one of them wins.
func (m *registryMachine) race() {
	label := m.label()
	const racers = 5
	var got [racers]*bulk.Bulkhead
	var errs [racers]error
	var g sync.WaitGroup
	for i := range racers {
		g.Go(func() { got[i], errs[i] = m.r.GetOrCreate(label, i+1) })
	}
	g.Wait()
	x, want := m.create(label, 1, true)
	for i := range racers {
		m.must(errors.Is(errs[i], want) && got[i] == got[0], "racer %d has %v, %v, want %v", i, got[i], errs[i], want)
	}
	if want == nil {
		if c := got[0].Capacity(); x.capacity != c { // new: any of them may have won
			m.must(x.inFlight == 0 && c.WaitingRoom == 3 && c.Parallelism >= 1 && c.Parallelism <= racers, "%+v", c)
			x.capacity = c
		}
	}
}

func (m *registryMachine) use() {
	label := m.label()
	x := m.model.find(label)
	b, ok := m.r.Get(label)
	m.must(ok == (x != nil), "Get(%q) is %v", label, ok)
	if x == nil {
		return
	}
	slot, ok := b.TryAcquire()
	m.must(ok == (!x.closed && x.inFlight < x.capacity.Parallelism), "a slot of %+v: %v", x, ok)
	if ok {
		x.inFlight++
		m.held = append(m.held, heldSlot{slot, x})
	}
}

func (m *registryMachine) release() {
	if len(m.held) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.held)-1).Draw(m.t, "slot")
	h := m.held[i]
	m.held = slices.Delete(m.held, i, i+1)
	h.member.inFlight--
	h.slot.Release()
}

// remove waits in the background as long as need be, or gives up after a while.
func (m *registryMachine) remove() {
	label := m.label()
	x := m.model.find(label)
	if x != nil {
		x.closed = true
	}
	if x != nil && x.inFlight > 0 && rapid.Bool().Draw(m.t, "give up") {
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errWhy)
		defer cancel()
		err := m.r.Remove(ctx, label)
		var drain *bulk.DrainError
		m.must(errors.As(err, &drain) && drain.Label == label && drain.InFlight == x.inFlight && errors.Is(err, errWhy), "%+v: got %v", x, err)
		return
	}
	var err error
	over := make(chan struct{})
	go func() {
		defer close(over)
		err = m.r.Remove(context.Background(), label)
	}()
	synctest.Wait()
	select {
	case <-over:
		m.must(x == nil || x.inFlight == 0, "%+v was removed", x)
		if x == nil {
			m.must(errors.Is(err, registry.ErrUnknown), "got %v", err)
		}
	default:
		m.must(x != nil && x.inFlight > 0, "%+v is not removed", x)
	}
	if x != nil {
		x.removed = true
	}
}

// apply sets some capacities, or nothing if there is anything wrong.
func (m *registryMachine) apply() {
	all := make(map[string]bulk.Capacity)
	parts := make(map[string]map[string]any)
	wrong, isClosed := false, false
	whole := rapid.Bool().Draw(m.t, "whole")
	for range rapid.IntRange(0, 3).Draw(m.t, "changes") {
		label := m.label()
		x := m.model.find(label)
		c := bulk.Capacity{Parallelism: 1}
		if x == nil {
			wrong = true
		} else {
			c = x.capacity
			isClosed = isClosed || x.closed
		}
		part := make(map[string]any)
		if whole || rapid.Bool().Draw(m.t, "parallelism too") {
			c.Parallelism = m.number("parallelism")
			part["parallelism"] = c.Parallelism
		}
		if whole || rapid.Bool().Draw(m.t, "room too") {
			c.WaitingRoom = m.number("room")
			part["waiting_room"] = c.WaitingRoom
		}
		all[label], parts[label] = c, part
	}
	for _, c := range all {
		wrong = wrong || c.Validate() != nil
	}
	var err error
	if whole {
		err = m.r.Apply(all)
	} else {
		text, jsonErr := json.Marshal(parts)
		m.must(jsonErr == nil, "%v", jsonErr)
		err = m.r.ApplyJSON(text)
	}
	if wrong {
		m.must(errors.Is(err, registry.ErrUnknown) || errors.Is(err, bulk.ErrConfig), "%v: got %v", all, err)
		return
	}
	m.must((err != nil) == isClosed && (err == nil || errors.Is(err, bulk.ErrClosed)), "%v: got %v", all, err)
	for label := range maps.Keys(all) {
		if x := m.model.find(label); !x.closed {
			x.capacity = all[label]
		}
	}
}

func (m *registryMachine) shutdown() {
	if m.number("rarely") > 0 || m.number("more rarely") > 0 {
		return
	}
	m.model.close()
	var want []string
	for _, x := range m.model.members {
		if x.inFlight > 0 {
			want = append(want, fmt.Sprint(x.label, x.inFlight))
		}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errWhy)
	defer cancel()
	start := time.Now()
	err := m.r.Shutdown(ctx)
	var got []string
	if err != nil {
		m.must(time.Since(start) == time.Second, "gave up after %v", time.Since(start))
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			drain := err.(*bulk.DrainError)
			got = append(got, fmt.Sprint(drain.Label, drain.InFlight))
		}
	}
	m.must(slices.Equal(got, want), "still holding %v, want %v", got, want)
}

func (m *registryMachine) invariant() {
	synctest.Wait()
	m.model.settle()
	var got, want []string
	for _, s := range m.r.Statuses() {
		got = append(got, fmt.Sprint(s.Label, s.Capacity, s.InFlight, s.Closed))
	}
	for _, x := range m.model.members {
		want = append(want, fmt.Sprint(x.label, x.capacity, x.inFlight, x.closed))
	}
	m.must(slices.Equal(got, want), "members\n%v, want\n%v", got, want)
	err := m.r.Check()
	m.must(err == nil, "%v", err)
}

// Any sequence of actions does to a Registry what it does to the model.
func TestRegistryDoesWhatTheModelSays(t *testing.T) { rapid.Check(t, registryProperty) }

func FuzzRegistry(f *testing.F) { f.Fuzz(rapid.MakeFuzz(registryProperty)) }

func registryProperty(t *rapid.T) {
	rapid.SyncTest(t, func(t *rapid.T) {
		m := &registryMachine{t: t, r: registry.New(bulk.WaitingRoom(3))}
		defer func() { // those who wait in Remove must not be left behind
			for _, h := range m.held {
				h.slot.Release()
			}
		}()
		step := func(f func()) func(*rapid.T) {
			return func(t *rapid.T) { m.t = t; f(); synctest.Wait(); m.model.settle() }
		}
		t.Repeat(map[string]func(*rapid.T){
			"create":        step(func() { m.creation(m.r.Create, false) }),
			"get or create": step(func() { m.creation(m.r.GetOrCreate, true) }),
			"race":          step(m.race),
			"use":           step(m.use),
			"use more":      step(m.use),
			"release":       step(m.release),
			"remove":        step(m.remove),
			"apply":         step(m.apply),
			"shutdown":      step(m.shutdown),
			"":              step(m.invariant),
		})
	})
}

// Package keys is the machine that checks bulkheads per key. Package kit has the picture
// of its parts. Each step does one
// thing to the subject and to the state, or several at one instant whose
// order makes no difference, and compares all that can be seen.
package keys

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
	"github.com/bulklink/bulklink-go/registry"
)

// machine does the same things to a Keyed and to its state.
type machine struct {
	*kit.Story
	kit.Coverage
	d          *kit.Dice // of this step
	s          Subject
	keyed      *registry.Keyed[string] // the subject, if it is one
	verbs      []verb
	state      state
	operations []*operation // in flight or waiting
	last       int
	rejected   error        // what an operation was rejected with, if any was
	foreign    error        // what another bulkhead rejected an operation with
	raced      bool         // in this step: whether a key came before or after a change is not known
	slow       atomic.Int32 // how often CapacityOf yields
	times      int          // chosen

	listens bool
	heard   atomic.Uint64 // events
}

// New returns what makes a machine for what build makes.
func New(build NewFunc, counts kit.Coverage) kit.NewMachine {
	return func(d *kit.Dice, story *kit.Story) kit.Machine {
		c := bulk.Capacity{Parallelism: 1 + d.Int(2), WaitingRoom: d.Int(3)}
		r := state{capacity: c, maxKeys: 1 + d.Int(4), idleAfter: time.Duration(d.Int(7)) * time.Second, varies: d.OneIn(2),
			door: model.New(label, c), made: make(map[string]bool)}
		m := &machine{Story: story, Coverage: counts, state: r, foreign: kit.Overloaded()}
		each := []bulk.Option{bulk.WaitingRoom(c.WaitingRoom), kit.Yields}
		if r.door.TrackHolds = d.OneIn(2); r.door.TrackHolds {
			each = append(each, bulk.TrackHolds())
		}
		opts := []registry.KeyedOption{registry.IdleAfter(r.idleAfter)}
		if r.varies {
			opts = append(opts, registry.CapacityOf(func(name string, common bulk.Capacity) bulk.Capacity {
				for range m.slow.Load() {
					runtime.Gosched()
				}
				return capacityOf(name, common)
			}))
		}
		if m.listens = d.OneIn(2); m.listens {
			each = append(each, bulk.OnEvent(m.listen))
		}
		m.Did("A Keyed is made: parallelism %d, waiting room %d, at most %d keys, idle after %v; with CapacityOf: %t.", c.Parallelism, c.WaitingRoom, r.maxKeys, r.idleAfter, r.varies)
		var err error
		m.s, err = build(label, c.Parallelism, r.maxKeys, append(opts, registry.Each(each...))...)
		m.Must(err == nil, "it was not made: %v", err)
		m.verbs = verbsOf(m.s)
		m.keyed, _ = m.s.(*registry.Keyed[string])
		return m
	}
}

// listen counts the events; that each is right is checked where package bulkheads listens.
func (m *machine) listen(e bulk.Event) {
	if e.Label == label {
		m.heard.Add(1)
	}
}

// Step does one thing, and compares.
func (m *machine) Step(d *kit.Dice) {
	m.pass(time.Nanosecond) // no two operations arrive, or expire, at the same instant
	m.d = d
	m.Story.Step()
	kit.Pick(d, (*machine).start, (*machine).touch, (*machine).start, (*machine).touch, (*machine).start, (*machine).race, (*machine).evict,
		(*machine).change, (*machine).changeRace, (*machine).changeRace,
		(*machine).evictIdle, (*machine).touch, (*machine).sleep, (*machine).sleep, (*machine).shutdown)(m)
	m.settle()
}

// settle compares the outcome of each operation, and all else that can be seen.
func (m *machine) settle() {
	synctest.Wait()
	for _, c := range m.operations {
		if c.want.Phase == waiting {
			c.waited = true
			c.key.learn(c)
		}
		if got := c.seen(); got != c.want {
			m.Fail(kit.Differences(c.String(), got, c.want)...)
		}
		if c.want.Phase >= rejected || c.want.Phase == inFlight && c.waited {
			m.Hit("%s: %v %v, waited %t, %v", c.verb.name, c.want.Phase, c.want.Rejection.Reason, c.waited, c.exit)
		}
		if c.want.Phase >= rejected {
			wrong := c.wrong(m)
			m.Must(wrong == "", "%v: %s; its function is to end so: %v, %v; it returned %t: %v; recovered: %v",
				c, wrong, c.exit, c.result, c.returned, c.err, c.recovered)
		}
	}
	m.operations = slices.DeleteFunc(m.operations, func(c *operation) bool { return c.want.Phase >= rejected })
	got, want := m.s.Status(), m.state.status()
	got.ID, got.Index, got.At = 0, 0, time.Time{}
	m.Must(got.Totals.Waits.Count() == got.Totals.AdmittedFromQueue, "Waits has %d, admitted from the queue are %d", got.Totals.Waits.Count(), got.Totals.AdmittedFromQueue)
	got.Totals.Waits, got.Totals.Holds = want.Totals.Waits, want.Totals.Holds // in a race it is not known which operation was the first
	if got != want {
		m.Fail(kit.Differences("Status()", got, want)...)
	}
	m.compareKeys()
	if m.keyed != nil {
		err := hooks.CheckKeyed(m.keyed)
		m.Must(err == nil, "invariants: %v", err)
	}
	m.Must(m.s.Capacity() == m.state.capacity, "Capacity() is %v; by the contract %v", m.s.Capacity(), m.state.capacity)
	if m.raced && m.listens { // two changes can end where they began, without an event
		m.state.door.Seq += m.heard.Load() - m.state.events()
	}
	m.raced = false
	m.Must(!m.listens || m.heard.Load() == m.state.events(), "the handler was given %d events; by the contract %d", m.heard.Load(), m.state.events())
}

// compareKeys compares each key's status.
func (m *machine) compareKeys() {
	n := 0
	for name, got := range m.s.Statuses() {
		k := m.state.find(name)
		m.Must(k != nil, "Statuses yields %q, which is not known", name)
		if n++; m.raced {
			k.Seq = got.LastEvent
		}
		want := k.Status(got.At)
		got.ID, got.Index, got.Totals.Waits, got.Totals.Holds = 0, 0, want.Totals.Waits, want.Totals.Holds
		if got != want {
			m.Fail(kit.Differences(fmt.Sprintf("the Status of %q", name), got, want)...)
		}
	}
	m.Must(n == len(m.state.known), "Statuses yields %d of %d", n, len(m.state.known))
}

// Finish ends all that is in flight. Then nothing is left.
func (m *machine) Finish() {
	m.Story.Step()
	m.Did("Close(), and all operations end")
	m.state.close(time.Now())
	m.Must(m.s.Close() == nil, "Close returned an error")
	m.settle()
	for len(m.operations) > 0 {
		m.end(m.operations[len(m.operations)-1])
		m.settle()
	}
	m.Must(m.s.Shutdown(context.Background()) == nil, "Shutdown of what is drained returned an error")
}

// End frees the goroutines that are still blocked, also after a failure.
func (m *machine) End() {
	for _, c := range m.operations {
		c.cancel(errEnd)
		if !kit.IsClosed(c.end) {
			close(c.end)
		}
	}
}

func (m *machine) name() string {
	return secret + kit.Pick(m.d, "0", "1", "2", "3", "4", "5")
}

// seconds chooses a time. No two are the same, so that no two waits end at one instant.
func (m *machine) seconds() time.Duration {
	m.times++
	return time.Duration(1+m.d.Int(5))*time.Second + time.Duration(m.times)*time.Microsecond
}

func (m *machine) newOperation(name string) *operation {
	m.last++
	c := &operation{id: m.last, name: name, verb: kit.Pick(m.d, m.verbs...), twice: m.d.OneIn(2), exit: kit.Returns,
		end: make(chan struct{}), started: make(chan struct{}), over: make(chan struct{})}
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	ctx, cancel := context.WithCancelCause(ctx)
	c.ctx, c.cancel = ctx, func(cause error) { cancel(cause); stop() }
	m.operations = append(m.operations, c)
	return c
}

// start begins an operation, sometimes one that is rejected before its key is looked up.
func (m *machine) start() {
	c, within, story := m.newOperation(m.name()), deadline.Within, ""
	switch m.d.Int(12) {
	case 3, 6:
		c.limits = []deadline.Limit{deadline.NoWait()}
	case 4, 7:
		c.limits = []deadline.Limit{within(m.seconds()), within(time.Hour)}
	case 5:
		c.cancel(errEnd)
		story = ", ctx is done"
	case 8:
		c.limits = []deadline.Limit{within(time.Hour), deadline.Before(time.Now())}
	case 9: // every ctx has an hour
		c.limits = []deadline.Limit{within(time.Hour), deadline.Reserve(time.Hour + 1)}
	}
	m.Did("%v%s", c, story)
	m.arrive(c)
	go c.serve()
}

// arrive decides about an operation.
func (m *machine) arrive(c *operation) { m.Hit("%s", m.state.arrive(time.Now(), c)) }

// race lets several come for one key at the same time, one more than there are
// slots, while another goroutine tries to evict it. The outcome of each one can't be
// predicted, the number of each outcome can.
func (m *machine) race() {
	name := m.name()
	c, where, k := m.state.capacityOf(name, m.state.capacity), "new", m.state.find(name)
	if !valid(c) || c.Parallelism < 1 || c.Parallelism > 4 || k != nil && len(k.Room) > 0 { // the order of those who wait would be unknown
		m.start()
		return
	}
	racers := c.Parallelism + 1
	if k != nil {
		racers, where = max(1, racers-len(k.InFlight)), "known"
	}
	m.Did("%d operations for %q at the same time, and Evict", racers, name)
	var group []*operation
	evicted := make(chan bool, 1)
	for i := range racers {
		group = append(group, m.newOperation(name))
		if i == racers/2 {
			go func() { evicted <- m.s.Evict(name) }()
		}
		go group[i].serve()
	}
	synctest.Wait()
	m.Hit("race for a %s key", where)
	if <-evicted {
		m.Hit("race in which the key is evicted")
		m.Must(m.state.evict(time.Now(), name), "a key in use, or unknown, was evicted")
	}
	// It is decided about them in the order of their outcomes: those
	// that got slots came first.
	slices.SortStableFunc(group, func(a, b *operation) int { return int(a.seen().Phase) - int(b.seen().Phase) })
	for _, c := range group {
		m.arrive(c)
	}
}

// touch ends an operation in flight, or the ctx of one that waits.
func (m *machine) touch() {
	if len(m.operations) == 0 {
		m.start()
		return
	}
	c := kit.Pick(m.d, m.operations...)
	if c.want.Phase == waiting {
		m.Did("the ctx of %v ends", c)
		c.key.Cancel(time.Now(), c.id)
		m.state.leave(time.Now(), c.key)
		c.cancel(errEnd)
		return
	}
	c.exit = kit.Pick(m.d, kit.Returns, kit.Returns, kit.Fails, kit.Panics, kit.Exits)
	if c.exit == kit.Fails || c.exit == kit.Panics {
		c.result = errEnd
		if nested := kit.Pick(m.d, nil, m.rejected, m.foreign); nested != nil {
			c.result = fmt.Errorf("%w: %w", errEnd, nested)
		}
	}
	m.Did("%v: %v", c, c.exit)
	m.end(c)
}

func (m *machine) end(c *operation) {
	m.state.release(time.Now(), c)
	close(c.end)
}

// sleep lets time pass, often until about when the oldest key has been idle long
// enough.
func (m *machine) sleep() {
	d := m.seconds()
	if k := m.state.oldestIdle(); k != nil && m.d.OneIn(2) {
		d = max(m.state.idleAfter-time.Since(k.left), time.Nanosecond)
	}
	d += time.Duration(m.d.Int(3) - 1)
	m.Did("%v pass", d)
	m.pass(d)
}

// pass lets time pass, and looks at each instant at which a wait ends.
func (m *machine) pass(d time.Duration) {
	until := time.Now().Add(d)
	for k, w := m.state.nextExpiry(until); k != nil; k, w = m.state.nextExpiry(until) {
		at, _ := w.Until()
		time.Sleep(time.Until(at))
		k.Expire(at, w.Op)
		m.state.leave(at, k)
		m.settle()
	}
	time.Sleep(time.Until(until))
}

// draw chooses a common capacity.
func (m *machine) draw(parallelism ...int) bulk.Capacity {
	return bulk.Capacity{Parallelism: kit.Pick(m.d, parallelism...), WaitingRoom: m.d.Int(3), WaitLimit: time.Duration(m.d.Int(2)) * m.seconds()}
}

// change changes the capacity of all keys.
func (m *machine) change() {
	text, change, set := kit.Change(m.d, m.s, m.draw(1, 2, 3, 0, bulk.Unlimited, -1), func() {})
	c := change(m.state.capacity)
	m.Did("%s", text)
	got, want := set(), m.state.set(time.Now(), c)
	method, _, _ := strings.Cut(text, "(")
	m.Hit("%s: %v, wrong for one key %t", method, want, valid(c) && want == bulk.ErrConfig)
	m.Hit("a change to %d slots: %v", min(c.Parallelism, 4), want)
	m.Must(errors.Is(got, want), "it returned %v; by the contract %v", got, want)
}

// changeRace changes the capacity twice at the same time, while an operation comes for
// a key and another goroutine tries to evict the oldest one. Slots are free before
// and after, so that what is admitted does not depend on the order.
func (m *machine) changeRace() {
	name, r, now := m.name(), &m.state, time.Now()
	if r.closed || r.capacity.Parallelism < 1 || r.first(func(k *key) bool { return !k.idle() }) != nil || name > secret+"3" {
		m.change()
		return
	}
	first, second, idle := m.draw(1, 2), m.draw(1, 2), r.oldestIdle()
	if idle == nil || idle.name == name {
		idle = &key{name: "unknown"}
	}
	if m.d.OneIn(2) { // only one change
		second = first
	}
	m.Did("SetCapacity(%+v) and SetCapacity(%+v) at the same time, an operation for %q, and Evict(%q)", first, second, name, idle.name)
	m.raced = true
	m.slow.Store(int32(m.d.Int(20)))
	var g sync.WaitGroup
	var evicted bool
	g.Go(func() { _ = m.s.SetCapacity(first) })
	c := m.newOperation(name)
	go c.serve()
	g.Go(func() { evicted = m.s.Evict(idle.name) })
	if second != first {
		g.Go(func() { _ = m.s.SetCapacity(second) })
	}
	g.Wait()
	synctest.Wait()
	if m.s.Capacity() == first {
		first, second = second, first
	}
	_ = r.set(now, first)
	if idle.Model != nil && (evicted || len(r.known) < r.maxKeys) {
		m.Must(evicted == r.evict(now, idle.name), "Evict is %t", evicted)
	}
	m.Hit("race of two changes: known %t, evicted %t, with CapacityOf %t", r.find(name) != nil, evicted, r.varies)
	m.arrive(c)
	_ = r.set(now, second)
}

func (m *machine) evict() {
	name := m.name()
	m.Did("Evict(%q)", name)
	got, want := m.s.Evict(name), m.state.evict(time.Now(), name)
	m.Hit("Evict: %t, closed %t", want, m.state.closed)
	m.Must(got == want, "it is %t; by the contract %t", got, want)
}

func (m *machine) evictIdle() {
	m.Did("EvictIdle()")
	for _, k := range m.state.known {
		if k.idle() && m.state.idleAfter > 0 {
			m.Hit("EvictIdle: idle for IdleAfter + %v", max(-2, min(time.Since(k.left)-m.state.idleAfter, 1)))
		}
	}
	got, want := m.s.EvictIdle(), m.state.evictIdle(time.Now())
	m.Must(got == want, "it is %d; by the contract %d", got, want)
}

// shutdown is rare: not much can happen afterwards.
func (m *machine) shutdown() {
	if !m.d.OneIn(8) {
		m.start()
		return
	}
	m.state.close(time.Now())
	var want []string
	if n := m.state.inFlight(); n > 0 {
		want = []string{kit.Drained(label, n)}
	}
	kit.Shut(m.Story, m.Coverage, m.d, m.s, want...)
}

// Package keys is the machine that checks bulkheads per key. Package kit has the picture
// of its parts. Each step does one thing to the subject and to the state, or several at
// one instant whose order makes no difference, and compares all that can be seen.
package keys

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
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
	rejected   error         // what an operation was rejected with, if any was
	foreign    error         // what another bulkhead rejected an operation with
	times      int           // chosen
	slow       atomic.Int32  // how often CapacityOf yields
	closes     atomic.Uint64 // events
}

// New returns what makes a machine for what build makes.
func New(build NewFunc, counts kit.Coverage) kit.NewMachine {
	return func(d *kit.Dice, story *kit.Story) kit.Machine {
		c := bulk.Capacity{Parallelism: 1 + d.Int(2), WaitingRoom: d.Int(3)}
		r := state{capacity: c, maxKeys: 1 + d.Int(4), idleAfter: time.Duration(d.Int(7)) * time.Second, varies: d.OneIn(2),
			door: model.New(label, c), made: make(map[string]bool)}
		m := &machine{Story: story, Coverage: counts, state: r, foreign: kit.Overloaded()}
		each := []bulk.Option{bulk.WaitingRoom(c.WaitingRoom), bulk.OnEvent(m.listen), kit.Yields}
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
		m.Did("A Keyed is made: parallelism %d, waiting room %d, at most %d keys, idle after %v; with CapacityOf: %t.", c.Parallelism, c.WaitingRoom, r.maxKeys, r.idleAfter, r.varies)
		var err error
		m.s, err = build(label, c.Parallelism, r.maxKeys, append(opts, registry.Each(each...))...)
		m.Must(err == nil, "it was not made: %v", err)
		m.verbs = verbsOf(m.s)
		m.keyed, _ = m.s.(*registry.Keyed[string])
		return m
	}
}

// listen counts the bulkheads that are closed; that each event is right is checked where
// package bulkheads listens.
func (m *machine) listen(e bulk.Event) {
	if e.Kind == bulk.EventClosed && e.Label == label {
		m.closes.Add(1)
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
		m.Same(c.String(), c.seen(), c.want)
		if c.Over || c.want.Phase == inFlight && c.waited {
			m.Hit("%s: %v %v, waited %t", c.verb.name, c.want.Phase, c.want.Rejection.Reason, c.waited)
		}
		if c.Over {
			wrong := c.wrong(m)
			m.Must(wrong == "", "%v: %s; its function was told to end with %v; the call with %v, or a panic: %v", c, wrong, c.Told.Err, c.Err, c.Panic)
		}
	}
	m.operations = slices.DeleteFunc(m.operations, func(c *operation) bool { return c.Over })
	got, want := m.s.Status(), m.state.status()
	got.ID, got.Index, got.At = 0, 0, time.Time{}
	m.Must(got.Totals.Waits.Count() == got.Totals.AdmittedFromQueue, "Waits has %d, admitted from the queue are %d", got.Totals.Waits.Count(), got.Totals.AdmittedFromQueue)
	got.Totals.Waits, got.Totals.Holds = want.Totals.Waits, want.Totals.Holds // in a race it is not known which operation was the first
	m.Same("Status()", got, want)
	m.compareKeys()
	if m.keyed != nil {
		err := hooks.CheckKeyed(m.keyed)
		m.Must(err == nil, "invariants: %v", err)
	}
	m.Must(m.s.Capacity() == m.state.capacity, "Capacity() is %v; by the contract %v", m.s.Capacity(), m.state.capacity)
	m.Must(m.closes.Load() == m.state.closes, "%d bulkheads were closed; by the contract %d", m.closes.Load(), m.state.closes)
}

// compareKeys compares each key's status.
func (m *machine) compareKeys() {
	n := 0
	for name, got := range m.s.Statuses() {
		k := m.state.find(name)
		m.Must(k != nil, "Statuses yields %q, which is not known", name)
		n++
		want := k.Status(got.At)
		got.ID, got.Index, got.Totals.Waits, got.Totals.Holds = 0, 0, want.Totals.Waits, want.Totals.Holds
		got.LastEvent = want.LastEvent // in a race it is not known whether a key came before or after a change
		m.Same("the Status of "+name, got, want)
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
		m.end(m.operations[len(m.operations)-1], kit.Ending{Exit: kit.Returns})
		m.settle()
	}
	m.Must(m.s.Shutdown(context.Background()) == nil, "Shutdown of what is drained returned an error")
}

// End frees the goroutines that are still blocked, also after a failure.
func (m *machine) End() {
	for _, c := range m.operations {
		c.cancel(errEnd)
		close(c.End)
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
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	ctx, cancel := context.WithCancelCause(ctx)
	c := &operation{name: name, verb: kit.Pick(m.d, m.verbs...), cancel: func(cause error) { cancel(cause); stop() }}
	c.Operation = kit.Operation{ID: m.last, Ctx: ctx, End: make(chan kit.Ending, 1), Moved: func() {}}
	m.operations = append(m.operations, c)
	return c
}

// arrive decides about an operation.
func (m *machine) arrive(c *operation) { m.Hit("%s", m.state.arrive(time.Now(), c)) }

func (m *machine) end(c *operation, how kit.Ending) {
	m.state.release(time.Now(), c, how.Exit)
	c.End <- how
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

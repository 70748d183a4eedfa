package propcheck

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/deadline"
)

// Two things that are due at one instant: the machine arranges them, and the
// contract says which outcomes are allowed. Whoever takes the lock first decides
// between a bound and a hand-over; cancellation wins over hand-over; a ctx comes
// before a bound.

// What can happen at one instant to an operation that waits. expiry and deadline
// come by themselves, when time reaches them.
const (
	byExpiry   = "expiry"
	byDeadline = "deadline"
	byCancel   = "cancel"
	byRelease  = "release"
	byClose    = "close"
	byResize   = "resize"
	byArrival  = "arrival"
)

// racers are the pairs that are arranged.
var racers = from([][]string{
	{byExpiry, byRelease}, {byCancel, byRelease}, {byDeadline, byRelease}, {byCancel, byResize}, {byExpiry, byDeadline},
	{byExpiry, byResize}, {byDeadline, byResize}, {byCancel, byExpiry}, {byArrival, byRelease}, {byArrival, byCancel},
	{byArrival, byExpiry}, {byRelease, byResize}, {byExpiry, byExpiry}, {byCancel, byCancel}, {byArrival, byArrival},
	{byClose, byExpiry}, {byClose, byRelease}, {byCancel, byClose}, {byClose, byDeadline}, {byClose, byResize},
}...)

// racePlan is a race to be arranged.
type racePlan struct {
	between   []string
	victim    arrivalPlan // the verb of the operation concerned
	slots     int         // what it asks for
	behind    bool        // a second one waits behind it
	apart     bool        // each on a goroutine of its own, not in turn on one
	backwards bool
	slowly    bool // the ctx is a foreign one, and ends before anybody is told
	end       endPlan
	capacity  capacityPlan
	arrival   arrivalPlan
}

var victimSlots = from(1, 1, 2)

var racePlans = rapid.Custom(func(t *rapid.T) racePlan {
	return racePlan{
		between: racers.Draw(t, ""), victim: arrivals.Draw(t, ""), slots: victimSlots.Draw(t, ""), behind: half.Draw(t, ""),
		apart: third.Draw(t, ""), backwards: half.Draw(t, ""), slowly: third.Draw(t, ""),
		end: ends.Draw(t, ""), capacity: capacities.Draw(t, ""), arrival: arrivals.Draw(t, ""),
	}
})

// timely is when a race takes place that waits for an instant.
const timely = 2 * ms

// A race is arranged: all slots are taken, one operation waits, and two things
// happen to it at one instant.
func (m *machine) race(p racePlan) {
	model := m.world.model
	if model.Closed || len(model.Room)+1 >= model.Capacity.WaitingRoom {
		m.instead()
		return
	}
	if free := model.Capacity.Parallelism - model.InUse(); free > 0 && len(model.Room) == 0 {
		all, _ := m.arrival(arrivalSpec{verb: m.verbNamed("AcquireN"), slots: free}, nil, false)
		if !m.step(all) {
			return
		}
	}
	spec := m.victim(p)
	c, victim := m.arrival(spec, nil, false)
	if !m.step(c) {
		return
	}
	if p.behind {
		spec.slots, spec.context = 1, contextSpec{}
		if slices.Equal(p.between, []string{byCancel, byCancel}) {
			spec.context = contextSpec{kind: shared, index: victim.ctx.id}
		}
		if c, _ := m.arrival(spec, nil, false); !m.step(c) {
			return
		}
	}
	m.run(p, victim)
}

// victim returns the operation that a race is about: it comes with what can end
// its wait in the ways that are wanted.
func (m *machine) victim(p racePlan) arrivalSpec {
	a := arrivalSpec{verb: &m.verbs[p.victim.verb%len(m.verbs)], slots: 1, context: contextSpec{kind: cancellable}}
	if a.verb.try != nil || a.verb.name == guard1 {
		a.verb = m.verbNamed("Acquire")
	}
	if a.verb.n {
		a.slots = min(p.slots, m.world.model.Capacity.Parallelism)
	}
	if p.slowly {
		a.context.kind = foreign
	}
	if slices.Contains(p.between, byExpiry) {
		a.limits = []deadline.Limit{deadline.Within(timely)}
	}
	if slices.Contains(p.between, byDeadline) {
		a.context = contextSpec{kind: withDeadline, dies: timely}
	}
	return a
}

// run lets a race take place.
func (m *machine) run(p racePlan, victim *call) {
	at := m.now
	if slices.Contains(p.between, byExpiry) || slices.Contains(p.between, byDeadline) {
		at = at.Add(timely)
		// What comes earlier is no part of it.
		if next, ok := m.nextInstant(); ok && next.Before(at) && !m.pass(timely-1) {
			return
		}
	}
	m.story.next()
	m.waitFor(at)
	var commands []command
	busy := map[int]bool{}
	for _, what := range p.between {
		switch what {
		case byCancel:
			if !p.slowly {
				commands = append(commands, m.cancel(victim.ctx))
			}
		case byRelease:
			if list := m.flying(func(c *call) bool { return !busy[c.id] }); len(list) > 0 {
				busy[list[0].id] = true
				commands = append(commands, m.ending(list[0], p.end.exit))
			}
		case byClose:
			commands = append(commands, m.close())
		case byResize:
			commands = append(commands, m.change(m.capacityOf(p.capacity)))
		case byArrival:
			c, _ := m.arrival(m.arrivalOf(p.arrival), nil, false)
			commands = append(commands, c)
		}
	}
	if p.backwards {
		slices.Reverse(commands)
	}
	if p.slowly && slices.Contains(p.between, byCancel) {
		// All else happens after the ctx has ended, and before its Done channel
		// is closed.
		first, second := m.cancelSlowly(victim.ctx)
		commands, p.apart = append(slices.Insert(commands, 0, first), second), false
	}
	m.collide(p.apart, commands)
}

// waitFor lets time pass until an instant, but does not wait for what happens
// then: the step has only begun.
func (m *machine) waitFor(at time.Time) {
	if at.After(m.now) {
		m.sleepUntil(at)
		m.story.did(func() string { return "time passes until " + at.Sub(m.story.start).String() + ", and" })
	}
}

package bulkheads

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// calmActions are those that make one thing happen at a time; allActions also
// those that make several happen at one instant.
var (
	calmActions = slices.Concat(slices.Repeat([]func(*machine){one(arrival), one(release), (*machine).passSome}, 5), []func(*machine){
		one(cancel), one(cancel), one(resize), one(resize), one(resize), one(await), one(other), one(other), one(arrival),
		(*machine).handle, (*machine).handle, (*machine).misuse,
	})
	allActions = slices.Concat(calmActions, slices.Repeat([]func(*machine){(*machine).race}, 12))
)

// one is an action that does one thing of a kind.
func one(k kind) func(*machine) { return func(m *machine) { m.step(m.draw(k)) } }

// Time passes: until a nanosecond on either side of what happens next, or
// nothing, or much.
func (m *machine) passSome() {
	d := pick(m.d, ms, 2*ms, 1, 0, time.Hour)
	if next, ok := m.nextInstant(); ok && !m.d.OneIn(3) {
		left := next.Sub(m.now)
		d = pick(m.d, left, left-1, left+1)
	}
	m.pass(d)
}

// At the beginning, as many are admitted as it takes to make an operation whose time in
// flight is measured the next, or the next but one: in a race that is one that waits.
func (m *machine) churn() {
	times := m.state.model.BeforeSample() - m.d.Int(2)
	m.step(command{text: fmt.Sprintf("%d times in a row: TryAcquire(), Release()", times), run: func() {
		for range times {
			slot, _ := m.subject.TryAcquire()
			slot.Release()
		}
	}, apply: func(s *state) {
		for range times {
			s.model.Arrive(s.now, model.Arrival{Op: -1, Slots: 1}, false)
			s.statuses = append(s.statuses, s.model.Status(s.now))
			s.model.Release(s.now, -1)
			s.statuses = append(s.statuses, s.model.Status(s.now))
		}
	}})
}

// timely is when a race takes place that waits for an instant.
const timely = 2 * ms

// Two or three things happen at one instant: in most races to an operation that waits
// for slots, in the others perhaps when something happens by itself.
func (m *machine) race() {
	var kinds []kind
	for range pick(m.d, 2, 2, 3) {
		kinds = append(kinds, pick(m.d, release, cancel, expiry, resize, timeout, arrival, release, timeout, expiry, cancel, closing, await))
	}
	s := m.state.model
	next, ok := m.nextInstant()
	switch {
	case !s.Closed && len(s.Room)+1 < s.Capacity.WaitingRoom && !m.d.OneIn(4):
		m.raceAbout(kinds)
	case ok && m.d.OneIn(2):
		m.meet(next, kinds, nil)
	default:
		m.meet(m.now, kinds, nil)
	}
}

// raceAbout takes all slots and lets one operation wait, or two, before the race.
func (m *machine) raceAbout(kinds []kind) {
	s := m.state.model
	if free := s.Capacity.Parallelism - s.InUse(); free > 0 && len(s.Room) == 0 {
		m.step(m.arrive(m.verb("AcquireN"), free, m.contexts[0]))
	}
	c := m.drawVictim(kinds)
	m.step(c)
	victim := c.operation
	if m.d.OneIn(2) { // another one is behind it
		m.step(m.arrive(victim.verb, 1, pick(m.d, m.contexts[0], victim.ctx), victim.Limits...))
	}
	at := m.now
	if slices.Contains(kinds, expiry) || slices.Contains(kinds, timeout) {
		at = at.Add(timely)
		if next, ok := m.nextInstant(); ok && next.Before(at) {
			m.pass(timely - 1) // what comes earlier is no part of it
		}
	}
	m.meet(at, kinds, victim)
}

// drawVictim chooses an operation that a race is about: it comes with what can
// end its wait in the ways that are wanted.
func (m *machine) drawVictim(kinds []kind) command {
	v, slots := pick(m.d, m.verbs...), min(pick(m.d, 1, 1, 2), max(1, m.state.model.Capacity.Parallelism))
	if v.try {
		v = m.verb("Acquire")
	}
	k := ctxKind{foreign: m.d.OneIn(3)}
	if slices.Contains(kinds, timeout) {
		k = ctxKind{timeout: timely}
	}
	var limits []deadline.Limit
	if slices.Contains(kinds, expiry) {
		limits = []deadline.Limit{deadline.Within(timely)}
	}
	return m.arrive(v, slots, m.newContext(k), limits...)
}

// meet lets things happen at one instant, together with all that is due then. It
// is the victim's context that is canceled, if there is a victim.
func (m *machine) meet(at time.Time, kinds []kind, victim *operation) {
	m.Story.Step()
	if at.After(m.now) {
		m.sleepUntil(at)
		m.Did("time passes until %v, and", at.Sub(m.began))
	}
	var commands []command
	for _, k := range kinds {
		switch {
		case k == expiry || k == timeout: // by itself
		case k == cancel && victim != nil:
			commands = append(commands, m.cancel(victim.ctx))
		default:
			commands = append(commands, m.draw(k))
		}
	}
	if m.d.OneIn(2) {
		slices.Reverse(commands)
	}
	for _, c := range commands {
		m.tied = append(m.tied, c.kind)
	}
	for i := range m.state.tasks {
		switch t := &m.state.tasks[i]; {
		case t.phase == waiting && m.state.due(t):
			m.tied = append(m.tied, expiry)
		case (t.phase == waiting || t.phase == draining) && m.state.open(t.ctx):
			m.tied = append(m.tied, timeout)
		}
	}
	m.do(commands...)
}

// A handler is added or removed, or one is added that ends, once, the goroutine on
// which it is called. That costs no slot: an operation that has just arrived
// leaves again, as abandoned or as canceled; what any other call did is done, and
// all others hear of it.
func (m *machine) handle() {
	removable := slices.DeleteFunc(slices.Clone(m.listeners), func(l *listener) bool {
		return l.remove == nil || l.removed || l == m.exiting
	})
	if len(removable) > 0 && m.d.OneIn(2) {
		l := pick(m.d, removable...)
		l.removed = true
		m.step(command{text: fmt.Sprintf("handler %d is removed, twice", l.id), run: func() { l.remove(); l.remove() },
			apply: func(s *state) { s.model.Handlers-- }})
		return
	}
	l := m.listen(m.d.OneIn(3))
	m.step(command{text: fmt.Sprintf("handler %d is added", l.id), run: func() { l.remove = m.subject.OnEvent(l.handle) },
		apply: func(s *state) { s.model.Handlers++ }})
	if m.exiting == nil && m.d.OneIn(3) {
		m.exiting, l.panics = l, false
		m.Came("it ends the goroutine on which it is called next")
		if !m.calm { // an operation that is queued then can have its slots by the time that it leaves
			m.meet(m.now, []kind{arrival, release}, nil)
		}
	}
}

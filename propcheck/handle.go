package propcheck

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
)

// handlePlan is something to be done with handlers.
type handlePlan struct {
	what     string
	nth      int
	panics   bool
	trigger  bulk.EventKind // 0 is any
	reaction string
	exit     string // during what a goroutine is to end
	arrival  arrivalPlan
	capacity capacityPlan
}

var (
	handleKinds = from("react", "add", "exit", "remove", "react", "exit")
	triggers    = from(0, bulk.EventReleased, bulk.EventAdmitted, bulk.EventQueued, bulk.EventExpired,
		bulk.EventCanceled, bulk.EventResized, bulk.EventAbandoned, bulk.EventClosed, bulk.EventDrained)
	reactions    = from("TryAcquire, Release", "Status", "SetCapacity", takeOff, "Close")
	provocations = from(byArrival, byRelease, byCancel, byExpiry, byResize, byArrival, byRelease, byClose)
)

// takeOff is what a handler does that takes itself off.
const takeOff = "remove"

var handles = rapid.Custom(func(t *rapid.T) handlePlan {
	return handlePlan{
		what: handleKinds.Draw(t, ""), nth: nth.Draw(t, ""), panics: third.Draw(t, ""),
		trigger: triggers.Draw(t, ""), reaction: reactions.Draw(t, ""), exit: provocations.Draw(t, ""),
		arrival: arrivals.Draw(t, ""), capacity: capacities.Draw(t, ""),
	}
})

// A handler is added, taken off, told to call back, or to end the goroutine on
// which it is called.
func (m *machine) handle(p handlePlan) {
	switch {
	case p.what == "add":
		m.addListener(m.listen(p.panics))
	case p.what == "remove":
		m.removeListener(p)
	case m.reaction != nil: // one at a time
		m.arrive(p.arrival)
	case p.what == "react":
		m.addReaction(p)
	default:
		m.exit(p)
	}
}

func (m *machine) addListener(l *listener) bool {
	return m.step(m.do("", move{kind: moveNothing}, func() { l.remove = m.subject.OnEvent(l.handle) },
		"handler %d is added", l.id))
}

// remove takes a handler off. Doing that twice is doing it once.
func (m *machine) remove(l *listener) command {
	return m.do("", move{kind: moveUnlisten, listener: l}, func() { l.remove(); l.remove() },
		"handler %d is taken off", l.id)
}

func (m *machine) removeListener(p handlePlan) {
	var list []*listener
	for _, l := range m.listeners {
		if l.remove != nil && l.until > m.world.model.Seq && (m.reaction == nil || l.then != m.reaction) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		m.arrive(p.arrival)
		return
	}
	m.step(m.remove(pick(p.nth, list...)))
}

// addReaction adds a handler that calls the subject, once, when it is given an
// event.
func (m *machine) addReaction(p handlePlan) {
	l := m.listen(p.panics)
	var commands []command
	switch p.reaction {
	case "TryAcquire, Release":
		try, c := m.arrival(m.tryAcquire(), nil, true)
		commands = append(commands, try, m.release(c))
	case "Status":
		commands = append(commands, m.status())
	case "SetCapacity":
		commands = append(commands, m.change(m.capacityOf(p.capacity)))
	case "Close":
		commands = append(commands, m.close())
	case takeOff:
		commands = append(commands, m.remove(l))
	}
	l.then = &reaction{
		text: p.reaction,
		on:   func(e bulk.Event) bool { return p.trigger == 0 || e.Kind == p.trigger },
	}
	l.then.call(commands)
	m.reaction = l.then
	m.coverage.hit("handler calls: " + p.reaction)
	if m.addListener(l) {
		m.story.did(func() string {
			return fmt.Sprintf("when it is given an event (%s), it calls: %s", triggerName(p.trigger), p.reaction)
		})
	}
}

func triggerName(kind bulk.EventKind) string {
	if kind == 0 {
		return "any"
	}
	return kind.String()
}

// exit lets a handler end the goroutine on which it is called, whatever that
// does. It costs no slot: who has just arrived leaves again, as abandoned or as
// canceled; what any other call did is done, and all others hear of it.
func (m *machine) exit(p handlePlan) {
	l := m.listen(false)
	l.then = &reaction{text: "runtime.Goexit", exits: true, on: func(bulk.Event) bool { return true }}
	if !m.addListener(l) {
		return
	}
	m.story.did(func() string { return "it ends the goroutine on which it is called, once" })
	if p.panics && !m.addListener(m.listen(false)) { // who comes after it
		return
	}
	if list := m.flying(holdsSlot); p.exit == byArrival && p.panics && len(list) > 0 {
		// Who is queued behind this one has its slots by the time that it leaves.
		holder := pick(p.nth, list...)
		l.then.call([]command{m.release(holder)})
		m.story.did(func() string {
			return fmt.Sprintf("before handler %d ends it, it releases the slot of #%d", l.id, holder.id)
		})
	}
	m.reaction = l.then
	what, ok := m.provoke(p)
	if !ok {
		return
	}
	if m.reaction != nil { // there was no event
		m.reaction, l.then = nil, nil
	} else {
		m.coverage.hit("handler ends its goroutine: " + what)
	}
	m.step(m.remove(l))
}

// provoke does one thing that makes events, on a goroutine that may end. It says
// what, and whether all is well.
func (m *machine) provoke(p handlePlan) (what string, ok bool) {
	var c command
	switch flying := m.flying(anyCall); {
	case p.exit == byRelease && len(flying) > 0:
		c = m.ending(pick(p.nth, flying...), hasReturned)
	case p.exit == byCancel && len(m.cancellable()) > 0:
		c = m.cancel(pick(p.nth, m.cancellable()...))
	case p.exit == byResize:
		c = m.change(m.capacityOf(p.capacity))
	case p.exit == byClose:
		c = m.close()
	case p.exit == byExpiry:
		return p.exit, m.pass(pick(p.nth, 2*ms, ms, 5*ms))
	default:
		c, _ = m.arrival(m.arrivalOf(p.arrival), nil, false)
	}
	return c.kind, m.step(c)
}

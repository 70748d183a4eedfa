package bulkheads

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// actions are what a sequence is made of, each as often as its weight says. One
// that can't be done as things stand is an arrival instead.
var actions = weighted([]action{
	{5, false, (*machine).arriveAny}, {5, false, (*machine).endAny}, {5, false, (*machine).passSome},
	{2, false, (*machine).cancelAny}, {3, false, (*machine).resizeAny}, {3, false, (*machine).inside}, {2, false, (*machine).handle},
	{2, false, (*machine).wait}, {1, false, (*machine).shut}, {1, false, (*machine).stale}, {1, false, (*machine).misuse},
	{1, false, (*machine).churn}, {1, false, (*machine).measure},
	{8, true, (*machine).race}, {4, true, (*machine).tie},
})

type action struct {
	weight int
	ties   bool // it makes several things happen at one instant
	do     func(*machine)
}

func weighted(list []action) (all [2][]func(*machine)) {
	for _, a := range list {
		for range a.weight {
			all[1] = append(all[1], a.do)
			if !a.ties {
				all[0] = append(all[0], a.do) // of calm sequences
			}
		}
	}
	return all
}

// act does one action.
func (m *machine) act() {
	list := actions[1]
	if m.calm {
		list = actions[0]
		// No two operations arrive, or expire, at the same instant.
		if next, ok := m.nextInstant(); ok && next.Sub(m.now) <= 1 {
			m.pass(1)
		} else {
			m.sleepUntil(m.now.Add(1))
		}
	}
	pick(m.dice, list...)(m)
}

// An operation arrives.
func (m *machine) arriveAny() { m.step(m.arrive(m.drawOperation(), nil, false)) }

var exits = []Outcome{Returned, Failed, Returned, Panicked, Exited}

// An operation in flight ends, in any way.
func (m *machine) endAny() {
	list := m.inFlight(anyCall)
	if len(list) == 0 {
		m.arriveAny()
		return
	}
	which := pick(m.dice, list...)
	m.step(m.ending(which, pick(m.dice, exits...)))
}

// A context is canceled, of a waiting operation if there is one.
func (m *machine) cancelAny() {
	if list := m.cancelable(); len(list) > 0 {
		m.step(m.cancel(pick(m.dice, list...), false))
	} else {
		m.arriveAny()
	}
}

// The capacity is changed.
func (m *machine) resizeAny() { m.step(m.change(m.drawChange())) }

// Time passes: until a nanosecond on either side of what happens next, or
// nothing, or much.
func (m *machine) passSome() {
	d := pick(m.dice, ms, 2*ms, 1, 0, time.Hour)
	if next, ok := m.nextInstant(); ok && !m.dice.OneIn(3) {
		left := next.Sub(m.now)
		d = pick(m.dice, left, left-1, left+1)
	}
	m.pass(d)
}

// The subject is closed: seldom, because little can happen afterwards.
func (m *machine) shut() {
	if m.dice.OneIn(3) || m.state.model.Closed {
		m.step(m.close())
	} else {
		m.arriveAny()
	}
}

// Somebody waits for the drain.
func (m *machine) wait() { m.step(m.await(m.drawContext(), m.dice.OneIn(8))) }

// A slot that was released is released once more. Its record may be in use by
// another operation by now.
func (m *machine) stale() {
	if len(m.spent) == 0 {
		m.arriveAny()
		return
	}
	m.counts.Hit("stale release")
	m.step(m.nothing(pick(m.dice, m.spent...).Release, "a slot that was released before is released again"))
}

// Something is called inside an operation, on its goroutine.
func (m *machine) inside() {
	d := m.dice
	hosts := m.inFlight(hasFunction)
	if len(hosts) == 0 {
		m.arriveAny()
		return
	}
	host := pick(d, hosts...)
	c := m.nothing(func() { m.read() }, "inside #%d: Status()", host.id)
	switch slots := m.inFlight(holdsSlot); d.Int(10) {
	case 0, 2, 6, 7:
		c = m.arrive(m.drawOperation(), host, true)
		m.counts.Hit("operation inside an operation")
	case 3:
		c = m.change(m.drawChange())
	case 4:
		if host.ctx.kind != background {
			c = m.cancel(host.ctx, false)
		}
	case 5:
		if len(slots) > 0 {
			c = m.release(pick(d, slots...))
		}
	case 9:
		c = m.close()
	}
	m.counts.Hit("inside an operation")
	m.story.Step()
	m.story.Did("on the goroutine of #%d:", host.id)
	m.do(host, c)
	m.settle()
}

// Many slots are taken and released in a row: some admissions are timed.
func (m *machine) churn() {
	n := pick(m.dice, 3, 3, 70)
	if s := m.state.model; s.Closed || len(s.Room) > 0 || !s.Fits(1) || m.reaction != nil {
		m.arriveAny()
		return
	}
	m.inARow(n)
}

// inARow takes and releases a slot so many times, which is one step: nobody is
// there to come in between.
func (m *machine) inARow(times int) {
	id := m.lastCall + 1
	m.step(m.simple(other, func(s *state) Outcome {
		for range times {
			s.model.Arrive(s.now, model.Arrival{Op: id, Slots: 1}, false)
			s.model.Release(s.now, id)
		}
		s.decided = len(s.model.Decisions) // there is no task to tell
		return Done
	}, func() Outcome {
		for range times {
			slot, ok := m.subject.TryAcquire()
			slot.Release()
			if !ok {
				m.note("TryAcquire() is false though a slot is free and nobody waits")
			}
		}
		return Done
	}, "%d times in a row: TryAcquire(), Release()", times))
}

// As many are admitted as it takes to make one whose time in flight is measured
// the next, and that one has to wait for its slots: its time begins at the grant.
func (m *machine) measure() {
	s := m.state.model
	free := s.Capacity.Parallelism - s.InUse()
	if !m.dice.OneIn(8) || s.Closed || len(s.Room) > 0 || s.Capacity.WaitingRoom == 0 || free < 1 || m.reaction != nil {
		m.arriveAny()
		return
	}
	if before := s.BeforeSample(); before > 1 {
		m.inARow(before - 1) // and the one that fills it
	}
	filler := m.arrive(operation{verb: m.verb("AcquireN"), slots: free}, nil, false)
	m.step(filler)
	measured := m.arrive(m.victim(pick(m.dice, m.verbs...), nil, false), nil, false)
	m.step(measured)
	m.pass(ms)
	m.step(m.release(filler.call))
	m.pass(ms)
	if measured.call.settled == InFlight {
		m.counts.Hit("a measured operation that waited")
		m.step(m.ending(measured.call, Returned))
	}
}

// pairs are what meets at one instant when a race is arranged.
var pairs = [][]kind{
	{expiry, release}, {cancel, release}, {deadlines, release}, {cancel, resize}, {expiry, deadlines},
	{expiry, resize}, {deadlines, resize}, {cancel, expiry}, {arrival, release}, {arrival, cancel},
	{arrival, expiry}, {release, resize}, {expiry, expiry}, {cancel, cancel}, {arrival, arrival},
	{closing, expiry}, {closing, release}, {cancel, closing}, {closing, deadlines}, {closing, resize},
}

// timely is when a race takes place that waits for an instant.
const timely = 2 * ms

// A race is arranged: all slots are taken, one operation waits, and two things
// happen to it at one instant.
func (m *machine) race() {
	d, s := m.dice, m.state.model
	if s.Closed || len(s.Room)+1 >= s.Capacity.WaitingRoom {
		m.arriveAny()
		return
	}
	between := pick(d, pairs...)
	slowly, behind := d.OneIn(3), d.OneIn(2)
	if free := s.Capacity.Parallelism - s.InUse(); free > 0 && len(s.Room) == 0 {
		m.step(m.arrive(operation{verb: m.verb("AcquireN"), slots: free}, nil, false))
	}
	o := m.victim(pick(d, m.verbs...), between, slowly)
	victim := m.arrive(o, nil, false)
	m.step(victim)
	if behind {
		o.slots = 1
		if !slices.Equal(between, []kind{cancel, cancel}) {
			o.ctx = nil
		}
		m.step(m.arrive(o, nil, false))
	}
	at := m.now
	if slices.Contains(between, expiry) || slices.Contains(between, deadlines) {
		at = at.Add(timely)
		if next, ok := m.nextInstant(); ok && next.Before(at) {
			m.pass(timely - 1) // what comes earlier is no part of it
		}
	}
	m.meet(at, between, victim.call, slowly)
}

// victim returns the operation that a race is about: it comes with what can end
// its wait in the ways that are wanted.
func (m *machine) victim(v *verb, between []kind, slowly bool) operation {
	o := operation{verb: v, slots: 1}
	if v.yesOrNo() || v.name == guard1 {
		o.verb = m.verb("Acquire")
	}
	if o.verb.sized {
		o.slots = min(pick(m.dice, 1, 1, 2), m.state.model.Capacity.Parallelism)
	}
	k := cancelable
	if slowly {
		k = foreign
	}
	if slices.Contains(between, deadlines) {
		k = timed
	}
	o.ctx = m.newContext(k, timely)
	if slices.Contains(between, expiry) {
		o.limits = []deadline.Limit{deadline.Within(timely)}
	}
	return o
}

// Any two or three things happen at one instant, perhaps one at which something
// happens by itself.
func (m *machine) tie() {
	at := m.now
	if next, ok := m.nextInstant(); ok && m.dice.OneIn(2) {
		at = next
	}
	var kinds []kind
	for range pick(m.dice, 2, 3, 2) {
		kinds = append(kinds, pick(m.dice, release, arrival, cancel, again, resize, release, waitFor, closing))
	}
	m.meet(at, kinds, nil, false)
}

// meet lets things happen at one instant, together with all that is due then:
// one after the other on one goroutine, or each on its own. What is to happen to
// a victim happens to that one.
func (m *machine) meet(at time.Time, kinds []kind, victim *call, slowly bool) {
	d := m.dice
	m.story.Step()
	if at.After(m.now) {
		m.sleepUntil(at)
		m.story.Did("time passes until %v, and", at.Sub(m.start))
	}
	var commands []command
	busy := make(map[*call]bool)
	free := func(which func(*call) bool) []*call {
		return m.inFlight(func(c *call) bool { return !busy[c] && which(c) })
	}
	for _, k := range kinds {
		switch k {
		case release:
			if list := free(anyCall); len(list) > 0 {
				c := pick(d, list...)
				busy[c] = true
				commands = append(commands, m.ending(c, pick(d, exits...)))
			}
		case again:
			if list := free(holdsSlot); len(list) > 0 {
				c := pick(d, list...)
				busy[c] = true
				commands = append(commands, m.release(c), m.release(c))
				m.counts.Hit("double release")
			}
		case cancel:
			if victim != nil && !slowly {
				commands = append(commands, m.cancel(victim.ctx, false))
			} else if list := m.cancelable(); victim == nil && len(list) > 0 {
				commands = append(commands, m.cancel(pick(d, list...), false))
			}
		case arrival:
			commands = append(commands, m.arrive(m.drawOperation(), nil, false))
		case resize:
			commands = append(commands, m.change(m.drawChange()))
		case waitFor:
			commands = append(commands, m.await(m.drawContext(), d.OneIn(4)))
		case closing:
			commands = append(commands, m.close())
		}
	}
	apart, backwards := d.OneIn(3), d.OneIn(2)
	if backwards {
		slices.Reverse(commands)
	}
	if slowly && slices.Contains(kinds, cancel) {
		// All else happens after the ctx has ended, and before its Done channel is
		// closed.
		first, last := m.cancel(victim.ctx, true), m.nothing(victim.ctx.end, "the Done channel of %v is closed", victim.ctx)
		commands, apart = append(slices.Insert(commands, 0, first), last), false
	}
	m.tied = m.dueKinds()
	for _, c := range commands {
		if c.kind != other {
			m.tied = append(m.tied, c.kind)
		}
	}
	if apart {
		for _, c := range commands {
			m.do(nil, c)
		}
	} else {
		m.do(nil, commands...)
	}
	m.settle()
}

// dueKinds returns what happens by itself at this instant.
func (m *machine) dueKinds() (kinds []kind) {
	for i := range m.state.tasks {
		switch t := &m.state.tasks[i]; {
		case t.phase == waiting && m.state.due(t):
			kinds = append(kinds, expiry)
		case (t.phase == waiting || t.phase == draining) && m.state.uncertain(t.ctx):
			kinds = append(kinds, deadlines)
		}
	}
	return kinds
}

// triggers are the events to which handlers react; 0 is any.
var triggers = []bulk.EventKind{0, bulk.EventReleased, bulk.EventAdmitted, bulk.EventQueued, bulk.EventExpired,
	bulk.EventCanceled, bulk.EventResized, bulk.EventAbandoned, bulk.EventClosed, bulk.EventDrained}

// A handler is added, removed, told to call back, or to end the goroutine on
// which it is called.
func (m *machine) handle() {
	d := m.dice
	what, panics := d.Int(6), d.OneIn(3)
	switch {
	case what == 1:
		m.addListener(m.listen(panics))
	case what == 3:
		m.removeListener()
	case m.reaction != nil: // one at a time
		m.arriveAny()
	case what == 0 || what == 4:
		m.react(m.listen(panics))
	default:
		m.exit()
	}
}

func (m *machine) addListener(l *listener) {
	m.step(m.nothing(func() { l.remove = m.subject.OnEvent(l.handle) }, "handler %d is added", l.id))
}

func (m *machine) removeListener() {
	var list []*listener
	for _, l := range m.listeners {
		if l.remove != nil && l.until > m.state.model.Seq && (m.reaction == nil || l.then != m.reaction) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		m.arriveAny()
		return
	}
	m.step(m.remove(pick(m.dice, list...)))
}

// react adds a handler that calls the subject, once, when it is given an event.
func (m *machine) react(l *listener) {
	r := &reaction{on: pick(m.dice, triggers...)}
	name := pick(m.dice, "TryAcquire, Release", "Status", "SetCapacity", "remove", "Close")
	switch name {
	case "TryAcquire, Release":
		try := m.arrive(operation{verb: m.verb("TryAcquire")}, nil, true)
		r.do = []command{try, m.release(try.call)}
	case "Status":
		r.do = []command{m.nothing(func() { m.read() }, "Status()")}
	case "SetCapacity":
		r.do = []command{m.change(m.drawChange())}
	case "remove":
		r.do, r.removes = []command{m.remove(l)}, true
	case "Close":
		r.do = []command{m.close()}
	}
	l.then, m.reaction = r, r
	m.counts.Hit("handler calls: ", name)
	event := "any event"
	if r.on != 0 {
		event = r.on.String()
	}
	m.addListener(l)
	m.story.Came("when it is given %s, it calls once: %s", event, name)
}

// exit lets a handler end the goroutine on which it is called, whatever that
// does. It costs no slot: an operation that has just arrived leaves again, as
// abandoned or as canceled; what any other call did is done, and all others hear
// of it.
func (m *machine) exit() {
	d := m.dice
	l := m.listen(false)
	l.then = &reaction{exits: true}
	m.addListener(l)
	m.story.Came("it ends the goroutine on which it is called, once")
	what, more := d.Int(8), d.OneIn(3)
	if more {
		m.addListener(m.listen(false)) // which comes after it
	}
	if list := m.inFlight(holdsSlot); more && what == 0 && len(list) > 0 {
		// An operation that is queued has its slots by the time that it leaves.
		holder := pick(d, list...)
		l.then.do = []command{m.release(holder)}
		m.story.Came("before it ends it, it releases the slot of #%d", holder.id)
	}
	r := l.then
	m.reaction = r
	k := m.provoke(what)
	if m.reaction == r { // there was no event
		m.reaction, l.then = nil, nil
	} else {
		m.counts.Hit("handler ends its goroutine: ", k.String())
	}
	m.step(m.remove(l))
}

// provoke does one thing that makes events, on a goroutine that may end, and
// returns what.
func (m *machine) provoke(what int) kind {
	d := m.dice
	c := command{}
	switch flying, ctxs := m.inFlight(anyCall), m.cancelable(); {
	case what == 3:
		m.pass(pick(d, 2*ms, ms, 5*ms))
		return expiry
	case (what == 1 || what == 6) && len(flying) > 0:
		c = m.ending(pick(d, flying...), Returned)
	case what == 2 && len(ctxs) > 0:
		c = m.cancel(pick(d, ctxs...), false)
	case what == 4:
		c = m.change(m.drawChange())
	case what == 7:
		c = m.close()
	default:
		c = m.arrive(m.drawOperation(), nil, false)
	}
	m.step(c)
	return c.kind
}

package propcheck

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/propcheck/model"
)

// action is one kind of step, or of a few steps, of which a sequence is made.
type action struct {
	name   string
	weight int
	ties   bool // it makes several things happen at one instant
	do     func(*rapid.T) func(*machine)
}

// plan hides a plan from the log of rapid, because the story tells more.
type plan[P any] struct{ plan P }

func (plan[P]) GoString() string { return "see the story" }

func act[P any](name string, weight int, plans *rapid.Generator[P], do func(*machine, P)) action {
	hidden := rapid.Map(plans, func(p P) plan[P] { return plan[P]{p} })
	return action{name: name, weight: weight, do: func(t *rapid.T) func(*machine) {
		p := hidden.Draw(t, name)
		return func(m *machine) { do(m, p.plan) }
	}}
}

func (a action) withTies() action {
	a.ties = true
	return a
}

// actions are what a sequence is made of. One that can't be done as things stand
// is an arrival instead.
var actions = []action{
	act("arrive", 5, arrivals, (*machine).arrive),
	act("cancel", 2, nth, (*machine).cancelOne),
	act("churn", 1, churns, (*machine).churn),
	act("measure", 1, measures, (*machine).measure),
	act("end", 5, ends, (*machine).endOne),
	act("handle", 2, handles, (*machine).handle),
	act("inside", 3, insides, (*machine).inside),
	act("misuse", 1, rapid.Just(0), (*machine).misuse),
	act("pass", 5, passes, (*machine).passSome),
	act("race", 8, racePlans, (*machine).race).withTies(),
	act("resize", 3, capacities, (*machine).resize),
	act("shut", 1, third, (*machine).shut),
	act("stale", 1, nth, (*machine).stale),
	act("tie", 4, ties, (*machine).tie).withTies(),
	act("wait", 2, waits, (*machine).wait),
}

// repertoire returns the actions in the form that rapid repeats: each as often
// as its weight says, done to whichever machine is at hand.
func repertoire(calm bool, verdict func(*rapid.T), atHand func() *machine) map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){"": verdict}
	for _, a := range actions {
		if a.ties && calm {
			continue
		}
		for i := range a.weight {
			all[fmt.Sprintf("%s %d", a.name, i)] = func(t *rapid.T) {
				do := a.do(t)
				m := atHand()
				if m.tick(); !m.failed {
					do(m)
				}
			}
		}
	}
	return all
}

// step does things one after the other, waits and compares.
func (m *machine) step(commands ...command) bool { return m.stepIn(nil, commands...) }

// stepIn does them inside an operation.
func (m *machine) stepIn(host *call, commands ...command) bool {
	m.story.next()
	m.perform(host, commands...)
	return m.settle()
}

// An operation arrives.
func (m *machine) arrive(p arrivalPlan) {
	c, _ := m.arrival(m.arrivalOf(p), nil, false)
	m.step(c)
}

// instead is done when an action can't be.
func (m *machine) instead() { m.arrive(arrivalPlan{}) }

// An operation in flight ends, in any way.
func (m *machine) endOne(p endPlan) {
	if list := m.flying(anyCall); len(list) > 0 {
		m.step(m.ending(pick(p.nth, list...), p.exit))
	} else {
		m.instead()
	}
}

// A context is canceled, of a waiting operation if there is one.
func (m *machine) cancelOne(nth int) {
	if list := m.cancellable(); len(list) > 0 {
		m.step(m.cancel(pick(nth, list...)))
	} else {
		m.instead()
	}
}

// The capacity is changed, perhaps to what it is, perhaps to what can't be.
func (m *machine) resize(p capacityPlan) { m.step(m.change(m.capacityOf(p))) }

// The subject is closed: seldom, because little can happen afterwards.
func (m *machine) shut(really bool) {
	if really || m.world.model.Closed {
		m.step(m.close())
	} else {
		m.instead()
	}
}

// waitPlan is somebody who waits for the drain.
type waitPlan struct {
	context  contextPlan
	shutdown bool
}

var waits = rapid.Custom(func(t *rapid.T) waitPlan { return waitPlan{contextPlans.Draw(t, ""), seldom.Draw(t, "")} })

func (m *machine) wait(p waitPlan) { m.step(m.await(m.contextOf(p.context), p.shutdown)) }

// A slot that was released is released once more. Its record may be in use by
// another operation by now.
func (m *machine) stale(nth int) {
	if len(m.spent) == 0 {
		m.instead()
		return
	}
	m.coverage.hit("stale release")
	m.step(m.again(pick(nth, m.spent...)))
}

var churns = from(3, 3, 70)

// Many slots are taken and released in a row: one of 64 admissions is timed.
func (m *machine) churn(times int) {
	if w := m.world.model; w.Closed || len(w.Room) > 0 || !w.Fits(1) {
		m.instead()
		return
	}
	m.step(m.inARow(times)...)
}

// inARow takes and releases a slot so many times.
func (m *machine) inARow(times int) []command {
	var commands []command
	for range times {
		try, c := m.arrival(m.tryAcquire(), nil, true)
		release := m.release(c)
		try.text, release.text = nil, nil
		if len(commands) == 0 {
			try.text = func() string { return fmt.Sprintf("%d times in a row: TryAcquire(), Release() (#%d …)", times, c.id) }
		}
		commands = append(commands, try, release)
	}
	return commands
}

// measurePlan is an operation whose time in flight is to be measured.
type measurePlan struct {
	really  bool // it takes as long as ten other actions
	arrival arrivalPlan
}

var measures = rapid.Custom(func(t *rapid.T) measurePlan {
	return measurePlan{seldom.Draw(t, ""), arrivals.Draw(t, "")}
})

// As many are admitted as it takes to make one whose time in flight is measured
// the next, and that one has to wait for its slots: its time begins at the grant.
func (m *machine) measure(p measurePlan) {
	w := m.world.model
	free := w.Capacity.Parallelism - w.InUse()
	if !p.really || w.Closed || len(w.Room) > 0 || w.Capacity.WaitingRoom == 0 || free < 1 {
		m.arrive(p.arrival)
		return
	}
	before := 0
	for !model.Sampled(w.Totals.Admitted + uint64(before) + 1) {
		before++
	}
	if before > 0 && !m.step(m.inARow(before)...) {
		return
	}
	all, filler := m.arrival(arrivalSpec{verb: m.verbNamed("AcquireN"), slots: free}, nil, false)
	if !m.step(all) {
		return
	}
	next, measured := m.arrival(m.victim(racePlan{victim: p.arrival, slots: 1}), nil, false)
	if m.step(next) && m.pass(ms) && m.step(m.release(filler)) && m.pass(ms) && measured.settled == isInFlight {
		m.coverage.hit("a measured operation that waited")
		m.step(m.ending(measured, hasReturned))
	}
}

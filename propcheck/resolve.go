package propcheck

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// What plans mean as things stand.

// pick returns the nth of a list, as often round as it takes.
func pick[E any](nth int, list ...E) E { return list[nth%len(list)] }

// arrivalSpec is an operation that is to arrive.
type arrivalSpec struct {
	verb    *verb
	slots   int
	context contextSpec
	limits  []deadline.Limit
	guard   guardFunc // that of an earlier call
}

func (m *machine) arrivalOf(p arrivalPlan) arrivalSpec {
	a := arrivalSpec{verb: &m.verbs[p.verb%len(m.verbs)], slots: 1}
	if a.verb.n {
		fit := m.world.model.Capacity.Parallelism
		a.slots = pick(p.slots, 1, 2, fit, 2, fit+1, fit, 3, math.MaxInt)
	}
	if a.verb.try != nil {
		a.limits = noWait
		return a
	}
	a.context = m.contextOf(p.context)
	if a.verb.name == guard1 && p.kept && len(m.guards) > 0 {
		kept := pick(p.guard, m.guards...)
		a.limits, a.guard = kept.limits, kept.guard
		return a
	}
	for _, l := range p.limits {
		a.limits = append(a.limits, m.limitOf(l, a.context))
	}
	return a
}

// describe tells of an operation; ctx is nil as long as it has none.
func (a arrivalSpec) describe(ctx *contextRef) string {
	var args []string
	if a.verb.try == nil {
		args = append(args, ctx.describe())
	}
	if a.verb.n {
		args = append(args, fmt.Sprint(a.slots))
	}
	if a.verb.try == nil {
		for _, l := range a.limits {
			args = append(args, l.String())
		}
	}
	return fmt.Sprintf("%s(%s)", a.verb.name, strings.Join(args, ", "))
}

// contextSpec is a context that a call is to come with.
type contextSpec struct {
	kind  contextKind
	dies  time.Duration
	index int // of one that is there
}

func (m *machine) contextOf(p contextPlan) contextSpec {
	switch p.kind {
	case shared:
		if m.calm {
			return contextSpec{kind: cancellable}
		}
		// A few recent ones, so that several calls share one.
		recent := m.contexts[max(0, len(m.contexts)-4):]
		return contextSpec{kind: shared, index: pick(p.nth, recent...).id}
	case deadDeadline:
		return contextSpec{kind: p.kind, dies: -p.dies}
	}
	return contextSpec{kind: p.kind, dies: p.dies}
}

// deadline returns when a context will end that is to be made now.
func (m *machine) deadline(s contextSpec) (time.Time, bool) {
	switch s.kind {
	case withDeadline, withDeadlineCause, deadDeadline:
		return m.now.Add(s.dies), true
	case shared:
		return m.contexts[s.index].Deadline()
	}
	return time.Time{}, false
}

func (m *machine) limitOf(p limitPlan, ctx contextSpec) deadline.Limit {
	switch p.kind {
	case nowLimit:
		return deadline.NoWait()
	case withinLimit:
		return deadline.Within(pick(p.nth, 2*ms, ms, 3*ms, 5*ms, 0, -1, 1, math.MaxInt64, math.MinInt64, time.Hour, math.MaxInt64-1))
	case beforeLimit:
		ages := m.now.AddDate(1000, 0, 0)
		in := func(d time.Duration) time.Time { return m.now.Add(d) }
		return deadline.Before(pick(p.nth, in(2*ms), in(ms), in(3*ms), in(5*ms), in(0), in(1), in(-1), in(-ms),
			time.Time{}, ages, m.now.AddDate(-1000, 0, 0)))
	case reserveLimit:
		if dies, ok := m.deadline(ctx); ok {
			// Around what is left: exactly as much is enough.
			left := dies.Sub(m.now)
			return deadline.Reserve(pick(p.nth, left, left-ms, left+1, left-1, ms, 2*ms, 0, -1, math.MaxInt64))
		}
		return deadline.Reserve(pick(p.nth, ms, 0, -1, math.MaxInt64, math.MinInt64))
	}
	return deadline.Limit{}
}

// capacityOf returns what is to be set, and whether through Resize.
func (m *machine) capacityOf(p capacityPlan) (c bulk.Capacity, resize bool) {
	c = m.world.model.Capacity
	if p.parallelism != keep {
		c.Parallelism = p.parallelism
	}
	if p.whole && p.room != keep {
		c.WaitingRoom = p.room
	}
	if p.whole && p.limit != keep {
		c.WaitLimit = p.limit
	}
	return c, !p.whole
}

// flying returns those in flight that can be told what to do next: nothing runs
// inside them.
func (m *machine) flying(which func(*call) bool) []*call {
	var list []*call
	for _, c := range m.calls {
		if c.settled == isInFlight && c.inner == nil && which(c) {
			list = append(list, c)
		}
	}
	return list
}

func anyCall(*call) bool       { return true }
func hasFunction(c *call) bool { return c.verb.run != nil }
func holdsSlot(c *call) bool   { return c.verb.run == nil }
func (m *machine) tryAcquire() arrivalSpec {
	return arrivalSpec{verb: m.verbNamed("TryAcquire"), slots: 1, limits: noWait}
}

func (m *machine) verbNamed(name string) *verb {
	for i := range m.verbs {
		if m.verbs[i].name == name {
			return &m.verbs[i]
		}
	}
	return nil
}

// cancellable returns the contexts that are alive and can be canceled, those of
// waiting calls before the others.
func (m *machine) cancellable() []*contextRef {
	var waited, others []*contextRef
	for _, r := range m.contexts[1:] {
		if m.world.contextDone(r.id) {
			continue
		}
		waits := false
		for i := range m.world.tasks {
			t := &m.world.tasks[i]
			waits = waits || t.context == r.id && (t.phase == waiting || t.phase == draining)
		}
		if waits {
			waited = append(waited, r)
		} else {
			others = append(others, r)
		}
	}
	return append(waited, others...)
}

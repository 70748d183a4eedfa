package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

const ms = time.Millisecond

func pick[E any](d *kit.Dice, list ...E) E { return kit.Pick(d, list...) }

// command is something to be done to the subject.
type command struct {
	id        int // below 0
	kind      kind
	text      string
	run       func()       // does it
	apply     func(*state) // what it does to a state
	operation *operation   // the new one, if it begins one
	private   bool         // what it does touches no other operation yet
	cancels   *ctxRef
}

// kind is what a command is, or what happens by itself, where several meet at
// one instant.
type kind string

const (
	other   kind = "other"
	arrival kind = "arrival"
	release kind = "release"
	cancel  kind = "cancel"
	resize  kind = "resize"
	closing kind = "close"
	await   kind = "wait"
	expiry  kind = "expiry" // a bound is reached
	timeout kind = "deadline"
)

func nothing(*state) {}

// begin is an operation that begins, on a goroutine of its own.
func (m *machine) begin(k kind, p phase, v *verb, slots int, ctx *ctxRef, limits ...deadline.Limit) command {
	m.last++
	if !v.sized {
		slots = 1
	}
	if v.try { // TryAcquire is Acquire with a background context and deadline.NoWait
		ctx, limits = m.contexts[0], []deadline.Limit{deadline.NoWait()}
	}
	o := &operation{m: m, verb: v, slots: slots, ctx: ctx, fate: fate{Outcome: Waiting}}
	o.Operation = kit.Operation{ID: m.last, Ctx: ctx.Context, Limits: limits, End: make(chan kit.Ending, 1), Moved: o.moved}
	o.describe()
	m.Hit("verb %s", v.name)
	return command{kind: k, text: o.text, operation: o, private: true, run: func() { go o.Serve(func() (int, error) { return v.run(o) }) },
		apply: func(s *state) { s.tasks = append(s.tasks, task{operation: o, phase: p, fate: fate{Outcome: Waiting}}) }}
}

func (m *machine) arrive(v *verb, slots int, ctx *ctxRef, limits ...deadline.Limit) command {
	return m.begin(arrival, arriving, v, slots, ctx, limits...)
}

// ending ends an operation in flight.
func (m *machine) ending(o *operation, end kit.Ending) command {
	m.busy = append(m.busy, o)
	return command{kind: release, text: fmt.Sprintf("#%d: %s", o.ID, end.Exit), private: true, run: func() { o.End <- end },
		apply: func(s *state) {
			t := s.task(o.ID)
			t.phase, t.end = ending, Outcome(end.Exit)
		}}
}

func (m *machine) cancel(c *ctxRef) command {
	return command{kind: cancel, text: c.text + " is canceled", run: c.end, apply: func(s *state) { s.ended[c.id] = true }, cancels: c}
}

func (m *machine) close() command {
	return command{kind: closing, text: "Close()", run: func() { m.demand(m.subject.Close() == nil, "Close returned an error") },
		apply: func(s *state) { s.model.Close(s.now) }}
}

// drain is a Wait, or a Shutdown, with a context that can be ended if the subject never
// drains.
func (m *machine) drain(k kind, p phase, name string, call func(context.Context) error) command {
	ctx := m.drawContext()
	if ctx.end == nil {
		ctx = m.newContext(ctxKind{})
	}
	return m.begin(k, p, &verb{name: name, waits: true, run: func(o *operation) (int, error) { return 0, call(o.Ctx) }}, 0, ctx)
}

func (m *machine) verb(name string) *verb {
	return m.verbs[slices.IndexFunc(m.verbs, func(v *verb) bool { return v.name == name })]
}

// drawArrival chooses an operation.
func (m *machine) drawArrival() command {
	d, v := m.d, pick(m.d, m.verbs...)
	fit := max(1, m.state.model.Capacity.Parallelism)
	slots := pick(d, 1, 2, fit, 2, max(fit, fit+1), fit, 3, math.MaxInt)
	ctx := m.drawContext()
	var limits []deadline.Limit
	for range pick(d, 0, 1, 0, 2, 1, 3) {
		limits = append(limits, m.drawLimit(ctx))
	}
	return m.arrive(v, slots, ctx, limits...)
}

// drawLimit chooses a limit around what makes a difference now.
func (m *machine) drawLimit(ctx *ctxRef) deadline.Limit {
	d := m.d
	in := func(d time.Duration) deadline.Limit { return deadline.Before(m.now.Add(d)) }
	years := func(n int) deadline.Limit { return deadline.Before(m.now.AddDate(n, 0, 0)) }
	switch d.Int(8) {
	case 0, 4:
		return deadline.Within(pick(d, 2*ms, ms, 3*ms, 5*ms, 0, -1, 1, math.MaxInt64, math.MinInt64, time.Hour, math.MaxInt64-1))
	case 1, 5:
		return pick(d, in(2*ms), in(ms), in(3*ms), in(5*ms), in(0), in(1), in(-1), in(-ms), deadline.Before(time.Time{}), years(1000), years(-1000))
	case 2, 6:
		left := ctx.deadline.Sub(m.now) // exactly as much is enough
		if ctx.deadline.IsZero() {
			left = math.MaxInt64 / 2
		}
		return deadline.Reserve(pick(d, left, left-ms, left+1, left-1, ms, 2*ms, 0, -1, math.MaxInt64, math.MinInt64))
	case 3:
		return deadline.NoWait()
	}
	return deadline.Limit{}
}

// drawChange chooses a change of the capacity, perhaps to what it is, perhaps to
// what is not allowed; through any of the three methods.
func (m *machine) drawChange() command {
	d, to, parallelism := m.d, m.state.model.Capacity, m.state.model.Capacity.Parallelism
	to.Parallelism = pick(d, 1, 2, 3, 4, parallelism, 1, 2, 0, -1, bulk.Unlimited)
	to.WaitingRoom, to.WaitLimit = pick(d, to.WaitingRoom, 2, 0, 1, 5, to.WaitingRoom, -1), pick(d, to.WaitLimit, 3*ms, 0, 5*ms, to.WaitLimit, -1)
	to.DelayTarget = pick(d, to.DelayTarget, 0, ms, 2*ms)
	to.DelayInterval = pick(d, 2*to.DelayTarget, 3*to.DelayTarget, 1)
	var got error
	first, resized, returned := true, false, false // not returned if a handler ended the goroutine
	text, change, set := kit.Change(d, m.subject, to, func() {
		if first && m.calm && m.exiting == nil { // no concurrent change is lost
			resized = true
			_ = m.subject.Resize(to.Parallelism)
		}
		first = false
	})
	return command{kind: resize, text: text, run: func() {
		got = set()
		returned = true
	}, apply: func(s *state) {
		if c := s.model.Capacity; resized {
			c.Parallelism = to.Parallelism
			s.model.SetCapacity(s.now, c)
			s.statuses = append(s.statuses, s.model.Status(s.now))
		}
		want := s.model.SetCapacity(s.now, change(s.model.Capacity))
		var admission *bulk.AdmissionError
		if returned && (!errors.Is(got, want) || errors.As(got, &admission)) {
			s.wrong = fmt.Sprintf("%s returned %v; by the contract %v", text, got, want)
		}
		m.Hit("a change: %v", want)
	}}
}

// draw chooses a command of a kind, or else an arrival, if there is none as things
// stand.
func (m *machine) draw(k kind) command {
	d := m.d
	flying, ctxs := m.inFlight(), m.cancelable()
	switch {
	case k == release && len(flying) > 0:
		o := pick(d, flying...)
		return m.ending(o, kit.DrawEnding(d, o.ID, nil, nil, m.rejected, kit.Overloaded(), o.ctx.cause))
	case k == cancel && len(ctxs) > 0:
		return m.cancel(pick(d, ctxs...))
	case k == resize:
		return m.drawChange()
	case k == closing && d.OneIn(2):
		return m.drain(closing, shutting, "Shutdown", m.subject.Shutdown)
	case k == closing:
		return m.close()
	case k == await:
		return m.drain(await, draining, "Wait", m.subject.Wait)
	case k == other && d.OneIn(3): // seldom, because little can happen afterwards
		return m.draw(closing)
	case k == other && len(m.spent) > 0: // its record may be in use by another operation by now
		return command{text: "a slot that was released is released again", run: pick(d, m.spent...).Release, apply: nothing}
	}
	return m.drawArrival()
}

// inFlight returns the operations in flight that were not told to end in this step.
func (m *machine) inFlight() (list []*operation) {
	for _, t := range m.state.tasks {
		if t.phase == running && !slices.Contains(m.busy, t.operation) {
			list = append(list, t.operation)
		}
	}
	return list
}

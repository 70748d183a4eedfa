package bulkheads

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// kind is what a command is, or what happens by itself, where several meet at
// one instant.
type kind uint8

const (
	other kind = iota
	arrival
	release
	cancel
	resize
	closing
	waitFor
	expiry    // a bound is reached
	deadlines // a ctx's deadline is reached
	again     // the same slot is released twice
)

func (k kind) String() string {
	return [...]string{"other", "arrival", "release", "cancel", "resize", "close", "wait", "expiry", "deadline", "again"}[k]
}

const ms = time.Millisecond

// spans are short times. There are few, so that bounds coincide.
var spans = []time.Duration{2 * ms, ms, 3 * ms, 5 * ms, 1}

func pick[E any](d *kit.Dice, list ...E) E { return kit.Pick(d, list...) }

// begin returns what brings a new call into a state, in this phase.
func begin(c *call, p phase) func(*state, int) {
	return func(s *state, after int) { s.tasks = append(s.tasks, task{call: c, phase: p, after: after}) }
}

// simple is a call that does in one step what apply does to a state, or nothing
// if that is nil.
func (m *machine) simple(k kind, apply func(*state) Outcome, run func() Outcome, format string, args ...any) command {
	c := m.newCall(format, args...)
	c.apply = apply
	return command{kind: k, call: c, text: c, into: begin(c, calling), run: func() { c.perform(run) }}
}

// nothing is a call that changes nothing.
func (m *machine) nothing(run func(), format string, args ...any) command {
	return m.simple(other, nil, func() Outcome { run(); return Done }, format, args...)
}

// operation is how an operation arrives.
type operation struct {
	verb   *verb
	slots  int
	ctx    *ctxRef
	limits []deadline.Limit
	kept   *call // its function is that of this call of Guard1
}

// arrive is an operation that arrives: on a goroutine of its own, or on that of
// the operation host, or inline, on that of whoever does the command.
func (m *machine) arrive(o operation, host *call, inline bool) command {
	c := m.newCall("")
	c.verb, c.slots, c.ctx, c.limits, c.gate = o.verb, max(1, o.slots), o.ctx, o.limits, make(chan order)
	if c.ctx == nil {
		c.ctx = m.contexts[0]
	}
	c.text = c.describe
	switch {
	case o.kept != nil:
		c.limits, c.guard = o.kept.limits, o.kept.guard
	case c.verb.name == guard1:
		c.guard = bulk.Guard1(m.bulkhead, func(ctx context.Context, c *call) (int, error) { return c.body(ctx) }, c.limits...)
		m.guards = append(m.guards, c)
	}
	if c.verb.yesOrNo() { // TryAcquire is Acquire with deadline.NoWait
		c.limits, c.ctx = []deadline.Limit{deadline.NoWait()}, m.contexts[0]
	}
	m.counts.Hit("verb ", c.verb.name)
	command := command{kind: arrival, call: c, text: c, into: begin(c, arriving), run: c.operate}
	switch {
	case host != nil:
		c.outer, host.inner = host, c
	case !inline:
		command.apart, command.run = true, c.launch
	}
	return command
}

// describe tells of an operation.
func (c *call) describe() string {
	var args []string
	if !c.verb.yesOrNo() {
		args = append(args, c.ctx.String())
	}
	if c.verb.sized {
		args = append(args, fmt.Sprint(c.slots))
	}
	for _, l := range c.limits {
		if !c.verb.yesOrNo() {
			args = append(args, l.String())
		}
	}
	inside := ""
	if c.outer != nil {
		inside = fmt.Sprintf("inside #%d: ", c.outer.id)
	}
	return fmt.Sprintf("#%d %s%s(%s)", c.id, inside, c.verb.name, strings.Join(args, ", "))
}

// ending ends an operation in flight.
func (m *machine) ending(c *call, end Outcome) command {
	if c.verb.run == nil {
		return m.release(c)
	}
	o := order{end: end, value: c.id, err: m.resultOf(c, end)}
	return command{kind: release, text: fmt.Sprintf("#%d is %v", c.id, end),
		into: func(s *state, after int) {
			t := s.task(c.id)
			t.phase, t.end, t.after = ending, end, after
		},
		run: func() { c.gate <- o }}
}

// release releases the slot of c, from the goroutine of whoever does it.
func (m *machine) release(c *call) command {
	return m.simple(release, func(s *state) Outcome {
		if s.model.IsInFlight(c.id) {
			s.model.Release(s.now, c.id)
			s.finish(s.task(c.id), Released)
		}
		return Done
	}, func() Outcome {
		m.mu.Lock()
		slot := c.slot
		m.mu.Unlock()
		defer func() { // also if a handler ends the goroutine
			m.mu.Lock()
			defer m.mu.Unlock()
			if c.outcome == InFlight {
				c.outcome, c.at = Released, m.now
			}
		}()
		slot.Release()
		return Done
	}, "#%d's slot is released", c.id)
}

// cancel cancels a context. Of a foreign one slowly says that this is only the
// first half: whoever looks must see that it has ended, but nobody is woken yet.
func (m *machine) cancel(c *ctxRef, slowly bool) command {
	end, how := c.end, "is canceled"
	if slowly {
		end, how = c.half, "has ended, and its Done channel is still open"
	}
	command := m.simple(cancel, func(s *state) Outcome { s.ended[c.id] = true; return Done }, func() Outcome { end(); return Done }, "%v %s", c, how)
	command.call.cancels = c
	return command
}

func (m *machine) close() command {
	return m.simple(closing, func(s *state) Outcome { s.model.Close(s.now); return Done }, func() Outcome {
		if err := m.subject.Close(); err != nil {
			m.note("Close returned %v", err)
		}
		return Done
	}, "Close()")
}

// change is a change of the capacity.
type change struct {
	to     bulk.Capacity
	resize bool // only the parallelism, through Resize
}

func (m *machine) change(c change) command {
	apply := func(s *state) Outcome {
		to := c.to
		if c.resize {
			to = s.model.Capacity
			to.Parallelism = c.to.Parallelism
		}
		return map[model.SetResult]Outcome{model.Changed: Done, model.Unchanged: Done, model.Invalid: Invalid,
			model.RejectedClosed: RejectedClosed}[s.model.SetCapacity(s.now, to)]
	}
	if c.resize {
		return m.setting(apply, func() error { return m.subject.Resize(c.to.Parallelism) }, "Resize(%d)", c.to.Parallelism)
	}
	return m.setting(apply, func() error { return m.subject.SetCapacity(c.to) }, "SetCapacity(%+v)", c.to)
}

func (m *machine) setting(apply func(*state) Outcome, set func() error, format string, args ...any) command {
	var c command
	c = m.simple(resize, apply, func() Outcome { return c.call.set(set()) }, format, args...)
	return c
}

// await is Wait, or Shutdown.
func (m *machine) await(ctx *ctxRef, shutdown bool) command {
	name, wait, p := "Wait", m.subject.Wait, draining
	if ctx.kind == background {
		// One that looks the same, but can be ended if the subject never drains.
		ctx = m.newContext(cancelable, 0)
	}
	c := m.newCall("")
	if shutdown {
		name, wait, p = "Shutdown", m.subject.Shutdown, calling
		c.apply = func(s *state) Outcome { s.model.Close(s.now); return Done }
	}
	c.text = func() string { return fmt.Sprintf("#%d %s(%v)", c.id, name, ctx) }
	c.ctx, c.waits = ctx, true
	return command{kind: waitFor, call: c, apart: true, text: c, into: begin(c, p),
		run: func() { go c.perform(func() Outcome { return c.await(wait) }) }}
}

// remove removes a handler. Doing that twice is doing it once.
func (m *machine) remove(l *listener) command {
	return m.simple(other, func(s *state) Outcome {
		s.removals = append(s.removals, removal{l, s.model.Seq})
		return Done
	}, func() Outcome { l.remove(); l.remove(); return Done }, "handler %d is removed", l.id)
}

// drawOperation chooses an operation.
func (m *machine) drawOperation() operation {
	d := m.dice
	o := operation{verb: pick(d, m.verbs...)}
	fit := m.state.model.Capacity.Parallelism
	slots := pick(d, 1, 2, fit, 2, fit+1, fit, 3, math.MaxInt)
	if o.verb.sized {
		o.slots = slots
	}
	if o.verb.yesOrNo() {
		return o
	}
	o.ctx = m.drawContext()
	if kept := d.OneIn(2); kept && o.verb.name == guard1 && len(m.guards) > 0 {
		o.kept = pick(d, m.guards...)
		return o
	}
	for range pick(d, 0, 1, 0, 2, 1, 3) {
		o.limits = append(o.limits, m.drawLimit(o.ctx))
	}
	return o
}

// drawLimit chooses a limit around what makes a difference now.
func (m *machine) drawLimit(ctx *ctxRef) deadline.Limit {
	d := m.dice
	in := func(d time.Duration) deadline.Limit { return deadline.Before(m.now.Add(d)) }
	years := func(n int) deadline.Limit { return deadline.Before(m.now.AddDate(n, 0, 0)) }
	within, reserve := deadline.Within, deadline.Reserve
	switch d.Int(8) {
	case 0, 4:
		return pick(d, within(2*ms), within(ms), within(3*ms), within(5*ms), within(0), within(-1), within(1),
			within(math.MaxInt64), within(math.MinInt64), within(time.Hour), within(math.MaxInt64-1))
	case 1, 5:
		return pick(d, in(2*ms), in(ms), in(3*ms), in(5*ms), in(0), in(1), in(-1), in(-ms), deadline.Before(time.Time{}), years(1000), years(-1000))
	case 2, 6:
		if ctx.deadline.IsZero() {
			return pick(d, reserve(ms), reserve(0), reserve(-1), reserve(math.MaxInt64), reserve(math.MinInt64))
		}
		left := ctx.deadline.Sub(m.now) // exactly as much is enough
		return pick(d, reserve(left), reserve(left-ms), reserve(left+1), reserve(left-1), reserve(ms), reserve(2*ms), reserve(0), reserve(-1), reserve(math.MaxInt64))
	case 3:
		return deadline.NoWait()
	}
	return deadline.Limit{}
}

// drawChange chooses a change of the capacity, perhaps to what it is, perhaps to
// what is not allowed.
func (m *machine) drawChange() change {
	d, c := m.dice, m.state.model.Capacity
	now := c
	c.Parallelism = pick(d, 1, 2, 3, 4, c.Parallelism, 1, 2, 0, -1)
	c.WaitingRoom = pick(d, c.WaitingRoom, 2, 0, 1, 5, c.WaitingRoom, -1)
	c.WaitLimit = pick(d, c.WaitLimit, 3*ms, 0, 5*ms, c.WaitLimit, -1)
	if !d.OneIn(3) {
		return change{bulk.Capacity{Parallelism: c.Parallelism, WaitingRoom: now.WaitingRoom, WaitLimit: now.WaitLimit}, true}
	}
	return change{c, false}
}

// inFlight returns those in flight that can be told what to do next: nothing runs
// inside them.
func (m *machine) inFlight(which func(*call) bool) []*call {
	var list []*call
	for _, c := range m.calls {
		if c.settled == InFlight && c.inner == nil && which(c) {
			list = append(list, c)
		}
	}
	return list
}

func anyCall(*call) bool       { return true }
func hasFunction(c *call) bool { return c.verb.run != nil }
func holdsSlot(c *call) bool   { return c.verb.run == nil }

func (m *machine) verb(name string) *verb {
	for _, v := range m.verbs {
		if v.name == name {
			return v
		}
	}
	return nil
}

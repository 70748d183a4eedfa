package propcheck

import (
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// command is something to be done to the subject, and what it means to the
// model.
type command struct {
	text  func() string // nil: not worth telling
	kind  string        // of those that can be part of a tie
	apart bool          // what it begins goes on on another goroutine
	moves script
	run   func() // does it, on the goroutine of whoever calls
}

// perform does things one after the other on one goroutine, without anything
// settling between them: a new one, or that of the operation host.
func (m *machine) perform(host *call, commands ...command) {
	for _, c := range commands {
		if c.text != nil {
			m.story.did(c.text)
		}
	}
	m.incoming.scripts = append(m.incoming.scripts, concat(commands))
	run := func() {
		for _, c := range commands {
			c.run()
		}
	}
	if host == nil {
		go run()
		return
	}
	host.gate <- order{do: run}
}

// concat returns the moves of one goroutine: the next one comes when what was
// begun is decided.
func concat(commands []command) script {
	var all script
	begun := 0
	for _, c := range commands {
		for _, mv := range c.moves {
			mv.after = begun
			if begun = 0; mv.kind == moveStart && !c.apart {
				begun = mv.call
			}
			all = append(all, mv)
		}
	}
	return all
}

// noWait is what TryAcquire is said to be: Acquire with deadline.NoWait.
var noWait = []deadline.Limit{deadline.NoWait()}

// newCall makes room for a call and its task.
func (m *machine) newCall(role role, text func(c *call) string) *call {
	m.lastCall++
	c := &call{m: m, id: m.lastCall, task: &task{id: m.lastCall, role: role}}
	c.text = func() string { return text(c) }
	m.calls = append(m.calls, c)
	m.incoming.tasks = append(m.incoming.tasks, c.task)
	return c
}

// do is a command that is over at once.
func (m *machine) do(kind string, mv move, run func(), format string, args ...any) command {
	c := m.newCall(interloper, func(*call) string { return fmt.Sprintf(format, args...) })
	mv.call = c.id
	return command{text: c.text, kind: kind, moves: script{mv}, run: func() {
		state := hasExited // by a handler
		defer func() { m.ended(c, state, nil) }()
		defer m.tellPanic(c)
		run()
		state = isDone
	}}
}

// arrival is an operation that asks to be admitted. With here it asks on the
// goroutine of whoever does the command, which goes on when it is decided: so
// does an operation inside host, and one that doesn't wait.
func (m *machine) arrival(a arrivalSpec, host *call, here bool) (command, *call) {
	c := m.newCall(operation, func(c *call) string { return fmt.Sprintf("#%d %s", c.id, a.describe(c.ctx)) })
	c.verb, c.slots, c.limits, c.ctx = a.verb, a.slots, a.limits, m.context(a.context)
	c.gate = make(chan order)
	c.guard = a.guard
	if c.guard == nil && a.verb.name == guard1 {
		c.guard = m.newGuard(a)
	}
	if host != nil {
		c.outer, host.inner = host, c
	}
	t := c.task
	t.slots, t.limits, t.context, t.try = a.slots, a.limits, c.ctx.id, a.verb.try != nil
	if host != nil {
		t.parent = host.id
	}
	m.coverage.hit("verb " + a.verb.name)
	apart, run := !here && host == nil, c.invoke
	if apart {
		run = c.launch
	}
	return command{text: c.text, kind: "arrival", apart: apart, moves: script{{kind: moveStart, call: c.id}}, run: run}, c
}

// ending ends an operation that is in flight.
func (m *machine) ending(c *call, exit string) command {
	if c.verb.run == nil {
		return m.release(c)
	}
	o := order{exit: exit, value: c.id}
	switch exit {
	case hasFailed:
		o.err = fmt.Errorf("failure of #%d", c.id)
	case hasPanicked:
		o.err = fmt.Errorf("panic of #%d", c.id)
	}
	return m.do("release", move{kind: moveOrder, target: c.id, exit: exit}, func() { c.gate <- o },
		"#%d is over: it %s", c.id, exit)
}

// release releases the slot of c, from the goroutine of whoever does it.
func (m *machine) release(c *call) command {
	return m.do("release", move{kind: moveRelease, target: c.id}, func() {
		m.mu.Lock()
		slot := c.slot
		m.mu.Unlock()
		defer func() { // also if a handler ends the goroutine
			m.mu.Lock()
			defer m.mu.Unlock()
			if c.state == isInFlight {
				c.state, c.at = wasReleased, m.now
			}
		}()
		slot.Release()
	}, "#%d's slot is released", c.id)
}

// again releases a slot that was released before, some time or just now.
func (m *machine) again(slot bulk.Slot) command {
	return m.do("", move{kind: moveNothing}, slot.Release, "a slot that was released before is released again")
}

func (m *machine) status() command {
	return m.do("", move{kind: moveNothing}, func() { m.read() }, "Status()")
}

func (m *machine) cancel(r *contextRef) command {
	return m.do("cancel", move{kind: moveCancel, context: r.id}, r.end, "%v is canceled", r)
}

// cancelSlowly cancels a foreign context in two halves. Between them it has ended
// already, so whoever looks must see that, but nobody is woken yet.
func (m *machine) cancelSlowly(r *contextRef) (first, second command) {
	return m.do("cancel", move{kind: moveCancel, context: r.id}, r.half, "%v ends", r),
		m.do("", move{kind: moveNothing}, r.end, "the Done channel of %v is closed", r)
}

func (m *machine) close() command {
	return m.do("close", move{kind: moveClose}, func() {
		if err := m.subject.Close(); err != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.problem("Close returned %v", err)
		}
	}, "Close()")
}

// change sets the capacity, through Resize if only the parallelism differs and
// resize says so.
func (m *machine) change(to bulk.Capacity, resize bool) command {
	c := m.newCall(interloper, func(*call) string {
		if resize {
			return fmt.Sprintf("Resize(%d)", to.Parallelism)
		}
		return fmt.Sprintf("SetCapacity(%+v)", to)
	})
	return command{text: c.text, kind: "resize",
		moves: script{{kind: moveChange, call: c.id, capacity: to, resize: resize}},
		run: func() {
			if resize {
				c.change(func() error { return m.subject.Resize(to.Parallelism) })
			} else {
				c.change(func() error { return m.subject.SetCapacity(to) })
			}
		}}
}

// await is Wait or Shutdown.
func (m *machine) await(spec contextSpec, shutdown bool) command {
	role, name, wait := waiter, "Wait", m.subject.Wait
	if shutdown {
		role, name, wait = shutter, "Shutdown", m.subject.Shutdown
	}
	c := m.newCall(role, func(c *call) string { return fmt.Sprintf("#%d %s(%v)", c.id, name, c.ctx.describe()) })
	if spec.kind == background {
		// One that looks the same, but can be ended if the subject never drains.
		spec.kind = cancellable
	}
	c.ctx = m.context(spec)
	c.task.context = c.ctx.id
	return command{text: c.text, kind: strings.ToLower(name), apart: true,
		moves: script{{kind: moveStart, call: c.id}},
		run:   func() { go c.await(wait) }}
}

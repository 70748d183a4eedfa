package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// call is one call of the subject. An operation has a goroutine of its own, or
// runs inside another operation; what it does next is told to it through gate.
type call struct {
	m     *machine
	id    int
	text  func() string // for the story
	verb  *verb         // of operations
	ctx   *ctxRef
	outer *call // the operation inside which it is made, if any

	slots  int
	limits []deadline.Limit
	guard  func(context.Context, *call) (int, error) // of Guard1
	gate   chan order
	inner  *call // the operation that runs inside this one, as long as it does
	shut   bool  // gate is closed

	// What any other call does in one step, nil if it changes nothing.
	apply   func(*state) Outcome
	waits   bool    // then it waits for the drain
	cancels *ctxRef // it ends this context

	settled Outcome // as it was at the end of the last step

	// Guarded by m.mu: written on the call's goroutine, read when it can't move.
	outcome  Outcome
	at       time.Time
	err      error
	drain    *bulk.DrainError
	started  bool
	slot     bulk.Slot
	expected order // what fn was told to end with
}

// order tells the function of an operation what to do next.
type order struct {
	do    func()  // call something, then wait for the next order
	end   Outcome // end in this way
	value int
	err   error
}

func (c *call) String() string { return c.text() }

// arrival is what the model has to know of an operation.
func (c *call) arrival() model.Arrival {
	return model.Arrival{Op: c.id, Slots: c.slots, Limits: c.limits, CtxDeadline: c.ctx.deadline}
}

// body is the function of every operation: it does what it is told.
func (c *call) body(ctx context.Context) (int, error) {
	c.begin(ctx)
	for o := range c.gate {
		if o.do != nil {
			o.do()
			continue
		}
		c.expect(o)
		switch o.end {
		case Panicked:
			panic(o.err)
		case Exited:
			runtime.Goexit()
		}
		return o.value, o.err
	}
	return 0, nil // the sequence is over
}

// begin notes that fn was called.
func (c *call) begin(ctx context.Context) {
	m := c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.started {
		m.problem("%v: fn was called twice", c)
	}
	if m.bulkhead != nil && ctx != c.ctx.Context {
		m.problem("%v: fn was not called with the caller's ctx", c)
	}
	c.started = true
	c.enter(InFlight)
}

// expect notes how an operation is going to end, and those around it with it.
func (c *call) expect(o order) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.expected = o
	for c = c.outer; c != nil && (o.end == Panicked || o.end == Exited); c = c.outer {
		c.expected = o
	}
}

// enter notes what has become of a call, at this point of the log. m.mu is held.
func (c *call) enter(o Outcome) {
	c.outcome, c.at = o, time.Now()
	c.m.log = append(c.m.log, entry{call: c.id})
}

// operate makes the call of an operation, and notes how it ends. A panic or
// Goexit in it propagates; the outermost one is looked at by [call.launch].
func (c *call) operate() {
	returned := false
	defer func() {
		c.m.mu.Lock()
		defer c.m.mu.Unlock()
		switch {
		case returned:
		case c.expected.end == Panicked:
			c.enter(Panicked)
		default: // by fn, or by a handler
			c.enter(Exited)
		}
	}()
	var value int
	var slot bulk.Slot
	var err error
	ok := false
	switch {
	case c.verb.try != nil:
		slot, ok = c.verb.try(c.slots)
	case c.verb.acquire != nil:
		slot, err = c.verb.acquire(c)
		ok = err == nil
	default:
		value, err = c.verb.run(c)
	}
	returned = true
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.slot, c.err = slot, err
	if c.verb.run == nil {
		c.acquired(ok)
	} else {
		c.ran(value)
	}
}

// acquired notes what Acquire returned.
func (c *call) acquired(ok bool) {
	switch {
	case ok:
		c.enter(InFlight)
	case c.slot != bulk.Slot{}:
		c.m.problem("%v: rejected with a slot", c)
		fallthrough
	default:
		c.enter(Rejected)
	}
}

// ran notes what an operation with a function returned.
func (c *call) ran(value int) {
	end, want := Odd, c.expected
	switch {
	case !c.started && c.err != nil && value == 0:
		end = Rejected
	case !c.started:
		c.m.problem("%v returned (%v, %v), though fn was not called", c, value, c.err)
	case c.m.closing:
		end = want.end
	default:
		if wrong := c.m.wrongResult(c, want, value); wrong != "" {
			c.m.problem("%v: fn returned (%v, %v), and the call (%v, %v): %s", c, want.value, want.err, value, c.err, wrong)
		}
		end = want.end
	}
	c.enter(end)
}

// launch makes the call of an operation on a goroutine of its own.
func (c *call) launch() {
	go func() {
		returned := false
		defer func() {
			r := recover()
			c.m.mu.Lock()
			defer c.m.mu.Unlock()
			switch want := c.expected; {
			case returned:
			case r == nil && want.end == Panicked:
				c.m.problem("%v: the panic in fn did not propagate", c)
			case r != nil && (want.end != Panicked || r != any(want.err)):
				c.m.problem("%v: panic %v, but fn %v with %v", c, r, want.end, want.err)
			}
		}()
		c.operate()
		returned = true
	}()
}

// perform makes any other call: f returns what came of it.
func (c *call) perform(f func() Outcome) {
	end := Exited // by a handler
	defer func() {
		if r := recover(); r != nil {
			c.m.note("%v panicked: %v\n%s", c, r, debug.Stack())
		}
		c.m.mu.Lock()
		defer c.m.mu.Unlock()
		c.enter(end)
	}()
	end = f()
}

// set returns what came of SetCapacity.
func (c *call) set(err error) Outcome {
	var admission *bulk.AdmissionError
	config, closed := errors.Is(err, bulk.ErrConfig), errors.Is(err, bulk.ErrClosed)
	switch {
	case err == nil:
		return Done
	case errors.As(err, &admission) || config == closed:
		c.m.note("%v returned an error of another kind: %v", c, err)
		return Odd
	case config:
		return Invalid
	default:
		return RejectedClosed
	}
}

// await returns what came of Wait or Shutdown.
func (c *call) await(wait func(context.Context) error) Outcome {
	err := wait(c.ctx.Context)
	var drain *bulk.DrainError
	switch {
	case err == nil:
		return Drained
	case !errors.As(err, &drain):
		c.m.note("%v returned an error of another kind: %v", c, err)
		return Odd
	}
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.err, c.drain = err, drain
	return GaveUp
}

// newCall makes a call that is still to be made.
func (m *machine) newCall(format string, args ...any) *call {
	m.lastCall++
	c := &call{m: m, id: m.lastCall, ctx: m.contexts[0], verb: noVerb}
	c.text = func() string { return fmt.Sprintf(format, args...) }
	return c
}

var noVerb = new(verb)

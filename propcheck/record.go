package propcheck

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// expect notes how an operation is going to end, and those around it with it.
func (m *machine) expect(c *call, o order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.expected = o
	if o.exit == hasPanicked || o.exit == hasExited {
		for c = c.outer; c != nil; c = c.outer {
			c.expected = o
		}
	}
}

// begun notes that fn was called.
func (m *machine) begun(c *call, ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.started {
		m.problem("%s: fn was called twice", c.text())
	}
	if m.bulkhead != nil && ctx != c.ctx.Context {
		m.problem("%s: fn was not called with the caller's ctx", c.text())
	}
	c.started = true
	m.enter(c, isInFlight)
}

// holds notes what Acquire returned.
func (m *machine) holds(c *call, slot bulk.Slot, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.slot, c.err = slot, err
	switch {
	case ok:
		m.enter(c, isInFlight)
	case slot != bulk.Slot{}:
		m.problem("%s: turned away with a slot", c.text())
		fallthrough
	default:
		m.enter(c, wasTurned)
	}
}

// returned notes what an operation returned.
func (m *machine) returned(c *call, value int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.err = err
	switch want := c.expected; {
	case !c.started && err != nil:
		if value != 0 {
			m.problem("%s: turned away with value %d", c.text(), value)
		}
		m.enter(c, wasTurned)
	case !c.started:
		m.enter(c, "returned without having run")
	case m.closing:
		m.enter(c, want.exit)
	case value != want.value || err != want.err:
		m.enter(c, fmt.Sprintf("returned (%v, %v) for fn's (%v, %v)", value, err, want.value, want.err))
	default:
		m.enter(c, want.exit)
	}
}

// ended notes the end of a call that returns nothing to compare, or doesn't
// return.
func (m *machine) ended(c *call, state string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.err = err
	m.enter(c, state)
}

// enter puts a call into a state, at this point of the log. m.mu is held.
func (m *machine) enter(c *call, state string) {
	c.state, c.at = state, time.Now()
	m.log = append(m.log, entry{call: c.id})
}

// change makes a call of SetCapacity or Resize.
func (c *call) change(set func() error) {
	state := hasExited // by a handler
	defer func() { c.m.ended(c, state, nil) }()
	defer c.m.tellPanic(c)
	state = changeState(set())
}

// tellPanic is deferred where no panic is due. One there would end the process,
// and the story would not be told.
func (m *machine) tellPanic(c *call) {
	if r := recover(); r != nil {
		m.note("%s panicked: %v\n%s", c.text(), r, debug.Stack())
	}
}

func changeState(err error) string {
	var admission *bulk.AdmissionError
	switch {
	case err == nil:
		return isDone
	case errors.As(err, &admission):
		return fmt.Sprintf("an admission error, %v", err)
	case errors.Is(err, bulk.ErrConfig) && !errors.Is(err, bulk.ErrClosed):
		return wasBadValue
	case errors.Is(err, bulk.ErrClosed) && !errors.Is(err, bulk.ErrConfig):
		return wasTooLate
	default:
		return fmt.Sprintf("an error of another kind, %v", err)
	}
}

// await makes a call of Wait or Shutdown.
func (c *call) await(wait func(context.Context) error) {
	err := wait(c.ctx.Context)
	var drain *bulk.DrainError
	state := hasDrained
	switch {
	case errors.As(err, &drain):
		state = hasGivenUp
	case err != nil:
		state = fmt.Sprintf("an error of another kind, %v", err)
	}
	c.m.mu.Lock()
	c.drain = drain
	c.m.mu.Unlock()
	c.m.ended(c, state, err)
}

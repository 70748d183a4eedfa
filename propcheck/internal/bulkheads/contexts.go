package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// ctxKind is a way in which a context lives and ends.
type ctxKind int

const (
	background   ctxKind = iota // never ends, and has no Done channel
	cancelable                  // ends when somebody cancels it
	withCause                   // the same, with a cause
	timed                       // has a deadline
	timedCause                  // the same, with a cause
	foreign                     // a type of the caller's own, with an error of its own
	dead                        // has ended
	deadCause                   // has ended, with a cause
	deadDeadline                // its deadline has passed
	shared                      // one that is there already
)

// ctxRef is a context that operations come with.
type ctxRef struct {
	context.Context
	id       int // index in machine.contexts
	kind     ctxKind
	after    time.Duration // of those with a deadline: how long after they were made
	deadline time.Time     // zero: none
	end      func()        // cancels it
	half     func()        // the first half of end, of a foreign one: it is done, and nobody was told yet
}

func (c *ctxRef) String() string {
	switch c.kind {
	case background:
		return "background"
	case timed, timedCause, deadDeadline:
		return fmt.Sprintf("ctx%d (timeout %v)", c.id, c.after)
	case dead, deadCause:
		return fmt.Sprintf("ctx%d (canceled)", c.id)
	}
	return fmt.Sprintf("ctx%d", c.id)
}

// causeError is a cause of a type of its own, to be found with errors.As.
type causeError struct{ number int }

func (e *causeError) Error() string { return fmt.Sprintf("cause %d", e.number) }

// newContext makes a context of a kind; of those that have a deadline it is after
// from now.
func newContext(kind ctxKind, id int, after time.Duration) *ctxRef {
	c := &ctxRef{id: id, kind: kind, after: after}
	cause := error(&causeError{id})
	if id%3 == 0 {
		cause = overloaded() // another bulkhead's overload is a cause like any other
	}
	parent := context.Background()
	switch kind {
	case background:
		c.Context, c.end = parent, func() {}
	case cancelable, dead:
		c.Context, c.end = context.WithCancel(parent)
	case withCause, deadCause:
		ctx, cancel := context.WithCancelCause(parent)
		c.Context, c.end = ctx, func() { cancel(cause) }
	case timed, deadDeadline:
		c.Context, c.end = context.WithTimeout(parent, after)
	case timedCause:
		c.Context, c.end = context.WithTimeoutCause(parent, after, cause)
	case foreign:
		f := &foreignContext{Context: parent, done: make(chan struct{})}
		c.Context, c.end, c.half = f, f.cancel, f.expire
	}
	if kind == dead || kind == deadCause {
		c.end()
	}
	c.deadline, _ = c.Deadline()
	return c
}

// overloaded returns the rejection of a bulkhead that is not the subject.
func overloaded() error {
	b := bulk.Must(bulk.New("another", 1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	_, err := b.Acquire(context.Background(), deadline.NoWait())
	return err
}

// foreignContext is a context that package context did not make.
type foreignContext struct {
	context.Context
	done chan struct{}

	mu            sync.Mutex
	ended, closed bool
}

var errForeign = errors.New("ended in a way of its own")

func (c *foreignContext) Done() <-chan struct{} { return c.done }

func (c *foreignContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return errForeign
	}
	return nil
}

// expire ends c, and leaves it to cancel to close the channel. Every context has
// an instant between the two.
func (c *foreignContext) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

func (c *foreignContext) cancel() {
	c.expire()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.done)
	}
}

// newContext returns a context of a kind that is not shared.
func (m *machine) newContext(kind ctxKind, after time.Duration) *ctxRef {
	if kind == background && len(m.contexts) > 0 {
		return m.contexts[0]
	}
	c := newContext(kind, len(m.contexts), after)
	m.contexts = append(m.contexts, c)
	done := c.Err() != nil
	m.bring(func(s *state) { s.ended = append(s.ended, done) })
	return c
}

// drawContext chooses a context for a call.
func (m *machine) drawContext() *ctxRef {
	d := m.dice
	kind := pick(d, background, cancelable, timed, shared, background, cancelable, timed, shared,
		withCause, timedCause, foreign, dead, deadCause, deadDeadline, shared, timed)
	after := pick(d, spans...)
	which := d.Int(4)
	switch {
	case kind == shared && m.calm:
		kind = cancelable
	case kind == shared: // a recent one, so that several calls share one
		recent := m.contexts[max(0, len(m.contexts)-4):]
		return recent[which%len(recent)]
	case kind == deadDeadline:
		after = -after
	}
	return m.newContext(kind, after)
}

// cancelable returns the contexts that are alive and can be canceled, those of
// waiting calls before the others.
func (m *machine) cancelable() []*ctxRef {
	var waited, others []*ctxRef
	for _, c := range m.contexts[1:] {
		waits := false
		for i := range m.state.tasks {
			t := &m.state.tasks[i]
			waits = waits || t.ctx == c && (t.phase == waiting || t.phase == draining)
		}
		switch {
		case c.id < len(m.state.ended) && m.state.ended[c.id]:
		case waits:
			waited = append(waited, c)
		default:
			others = append(others, c)
		}
	}
	return append(waited, others...)
}

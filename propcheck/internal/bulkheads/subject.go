package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

// Subject is propcheck.Subject.
type Subject interface {
	kit.Resizable
	// Label returns the label given to the NewFunc.
	Label() string
	// Acquire takes one slot. It waits for one if it must.
	Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error)
	// AcquireN takes n slots. It waits for them if it must.
	AcquireN(ctx context.Context, n int, limits ...deadline.Limit) (bulk.Slot, error)
	// TryAcquire takes one slot if that needs no wait.
	TryAcquire() (bulk.Slot, bool)
	// TryAcquireN takes n slots if that needs no wait.
	TryAcquireN(n int) (bulk.Slot, bool)
	// Done returns a channel that is closed when all is drained after Close.
	Done() <-chan struct{}
	// Wait waits until all is drained, or ctx ends.
	Wait(ctx context.Context) error
	// Status returns the state of this instant.
	Status() bulk.Status
	// OnEvent adds a handler, and returns a function that removes it.
	OnEvent(h func(bulk.Event)) (remove func())
}

// NewFunc makes a subject.
type NewFunc = func(label string, parallelism int, opts ...bulk.Option) (Subject, error)

// verb is one way to run an operation, or to wait for the drain.
type verb struct {
	name  string
	sized bool // it says how many slots
	slot  bool // it returns a slot, and does not see the error of the operation
	try   bool // the caller learns nothing but yes or no
	waits bool // for the drain
	run   func(o *operation) (int, error)
}

var errNo = errors.New("no slot")

func yes(slot bulk.Slot, ok bool) (bulk.Slot, error) {
	if !ok {
		return slot, errNo
	}
	return slot, nil
}

// verbsOf returns all ways in which s runs operations.
func verbsOf(s Subject) []*verb {
	type fn = func(context.Context) error
	list := []*verb{
		{name: "Acquire", slot: true, run: func(o *operation) (int, error) { return o.Hold(s.Acquire(o.Ctx, o.Limits...)) }},
		{name: "AcquireN", sized: true, slot: true, run: func(o *operation) (int, error) { return o.Hold(s.AcquireN(o.Ctx, o.slots, o.Limits...)) }},
		{name: "TryAcquire", try: true, slot: true, run: func(o *operation) (int, error) { return o.Hold(yes(s.TryAcquire())) }},
		{name: "TryAcquireN", try: true, sized: true, slot: true, run: func(o *operation) (int, error) { return o.Hold(yes(s.TryAcquireN(o.slots))) }},
	}
	// errOnly is a verb whose function returns only an error.
	errOnly := func(do func(o *operation, fn fn) error) func(*operation) (int, error) {
		return func(o *operation) (int, error) { return o.ErrOnly(func(fn fn) error { return do(o, fn) }) }
	}
	if b, ok := s.(*bulk.Bulkhead); ok {
		body := func(ctx context.Context, o *operation) (int, error) { return o.Body(ctx) }
		list = append(list, []*verb{
			{name: "Run", run: func(o *operation) (int, error) { return bulk.Run(o.Ctx, b, o.Body, o.Limits...) }},
			{name: "RunN", sized: true, run: func(o *operation) (int, error) { return bulk.RunN(o.Ctx, b, o.slots, o.Body, o.Limits...) }},
			{name: "Guard", run: func(o *operation) (int, error) { return bulk.Guard(b, o.Body, o.Limits...)(o.Ctx) }},
			{name: "Guard1", run: func(o *operation) (int, error) { return bulk.Guard1(b, body, o.Limits...)(o.Ctx, o) }},
			{name: "Do", run: errOnly(func(o *operation, fn fn) error { return bulk.Do(o.Ctx, b, fn, o.Limits...) })},
			{name: "DoN", sized: true, run: errOnly(func(o *operation, fn fn) error { return bulk.DoN(o.Ctx, b, o.slots, fn, o.Limits...) })},
			{name: "GuardDo", run: errOnly(func(o *operation, fn fn) error { return bulk.GuardDo(b, fn, o.Limits...)(o.Ctx) })},
			{name: "GuardDo1", run: errOnly(func(o *operation, fn fn) error {
				return bulk.GuardDo1(b, func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }, o.Limits...)(o.Ctx, fn)
			})},
		}...)
	}
	if d, ok := s.(interface {
		Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error
	}); ok {
		list = append(list, &verb{name: "Do", run: errOnly(func(o *operation, fn fn) error { return d.Do(o.Ctx, fn, o.Limits...) })})
	}
	return list
}

// ctxRef is a context that operations come with.
type ctxRef struct {
	context.Context
	id       int // index in machine.contexts
	deadline time.Time
	end      func() // cancels it; nil: it never ends
	late     func() // closes the Done channel, if end has not
	cause    error  // with which it ends, if it has one of its own
	text     string
}

// ctxMark is the key of a value that every context has, its id.
type ctxMark struct{}

// causeError is a cause of a type of its own, to be found with errors.As.
type causeError struct{ _ int } // not empty: each has an address of its own

func (e *causeError) Error() string { return "a cause" }

// foreignContext is a context that package context did not make. It has an error
// of its own, and has ended before its Done channel is closed.
type foreignContext struct {
	context.Context
	ended atomic.Bool
}

var errForeign = errors.New("ended in a way of its own")

func (c *foreignContext) Err() error {
	if c.ended.Load() {
		return errForeign
	}
	return nil
}

// ctxKind is a way in which a context lives and ends.
type ctxKind struct {
	timeout time.Duration // 0: none
	cause   error         // with which it ends
	done    bool          // it has ended already
	foreign bool
}

func (m *machine) newContext(k ctxKind) *ctxRef {
	c := &ctxRef{id: len(m.contexts), cause: k.cause, late: func() {}}
	parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), ctxMark{}, c.id))
	c.text, c.Context, c.end = fmt.Sprintf("ctx%d", c.id), parent, func() { cancel(c.cause) }
	if k.timeout != 0 {
		c.Context, c.end = context.WithTimeoutCause(parent, k.timeout, c.cause)
		c.text += fmt.Sprintf(" (timeout %v)", k.timeout)
	}
	if k.foreign {
		f := &foreignContext{Context: parent}
		c.Context, c.cause = f, nil
		c.end, c.late = func() { f.ended.Store(true) }, func() { cancel(errForeign) }
		c.text += " (foreign)"
	}
	if k.done {
		c.end()
		c.text += " (done)"
	}
	c.deadline, _ = c.Deadline()
	m.addContext(c)
	return c
}

func (m *machine) addContext(c *ctxRef) {
	m.contexts = append(m.contexts, c)
	for _, s := range m.states {
		s.contexts, s.ended = m.contexts, append(s.ended, c.Err() != nil)
	}
}

// drawContext chooses a context for a call.
func (m *machine) drawContext() *ctxRef {
	d, k := m.d, ctxKind{}
	timeout, which := pick(d, 2*ms, ms, 3*ms, 5*ms, 1), d.Int(4) // few, so that bounds coincide
	switch d.Int(8) {
	case 0, 4:
		return m.contexts[0]
	case 2, 6:
		k.timeout = timeout
	case 3:
		if !m.calm { // a recent one, so that several calls share one
			recent := m.contexts[max(0, len(m.contexts)-4):]
			return recent[which%len(recent)]
		}
	case 5:
		k.done, k.foreign = which == 1, which == 2
	case 7:
		k.timeout = -timeout
	}
	// Another bulkhead's overload is a cause like any other.
	k.cause = pick[error](d, nil, nil, nil, nil, &causeError{}, &causeError{}, kit.Overloaded(), fmt.Errorf("a sibling failed: %w", kit.Overloaded()))
	return m.newContext(k)
}

// cancelable returns the contexts of operations that are not over, if they can be
// canceled.
func (m *machine) cancelable() (list []*ctxRef) {
	for i := range m.state.tasks {
		if c := m.state.tasks[i].ctx; c.id > 0 && !m.state.ended[c.id] {
			list = append(list, c)
		}
	}
	return list
}

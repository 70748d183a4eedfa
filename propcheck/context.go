package propcheck

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// contextKind is a way in which a context lives and ends.
type contextKind int

const (
	background        contextKind = iota // never ends, and has no Done channel
	cancellable                          // ends when somebody cancels it
	withCause                            // the same, with a cause
	withDeadline                         // ends by itself
	withDeadlineCause                    // the same, with a cause
	foreign                              // a type of the caller's own, with an error of its own
	dead                                 // has ended
	deadCause                            // has ended, with a cause
	deadDeadline                         // its deadline has passed
	shared                               // one that is there already
)

// contextRef is a context that operations came with.
type contextRef struct {
	context.Context
	id   int // index in world.contexts
	kind contextKind
	dies time.Duration // of those with a deadline: from when they were made
	end  func()        // cancels it
	half func()        // the first half of end, of a foreign one: it has ended, and nobody was told yet
}

func (r *contextRef) String() string {
	if r.kind == background {
		return "background"
	}
	return fmt.Sprintf("ctx%d", r.id)
}

// describe tells what kind of a context r is.
func (r *contextRef) describe() string {
	if r.kind == background {
		return r.String()
	}
	return fmt.Sprintf("ctx%d: %v", r.id, contextSpec{kind: r.kind, dies: r.dies})
}

func (s contextSpec) String() string {
	switch s.kind {
	case withDeadline, withDeadlineCause, deadDeadline:
		return fmt.Sprintf("%v %v", s.kind, s.dies)
	case shared:
		return fmt.Sprintf("ctx%d", s.index)
	}
	return s.kind.String()
}

func (k contextKind) String() string {
	return [...]string{"background", "cancellable", "with cause", "with timeout", "with timeout and cause",
		"foreign", "canceled", "canceled with cause", "timed out", "shared"}[k]
}

// causeError is a cause of a type of its own, to be found with errors.As.
type causeError struct{ number int }

func (e *causeError) Error() string { return fmt.Sprintf("cause %d", e.number) }

// newContext makes a context of a kind that is not there already.
func newContext(kind contextKind, id int, dies time.Duration) *contextRef {
	r := &contextRef{id: id, kind: kind, dies: dies}
	cause := error(&causeError{id})
	if id%3 == 0 {
		// Another bulkhead's overload is a cause like any other, not ours.
		cause = overloaded()
	}
	switch kind {
	case background:
		r.Context, r.end = context.Background(), func() {}
	case cancellable, dead:
		r.Context, r.end = withCancel(context.WithCancel(context.Background()))
	case withCause, deadCause:
		ctx, cancel := context.WithCancelCause(context.Background())
		r.Context, r.end = ctx, func() { cancel(cause) }
	case withDeadline, deadDeadline:
		r.Context, r.end = withCancel(context.WithTimeout(context.Background(), dies))
	case withDeadlineCause:
		r.Context, r.end = withCancel(context.WithTimeoutCause(context.Background(), dies, cause))
	case foreign:
		f := &foreignContext{Context: context.Background(), done: make(chan struct{})}
		r.Context, r.end, r.half = f, f.cancel, f.expire
	}
	if kind == dead || kind == deadCause {
		r.end()
	}
	return r
}

func withCancel(ctx context.Context, cancel context.CancelFunc) (context.Context, func()) {
	return ctx, cancel
}

// overloaded returns the error of a bulkhead that has nothing to do with the one
// that is checked.
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

	mu     sync.Mutex
	ended  bool
	closed bool
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if !c.closed {
		c.closed = true
		close(c.done)
	}
}

// context returns the context of a spec, and makes it if it is a new one.
func (m *machine) context(s contextSpec) *contextRef {
	switch s.kind {
	case background:
		return m.contexts[0]
	case shared:
		return m.contexts[s.index]
	}
	return m.addContext(newContext(s.kind, len(m.contexts), s.dies))
}

func (m *machine) addContext(r *contextRef) *contextRef {
	m.contexts = append(m.contexts, r)
	dies, _ := r.Deadline()
	m.incoming.contexts = append(m.incoming.contexts, contextState{dies: dies, done: r.Err() != nil})
	return r
}

package propcheck

import (
	"context"
	"runtime"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// call is one call of the subject. An operation has a goroutine of its own, or
// runs inside another operation; what it does next is told to it through gate.
type call struct {
	m     *machine
	id    int
	text  func() string // for the story
	outer *call         // the operation inside which it is made, if any
	inner *call         // the operation that runs inside this one, as long as it does
	task  *task         // what a world is told of it when it is made

	// Of operations.
	verb   *verb
	slots  int
	ctx    *contextRef
	limits []deadline.Limit
	guard  guardFunc // of Guard1
	gate   chan order
	shut   bool // gate is closed

	settled string // its state at the end of the last step

	// Guarded by m.mu: written on the call's goroutine, read when it can't move.
	state    string // "" before it is called
	at       time.Time
	err      error
	drain    *bulk.DrainError
	started  bool
	slot     bulk.Slot
	expected order // what fn was told to end with
}

// guardFunc is what Guard1 returns.
type guardFunc = func(context.Context, *call) (int, error)

// order tells the function of an operation what to do next.
type order struct {
	do    func() // call something, then wait for the next order
	exit  string // end in this way
	value int
	err   error
}

// inside reports whether c, which is made inside another operation, still keeps
// that one busy.
func (c *call) inside() bool {
	return c.state == "" || c.verb.run != nil && c.state == isInFlight
}

// body is the function of every operation: it does what it is told.
func (c *call) body(ctx context.Context) (int, error) {
	c.m.begun(c, ctx)
	for o := range c.gate {
		if o.do != nil {
			o.do()
			continue
		}
		c.m.expect(c, o)
		switch o.exit {
		case hasPanicked:
			panic(o.err)
		case hasExited:
			runtime.Goexit()
		}
		return o.value, o.err
	}
	return 0, nil // the sequence is over
}

// takeOut runs an operation whose function returns only an error.
func (c *call) takeOut(do func(fn func(context.Context) error) error) (value int, err error) {
	err = do(func(ctx context.Context) error {
		v, err := c.body(ctx)
		value = v
		return err
	})
	return value, err
}

// invoke makes the call of an operation, and notes how it ends. A panic or
// Goexit in it goes on up; the outermost one is noted at [call.launch].
func (c *call) invoke() {
	returned := false
	defer func() {
		switch {
		case returned:
		case c.expected.exit == hasPanicked:
			c.m.ended(c, hasPanicked, nil)
		default: // by fn, or by a handler
			c.m.ended(c, hasExited, nil)
		}
	}()
	switch v := c.verb; {
	case v.try != nil:
		slot, ok := v.try(c.slots)
		returned = true
		c.m.holds(c, slot, ok, nil)
	case v.acquire != nil:
		slot, err := v.acquire(c, c.slots)
		returned = true
		c.m.holds(c, slot, err == nil, err)
	default:
		value, err := v.run(c, c.slots)
		returned = true
		c.m.returned(c, value, err)
	}
}

// launch makes the call on a goroutine of its own.
func (c *call) launch() {
	go func() {
		returned := false
		defer func() {
			r := recover()
			c.m.mu.Lock()
			defer c.m.mu.Unlock()
			want := c.expected.exit
			switch {
			case returned:
			case r == nil && want == hasPanicked:
				c.m.problem("%s: the panic in fn did not go on up", c.text())
			case r != nil && r != any(c.expected.err):
				c.m.problem("%s: panic %v, but fn panicked with %v", c.text(), r, c.expected.err)
			case r != nil && want == hasExited:
				c.m.problem("%s: a panic, %v, but fn called runtime.Goexit", c.text(), r)
			}
		}()
		c.invoke()
		returned = true
	}()
}

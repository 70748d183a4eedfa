package bulkheads

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Subject is propcheck.Subject.
type Subject interface {
	Label() string
	Capacity() bulk.Capacity
	Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error)
	AcquireN(ctx context.Context, n int, limits ...deadline.Limit) (bulk.Slot, error)
	TryAcquire() (bulk.Slot, bool)
	TryAcquireN(n int) (bulk.Slot, bool)
	Resize(parallelism int) error
	SetCapacity(c bulk.Capacity) error
	Close() error
	Done() <-chan struct{}
	Wait(ctx context.Context) error
	Shutdown(ctx context.Context) error
	Status() bulk.Status
	OnEvent(h func(bulk.Event)) (remove func())
}

// NewFunc makes a subject.
type NewFunc func(label string, parallelism int, opts ...bulk.Option) (Subject, error)

// Doer and DoerN are a subject's own ways to run operations.
type (
	Doer interface {
		Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error
	}
	DoerN interface {
		DoN(ctx context.Context, n int, fn func(context.Context) error, limits ...deadline.Limit) error
	}
)

// verb is one way to run an operation. One of run, acquire and try is set.
type verb struct {
	name    string
	sized   bool                       // it says how many slots
	run     func(c *call) (int, error) // runs c.body, and returns what that returned
	acquire func(c *call) (bulk.Slot, error)
	try     func(n int) (bulk.Slot, bool)
}

// yesOrNo reports whether the caller learns nothing else.
func (v *verb) yesOrNo() bool { return v.try != nil }

// guard1 is the verb whose functions are kept for later calls.
const guard1 = "Guard1"

// verbsOf returns all ways in which s runs operations.
func verbsOf(s Subject) []*verb {
	list := []*verb{
		{name: "Acquire", acquire: func(c *call) (bulk.Slot, error) { return s.Acquire(c.ctx.Context, c.limits...) }},
		{name: "AcquireN", sized: true, acquire: func(c *call) (bulk.Slot, error) { return s.AcquireN(c.ctx.Context, c.slots, c.limits...) }},
		{name: "TryAcquire", try: func(int) (bulk.Slot, bool) { return s.TryAcquire() }},
		{name: "TryAcquireN", sized: true, try: s.TryAcquireN},
	}
	// errOnly is a verb whose function returns only an error.
	errOnly := func(name string, sized bool, do func(c *call, fn func(context.Context) error) error) {
		list = append(list, &verb{name: name, sized: sized, run: func(c *call) (value int, err error) {
			err = do(c, func(ctx context.Context) (err error) {
				value, err = c.body(ctx)
				return err
			})
			return value, err
		}})
	}
	if b, ok := s.(*bulk.Bulkhead); ok {
		list = append(list,
			&verb{name: "Run", run: func(c *call) (int, error) { return bulk.Run(c.ctx.Context, b, c.body, c.limits...) }},
			&verb{name: "RunN", sized: true, run: func(c *call) (int, error) { return bulk.RunN(c.ctx.Context, b, c.slots, c.body, c.limits...) }},
			&verb{name: "Guard", run: func(c *call) (int, error) { return bulk.Guard(b, c.body, c.limits...)(c.ctx.Context) }},
			&verb{name: guard1, run: func(c *call) (int, error) { return c.guard(c.ctx.Context, c) }},
		)
		errOnly("Do", false, func(c *call, fn func(context.Context) error) error { return bulk.Do(c.ctx.Context, b, fn, c.limits...) })
		errOnly("GuardDo", false, func(c *call, fn func(context.Context) error) error {
			return bulk.GuardDo(b, fn, c.limits...)(c.ctx.Context)
		})
	}
	if d, ok := s.(Doer); ok {
		errOnly("Do", false, func(c *call, fn func(context.Context) error) error { return d.Do(c.ctx.Context, fn, c.limits...) })
	}
	if d, ok := s.(DoerN); ok {
		errOnly("DoN", true, func(c *call, fn func(context.Context) error) error {
			return d.DoN(c.ctx.Context, c.slots, fn, c.limits...)
		})
	}
	return list
}

package propcheck

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Subject is what a bulkhead-like thing must offer to be checked: the methods of
// a [bulk.Bulkhead]. A type that embeds one, and adds something to some of its
// methods, is a Subject.
//
// What runs an operation is a function in package bulk, not a method. A Subject
// that has a way of its own to do that offers it as a [Doer] or [DoerN].
// Without, its operations are checked through Acquire and Release.
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

// Doer is a Subject that runs operations, as [bulk.Do] does.
type Doer interface {
	Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error
}

// DoerN is a Subject that runs operations for n slots.
type DoerN interface {
	DoN(ctx context.Context, n int, fn func(context.Context) error, limits ...deadline.Limit) error
}

var _ Subject = (*bulk.Bulkhead)(nil)

// Make makes a Subject, as [bulk.New] makes a bulkhead, and passes the options on.
// It is called inside a testing/synctest bubble, at least once for each sequence
// of actions.
type Make = func(label string, parallelism int, opts ...bulk.Option) (Subject, error)

// verb is one way to run an operation.
type verb struct {
	name string
	n    bool // it says how many slots
	// One of these is set.
	run     func(c *call, n int) (int, error)       // runs c.body, and returns what that returned
	acquire func(c *call, n int) (bulk.Slot, error) // takes a slot
	try     func(n int) (bulk.Slot, bool)
}

// verbs returns all ways in which s runs operations.
func verbs(s Subject) []verb {
	list := []verb{
		{name: "Acquire", acquire: func(c *call, _ int) (bulk.Slot, error) { return s.Acquire(c.ctx.Context, c.limits...) }},
		{name: "AcquireN", n: true, acquire: func(c *call, n int) (bulk.Slot, error) { return s.AcquireN(c.ctx.Context, n, c.limits...) }},
		{name: "TryAcquire", try: func(int) (bulk.Slot, bool) { return s.TryAcquire() }},
		{name: "TryAcquireN", n: true, try: s.TryAcquireN},
	}
	if b, ok := s.(*bulk.Bulkhead); ok {
		list = append(list, functions(b)...)
	}
	if d, ok := s.(Doer); ok {
		list = append(list, verb{name: "Do", run: func(c *call, _ int) (int, error) {
			return c.takeOut(func(fn func(context.Context) error) error { return d.Do(c.ctx.Context, fn, c.limits...) })
		}})
	}
	if d, ok := s.(DoerN); ok {
		list = append(list, verb{name: "DoN", n: true, run: func(c *call, n int) (int, error) {
			return c.takeOut(func(fn func(context.Context) error) error { return d.DoN(c.ctx.Context, n, fn, c.limits...) })
		}})
	}
	return list
}

// guard1 is the verb whose functions are kept for later calls.
const guard1 = "Guard1"

// functions returns the functions of package bulk.
func functions(b *bulk.Bulkhead) []verb {
	return []verb{
		{name: "Run", run: func(c *call, _ int) (int, error) {
			return bulk.Run(c.ctx.Context, b, c.body, c.limits...)
		}},
		{name: "RunN", n: true, run: func(c *call, n int) (int, error) {
			return bulk.RunN(c.ctx.Context, b, n, c.body, c.limits...)
		}},
		{name: "Do", run: func(c *call, _ int) (int, error) {
			return c.takeOut(func(fn func(context.Context) error) error { return bulk.Do(c.ctx.Context, b, fn, c.limits...) })
		}},
		{name: "Guard", run: func(c *call, _ int) (int, error) {
			return bulk.Guard(b, c.body, c.limits...)(c.ctx.Context)
		}},
		{name: guard1, run: func(c *call, _ int) (int, error) {
			return c.guard(c.ctx.Context, c)
		}},
		{name: "GuardDo", run: func(c *call, _ int) (int, error) {
			return c.takeOut(func(fn func(context.Context) error) error {
				return bulk.GuardDo(b, fn, c.limits...)(c.ctx.Context)
			})
		}},
	}
}

// newGuard makes a function with Guard1, and keeps it for later calls.
func (m *machine) newGuard(a arrivalSpec) guardFunc {
	fn := func(ctx context.Context, c *call) (int, error) { return c.body(ctx) }
	a.guard = bulk.Guard1(m.bulkhead, fn, a.limits...)
	m.guards = append(m.guards, a)
	return a.guard
}

package propcheck

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// Model is the reference: the contract of a bulkhead as plain code. See package
// model.
type Model = model.Model

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

// NewFunc makes a Subject, as [bulk.New] makes a bulkhead, and passes the options
// on. It is called inside a testing/synctest bubble, at least once for each
// sequence of actions.
type NewFunc = func(label string, parallelism int, opts ...bulk.Option) (Subject, error)

// TestBulkhead checks what newSubject makes against the [Model], in random
// sequences of actions, each of about -rapid.steps actions. There are as many as
// -rapid.checks says (100 if nothing is said) in which one thing happens at a
// time, and as many again in which several happen at one instant. It must not be
// called in a testing/synctest bubble.
//
// A failure is told as a story, made as short as it can be: what was done, what
// came of it, and what the contract says instead.
func TestBulkhead(t *testing.T, newSubject NewFunc) {
	t.Helper()
	bulkheads.Check(t, toBulkheads(newSubject), nil)
}

func toBulkheads(f NewFunc) bulkheads.NewFunc {
	return func(label string, parallelism int, opts ...bulk.Option) (bulkheads.Subject, error) {
		return f(label, parallelism, opts...)
	}
}

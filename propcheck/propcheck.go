package propcheck

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
	"github.com/bulklink/bulklink-go/propcheck/internal/keys"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/internal/registries"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// Model is the reference: the contract of a bulkhead as plain code. See package
// model.
type Model = model.Model

// Subject is what a bulkhead-like thing must offer to be checked. It is an
// interface with these methods of a [bulk.Bulkhead], so a type that embeds one,
// and adds something to some of its methods, is a Subject:
//
//	Label() string
//	Capacity() bulk.Capacity
//	Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error)
//	AcquireN(ctx context.Context, n int, limits ...deadline.Limit) (bulk.Slot, error)
//	TryAcquire() (bulk.Slot, bool)
//	TryAcquireN(n int) (bulk.Slot, bool)
//	Resize(parallelism int) error
//	SetCapacity(c bulk.Capacity) error
//	UpdateCapacity(f func(bulk.Capacity) bulk.Capacity) error
//	Close() error
//	Done() <-chan struct{}
//	Wait(ctx context.Context) error
//	Shutdown(ctx context.Context) error
//	Status() bulk.Status
//	OnEvent(h func(bulk.Event)) (remove func())
//
// What runs an operation is a function in package bulk, not a method. All of them
// are checked if the subject is a *bulk.Bulkhead. A subject with a method
//
//	Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error
//
// is checked through that as well; all others through Acquire and Release.
type Subject = bulkheads.Subject

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
// A failure is made as short as possible and printed as a list of steps: each
// action, its effects, and the effects that the contract asks for.
func TestBulkhead(t *testing.T, newSubject NewFunc) {
	t.Helper()
	checkBulkhead(t, newSubject, nil)
}

// checkBulkhead runs the calm sequences first: they run again as they ran before,
// so a failure in them has few steps, and they find most mistakes.
func checkBulkhead(t *testing.T, newSubject NewFunc, counts kit.Coverage) {
	t.Helper()
	kit.Check(t, bulkheads.New(newSubject, true, counts))
	kit.Check(t, bulkheads.New(newSubject, false, counts))
}

// DoFunc runs fn as an operation of a bulkhead, as [bulk.Do] does.
type DoFunc = func(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error

// TestDo checks a wrapper that is a function, or a method of a struct: wrap
// returns the function that runs operations in b. It is checked like a [Subject]
// by TestBulkhead, with that function as one of the ways to run an operation:
//
//   - ctx and limits are passed on: each operation is admitted, waits and is
//     rejected as by bulk.Do, and fn gets a ctx that is derived from the caller's;
//   - fn runs once if the operation is admitted, and never if it is rejected;
//   - every exit releases the slots: a return, an error, a panic, runtime.Goexit;
//     the panic and the exit propagate;
//   - the errors of fn and of the bulkhead come back, as they are or wrapped so
//     that errors.Is and errors.As find them.
//
// It must not be called in a testing/synctest bubble.
func TestDo(t *testing.T, wrap func(b *bulk.Bulkhead) DoFunc) {
	t.Helper()
	checkBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (Subject, error) {
		b, err := bulk.New(label, parallelism, opts...)
		if err != nil {
			return nil, err
		}
		return &doer{b, wrap(b)}, nil
	}, nil)
}

// doer is a bulkhead with a way of its own to run operations.
type doer struct {
	*bulk.Bulkhead
	do DoFunc
}

func (d *doer) Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	return d.do(ctx, fn, limits...)
}

// RegistrySubject is what a registry-like thing must offer to be checked. It is an
// interface with these methods of a registry.Registry:
//
//	Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
//	GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error)
//	Get(label string) (*bulk.Bulkhead, bool)
//	Remove(ctx context.Context, label string) error
//	All() iter.Seq2[string, *bulk.Bulkhead]
//	Statuses() []bulk.Status
//	KeyedStatuses() []registry.KeyedStatus
//	Reports() []bulk.Report
//	Apply(capacities map[string]bulk.Capacity) error
//	ApplyJSON(data []byte) error
//	Close() error
//	Shutdown(ctx context.Context) error
type RegistrySubject = registries.Subject

// NewRegistryFunc makes a RegistrySubject, as registry.New makes a Registry,
// and passes the defaults on. Keyeds are members too if it is a *registry.Registry. It is
// called inside a testing/synctest bubble, at
// least once for each sequence of actions.
type NewRegistryFunc = func(defaults ...bulk.Option) (RegistrySubject, error)

// TestRegistry checks what newSubject makes against a model of
// registry.Registry, in as many random sequences of actions as -rapid.checks
// says (100 if nothing is said). It must not be called in a testing/synctest
// bubble.
func TestRegistry(t *testing.T, newSubject NewRegistryFunc) {
	t.Helper()
	kit.Check(t, registries.New(newSubject, nil))
}

// KeyedSubject is what a bulkhead per key must offer to be checked. It is an
// interface with these methods of a registry.Keyed whose keys are strings:
//
//	Acquire(ctx context.Context, key string, limits ...deadline.Limit) (bulk.Slot, error)
//	Status() registry.KeyedStatus
//	Statuses() iter.Seq2[string, bulk.Status]
//	NotStarted(err error) bool
//	Capacity() bulk.Capacity
//	Resize(parallelism int) error
//	SetCapacity(c bulk.Capacity) error
//	UpdateCapacity(f func(bulk.Capacity) bulk.Capacity) error
//	Evict(key string) bool
//	EvictIdle() int
//	Close() error
//	Shutdown(ctx context.Context) error
//
// What runs an operation is a function in package registry, not a method. A
// subject that has a way of its own to do that has a method
//
//	DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error
//
// Without, its operations are checked through Acquire and Release; those of a
// *registry.Keyed also through RunKey and GuardKey.
type KeyedSubject = keys.Subject

// NewKeyedFunc makes a KeyedSubject, as registry.NewKeyed makes a Keyed, and
// passes the options on. It is called inside a testing/synctest bubble, at least
// once for each sequence of actions.
type NewKeyedFunc = keys.NewFunc

// TestKeyed checks what newSubject makes against a model of registry.Keyed, in
// as many random sequences of actions as -rapid.checks says (100 if nothing is
// said). It must not be called in a testing/synctest bubble.
func TestKeyed(t *testing.T, newSubject NewKeyedFunc) {
	t.Helper()
	kit.Check(t, keys.New(newSubject, nil))
}

package propcheck_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck"
	"github.com/bulklink/bulklink-go/registry"
)

// loggedBulkhead is a bulkhead that logs the rejections.
type loggedBulkhead struct {
	*bulk.Bulkhead
	log *slog.Logger
}

func newLogged(label string, parallelism int, log *slog.Logger, opts ...bulk.Option) (*loggedBulkhead, error) {
	b, err := bulk.New(label, parallelism, opts...)
	if err != nil {
		return nil, err
	}
	return &loggedBulkhead{b, log}, nil
}

// Do runs fn in the bulkhead.
func (l *loggedBulkhead) Do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	err := bulk.Do(ctx, l.Bulkhead, fn, limits...)
	if bulk.NotStarted(err, l.Bulkhead) {
		l.log.Warn("rejected", "bulkhead", l.Label(), "err", err)
	}
	return err
}

// Acquire takes a slot.
func (l *loggedBulkhead) Acquire(ctx context.Context, limits ...deadline.Limit) (bulk.Slot, error) {
	slot, err := l.Bulkhead.Acquire(ctx, limits...)
	if err != nil {
		l.log.Warn("rejected", "bulkhead", l.Label(), "err", err)
	}
	return slot, err
}

// A wrapper of one's own is checked in one call. This is the body of a test
// function.
func ExampleTestBulkhead() {
	var t *testing.T // the test's

	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return newLogged(label, parallelism, log, opts...)
	})
}

// Keep this in sync with ExampleTestBulkhead.
func TestLoggedBulkhead(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return newLogged(label, parallelism, log, opts...)
	})
}

// A bulkhead itself is a Subject.
func TestBareBulkhead(t *testing.T) {
	propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
		return bulk.New(label, parallelism, opts...)
	})
}

// payments is a struct of one's own, with a bulkhead inside.
type payments struct{ bulkhead *bulk.Bulkhead }

// do runs what needs the payment service.
func (p payments) do(ctx context.Context, fn func(context.Context) error, limits ...deadline.Limit) error {
	if err := bulk.Do(ctx, p.bulkhead, fn, limits...); err != nil {
		return fmt.Errorf("payments: %w", err)
	}
	return nil
}

// A function of one's own is checked in one call. This is the body of a test
// function.
func ExampleTestDo() {
	var t *testing.T // the test's

	propcheck.TestDo(t, func(b *bulk.Bulkhead) propcheck.DoFunc { return payments{b}.do })
}

// Keep this in sync with ExampleTestDo.
func TestPayments(t *testing.T) {
	propcheck.TestDo(t, func(b *bulk.Bulkhead) propcheck.DoFunc { return payments{b}.do })
}

// loggedRegistry is a registry that logs what is created in it.
type loggedRegistry struct {
	*registry.Registry
	log *slog.Logger
}

// Create makes a bulkhead.
func (l *loggedRegistry) Create(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	b, err := l.Registry.Create(label, parallelism, opts...)
	l.log.Info("create", "bulkhead", label, "parallelism", parallelism, "err", err)
	return b, err
}

func newLoggedRegistry(defaults ...bulk.Option) (propcheck.RegistrySubject, error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return &loggedRegistry{registry.New(defaults...), log}, nil
}

// A registry of one's own. This is the body of a test function.
func ExampleTestRegistry() {
	var t *testing.T // the test's

	propcheck.TestRegistry(t, newLoggedRegistry)
}

// Keep this in sync with ExampleTestRegistry.
func TestLoggedRegistry(t *testing.T) { propcheck.TestRegistry(t, newLoggedRegistry) }

// tenants gives each tenant a bulkhead.
type tenants struct{ *registry.Keyed[string] }

func newTenants(label string, parallelism, maxKeys int, opts ...registry.KeyedOption) (propcheck.KeyedSubject, error) {
	k, err := registry.NewKeyed[string](label, parallelism, maxKeys, opts...)
	if err != nil {
		return nil, err
	}
	return tenants{k}, nil
}

// DoKey is a way of its own to run an operation, which is checked too.
func (s tenants) DoKey(ctx context.Context, tenant string, fn func(context.Context) error, limits ...deadline.Limit) error {
	_, err := registry.RunKey(ctx, s.Keyed, tenant, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, fn(ctx)
	}, limits...)
	return err
}

// Bulkheads per key of one's own. This is the body of a test function.
func ExampleTestKeyed() {
	var t *testing.T // the test's

	propcheck.TestKeyed(t, newTenants)
}

// Keep this in sync with ExampleTestKeyed.
func TestTenants(t *testing.T) { propcheck.TestKeyed(t, newTenants) }

// A wrapper that embeds what it wraps has all the methods.
func ExampleRegistrySubject() {
	var subject propcheck.RegistrySubject = &loggedRegistry{registry.New(), slog.Default()}
	_, found := subject.Get("payments")
	fmt.Println(found)
	// Output: false
}

// Each sequence is checked on a new one.
func ExampleNewRegistryFunc() {
	var build propcheck.NewRegistryFunc = func(defaults ...bulk.Option) (propcheck.RegistrySubject, error) {
		return registry.New(defaults...), nil
	}
	subject, err := build(bulk.WaitingRoom(3))
	fmt.Println(len(subject.Statuses()), err)
	// Output: 0 <nil>
}

// A Keyed is a KeyedSubject if its keys are strings.
func ExampleKeyedSubject() {
	k, err := registry.NewKeyed[string]("tenants", 4, 100)
	if err != nil {
		panic(err)
	}
	var subject propcheck.KeyedSubject = k
	fmt.Println(subject.Status().MaxKeys)
	// Output: 100
}

// The options must be passed on.
func ExampleNewKeyedFunc() {
	var build propcheck.NewKeyedFunc = newTenants
	subject, err := build("tenants", 4, 100)
	fmt.Println(subject.Status().Label, err)
	// Output: tenants <nil>
}

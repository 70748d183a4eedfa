// Package admission admits the operations of a pool of connections to a bulkhead. It is
// what bulksql and bulkpgx have in common.
package admission

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

// Config is what the options set.
type Config struct {
	others []*bulk.Bulkhead
	perKey perKey // nil without PerKey
}

// SharedWith adds the other bulkheads of the same pool.
func SharedWith(others []*bulk.Bulkhead) option.Option[Config] {
	return func(c *Config) error {
		c.others = append(c.others, others...)
		return nil
	}
}

// PerKey adds the admission by a key, before that by the bulkhead.
func PerKey[K comparable](k *registry.Keyed[K], keyOf func(context.Context) (K, bool)) option.Option[Config] {
	return func(c *Config) error {
		c.perKey = keyed[K]{k, keyOf}
		return nil
	}
}

// Admission admits operations. Its fields do not change.
type Admission struct {
	// Bulkhead admits the operations.
	Bulkhead *bulk.Bulkhead

	config Config
	limit  deadline.Limit
	nested error
}

// New returns an Admission to b. nested is the sentinel of calls inside an operation;
// its text begins with the name of the package.
func New(b *bulk.Bulkhead, nested error, opts []option.Option[Config]) (Admission, error) {
	a := Admission{Bulkhead: b, nested: nested}
	if err := option.Apply(&a.config, opts...); err != nil {
		return a, &optionError{b, err}
	}
	return a, nil
}

// optionError is the error for an option that is nil or failed.
type optionError struct {
	bulkhead *bulk.Bulkhead
	err      error
}

func (e *optionError) Error() string        { return e.bulkhead.String() + ": " + e.err.Error() }
func (e *optionError) Unwrap() error        { return e.err }
func (e *optionError) Is(target error) bool { return target == bulk.ErrConfig }

// With returns an Admission with these limits in addition to those of a.
func (a Admission) With(limits []deadline.Limit) Admission {
	a.limit = deadline.Tightest(a.limit, deadline.Tightest(limits...))
	return a
}

// Check returns a [*bulk.ConfigError] if there are more slots than connections. setting is
// the name of the setting of the pool.
func (a Admission) Check(conns int, setting string) error {
	slots, sharing := 0, ""
	for _, b := range append([]*bulk.Bulkhead{a.Bulkhead}, a.config.others...) {
		p := b.Capacity().Parallelism
		if p == bulk.Unlimited {
			return nil // it only observes
		}
		slots += min(p, math.MaxInt-slots)
	}
	if slots <= conns {
		return nil
	}
	if n := len(a.config.others); n > 0 {
		sharing = fmt.Sprintf(", for this bulkhead and %d others together", n)
	}
	return &bulk.ConfigError{
		Label: a.Bulkhead.Label(), Field: "parallelism", Value: slots,
		Problem: fmt.Sprintf("must be at most %d, the %s of the pool%s", conns, setting, sharing),
	}
}

// Run runs fn while it holds a slot.
func Run[T any](ctx context.Context, a Admission, fn func(context.Context) (T, error)) (T, error) {
	if err := a.checkNested(ctx); err != nil {
		var zero T
		return zero, err
	}
	if a.config.perKey == nil {
		return bulk.Run(ctx, a.Bulkhead, fn, a.limit)
	}
	arrived := time.Now()
	outer, err := a.config.perKey.acquire(ctx, a.limit)
	if err != nil {
		var zero T
		return zero, err
	}
	defer outer.Release()
	result, err := bulk.Run(ctx, a.Bulkhead, fn, a.remaining(arrived))
	if err != nil && outer != (bulk.Slot{}) {
		err = hooks.Ran(ctx, outer, err)
	}
	return result, err
}

// Slots are the slots of an operation that was admitted. They may be copied.
type Slots struct{ inner, outer bulk.Slot }

// Release releases the slots. Only the first call has an effect.
func (s Slots) Release() {
	defer s.outer.Release()
	s.inner.Release()
}

// Ran returns the error of an operation that ran with the slots: see [hooks.Ran].
func (s Slots) Ran(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = hooks.Ran(ctx, s.inner, err)
	if s.outer != (bulk.Slot{}) {
		err = hooks.Ran(ctx, s.outer, err)
	}
	return err
}

// Acquire returns the slots of the operation, or the error of the rejection. It is for
// operations that release their slots elsewhere than at the end of a function.
func (a Admission) Acquire(ctx context.Context) (Slots, error) {
	if err := a.checkNested(ctx); err != nil {
		return Slots{}, err
	}
	if a.config.perKey == nil {
		slot, err := a.Bulkhead.Acquire(ctx, a.limit)
		return Slots{inner: slot}, err
	}
	arrived := time.Now()
	outer, err := a.config.perKey.acquire(ctx, a.limit)
	if err != nil {
		return Slots{}, err
	}
	admitted := false
	defer func() {
		if !admitted { // an error, or an event handler that ended the goroutine
			outer.Release()
		}
	}()
	inner, err := a.Bulkhead.Acquire(ctx, a.remaining(arrived))
	if err != nil {
		return Slots{}, err
	}
	admitted = true
	return Slots{inner, outer}, nil
}

// remaining returns the limits for the second wait of an operation.
func (a Admission) remaining(arrived time.Time) deadline.Limit {
	if within, ok := a.limit.Within(); ok {
		return deadline.Tightest(a.limit, deadline.Within(within-time.Since(arrived)))
	}
	return a.limit
}

// Inside returns the ctx for code that holds a slot: calls with it are nested.
func (a Admission) Inside(ctx context.Context) context.Context {
	return context.WithValue(ctx, holder{a.Bulkhead}, true)
}

type holder struct{ b *bulk.Bulkhead }

func (a Admission) checkNested(ctx context.Context) error {
	if ctx.Value(holder{a.Bulkhead}) != nil {
		return fmt.Errorf("%w of %v: use its transaction or connection", a.nested, a.Bulkhead)
	}
	return nil
}

// perKey is the admission by a key. An operation without a key gets the zero Slot.
type perKey interface {
	acquire(ctx context.Context, limit deadline.Limit) (bulk.Slot, error)
}

type keyed[K comparable] struct {
	keyed *registry.Keyed[K]
	keyOf func(context.Context) (K, bool)
}

func (k keyed[K]) acquire(ctx context.Context, limit deadline.Limit) (bulk.Slot, error) {
	key, limited := k.keyOf(ctx)
	if !limited {
		return bulk.Slot{}, nil
	}
	return k.keyed.Acquire(ctx, key, limit)
}

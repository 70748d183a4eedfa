package registry

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// RunKey is [bulk.Run] in the bulkhead of the key. It creates the bulkhead if there
// is none.
//
// Its errors are those of bulk.Run and two more. A [*TooManyKeysError] rejects a new
// key when maxKeys keys are in use. A [*bulk.ConfigError] rejects a key that is not
// equal to itself (NaN), because it could not be found again. [Keyed.NotStarted]
// tells whether the operation was rejected.
//
// An operation with a done ctx or a passed bound, or on a closed Keyed, is rejected
// with the error of a bulkhead. It neither creates nor evicts a key. A nil fn
// panics, and so does a key of an interface type whose value is not comparable.
func RunKey[K comparable, T any](ctx context.Context, k *Keyed[K], key K, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "RunKey: nil fn")
	return runKey(ctx, k, key, 1, fn, limits)
}

// RunKeyN is [RunKey] for an operation that needs n slots of its key together: it gets
// all or none. If n is less than 1, RunKeyN returns a [*bulk.ConfigError], and counts no
// arrival.
func RunKeyN[K comparable, T any](ctx context.Context, k *Keyed[K], key K, n int, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "RunKeyN: nil fn")
	if err := k.checkSlots(n); err != nil {
		var zero T
		return zero, err
	}
	return runKey(ctx, k, key, n, fn, limits)
}

func runKey[K comparable, T any](ctx context.Context, k *Keyed[K], key K, n int, fn func(context.Context) (T, error), limits []deadline.Limit) (T, error) {
	e, err := k.enter(ctx, key, limits)
	if err != nil {
		var zero T
		return zero, err
	}
	defer k.leave(e)
	return bulk.RunN(ctx, e.bulkhead, n, fn, limits...)
}

// checkSlots returns the error for a number of slots that no operation can ask for.
func (k *Keyed[K]) checkSlots(n int) error {
	if n < 1 {
		return &bulk.ConfigError{Label: k.label, Field: "slots", Value: n, Problem: "must be at least 1"}
	}
	return nil
}

// GuardKey returns a function that calls fn with [RunKey], under the key that keyOf
// returns for its argument. keyOf runs first, on the caller's goroutine.
//
// The limits apply to every call. A [deadline.Before] is a fixed instant: every call
// after it is rejected as expired. A nil keyOf or fn panics.
func GuardKey[K comparable, A, T any](k *Keyed[K], keyOf func(A) K, fn func(context.Context, A) (T, error), limits ...deadline.Limit) func(context.Context, A) (T, error) {
	mustHave(keyOf != nil, "GuardKey: nil keyOf")
	mustHave(fn != nil, "GuardKey: nil fn")
	if len(limits) > 0 {
		// Computed once, and independent of the caller's slice.
		limits = []deadline.Limit{deadline.Tightest(limits...)}
	}
	return func(ctx context.Context, arg A) (T, error) {
		e, err := k.enter(ctx, keyOf(arg), limits)
		if err != nil {
			var zero T
			return zero, err
		}
		defer k.leave(e)
		return bulk.Run(ctx, e.bulkhead, func(ctx context.Context) (T, error) { return fn(ctx, arg) }, limits...)
	}
}

// Acquire is [bulk.Bulkhead.Acquire] in the bulkhead of the key. It creates the
// bulkhead if there is none. Its errors are those of [RunKey]. The key is in use
// until the slot is released. If it never is, the key is never evicted.
func (k *Keyed[K]) Acquire(ctx context.Context, key K, limits ...deadline.Limit) (bulk.Slot, error) {
	return k.acquire(ctx, key, 1, limits)
}

// AcquireN is [Keyed.Acquire] for an operation that needs n slots of its key together:
// it gets all or none. If n is less than 1, AcquireN returns a [*bulk.ConfigError], and
// counts no arrival.
func (k *Keyed[K]) AcquireN(ctx context.Context, key K, n int, limits ...deadline.Limit) (bulk.Slot, error) {
	if err := k.checkSlots(n); err != nil {
		return bulk.Slot{}, err
	}
	return k.acquire(ctx, key, n, limits)
}

func (k *Keyed[K]) acquire(ctx context.Context, key K, n int, limits []deadline.Limit) (bulk.Slot, error) {
	e, err := k.enter(ctx, key, limits)
	if err != nil {
		return bulk.Slot{}, err
	}
	// The release of the slot returns the lease: see hooks.OnRelease. Without a
	// slot it is returned here, even if an event handler ends the goroutine.
	admitted := false
	defer func() {
		if !admitted {
			k.leave(e)
		}
	}()
	slot, err := e.bulkhead.AcquireN(ctx, n, limits...)
	admitted = err == nil
	return slot, err
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("registry: " + what)
	}
}

package registry

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// RunKey is [bulk.Run] in the bulkhead of a key, which is made if there is none.
//
// Besides the errors of bulk.Run there are [ErrTooManyKeys] for a key that is
// new when there is no room for it, and a [*bulk.ConfigError] for one that is
// unequal to itself (NaN), which could never be found again. A done ctx, a
// passed bound or a closed k is turned away with the errors of a bulkhead, and
// neither makes nor evicts a key. A nil fn panics, and so does a key of an
// interface type that can't be compared.
func RunKey[K comparable, T any](ctx context.Context, k *Keyed[K], key K, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "RunKey: nil fn")
	e, err := k.enter(ctx, key, limits)
	if err != nil {
		var zero T
		return zero, err
	}
	defer k.leave(e)
	return bulk.Run(ctx, e.bulkhead, fn, limits...)
}

// GuardKey returns fn as a function that runs it in k, under the key that keyOf
// makes of its argument: each call of it is a [RunKey]. keyOf runs on the
// caller's goroutine, before anything else.
//
// The limits are those of every call. A [deadline.Before] among them names one
// instant, here and now: every call after it is turned away as expired. A nil
// keyOf or fn panics.
func GuardKey[K comparable, A, T any](k *Keyed[K], keyOf func(A) K, fn func(context.Context, A) (T, error), limits ...deadline.Limit) func(context.Context, A) (T, error) {
	mustHave(keyOf != nil, "GuardKey: nil keyOf")
	mustHave(fn != nil, "GuardKey: nil fn")
	if len(limits) > 0 {
		// One of many, once, and safe from later changes to the caller's slice.
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

// Acquire is [bulk.Bulkhead.Acquire] in the bulkhead of a key, which is made if
// there is none. The errors are those of [RunKey]. The key is in use until the
// slot is released: a slot that is dropped keeps it for ever.
func (k *Keyed[K]) Acquire(ctx context.Context, key K, limits ...deadline.Limit) (bulk.Slot, error) {
	e, err := k.enter(ctx, key, limits)
	if err != nil {
		return bulk.Slot{}, err
	}
	// The lease goes with the slot: see hooks.OnRelease. If there is none, also
	// because an event handler ended this goroutine, it is given back here.
	admitted := false
	defer func() {
		if !admitted {
			k.leave(e)
		}
	}()
	slot, err := e.bulkhead.Acquire(ctx, limits...)
	admitted = err == nil
	return slot, err
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("registry: " + what)
	}
}

package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// Guard returns a function that runs fn in b: each call of it is a [Run]. It can be
// wrapped like any function of its type, by a retry, a breaker, or
// [deadline.Timeout]:
//
//	bulk.Guard(b, deadline.Timeout(d, fn)) // d counts from admission
//	deadline.Timeout(d, bulk.Guard(b, fn)) // d includes the wait
//
// The limits apply to every call. A [deadline.Before] among them names an instant
// that is fixed now: every call after it is rejected as expired. A nil fn panics.
func Guard[T any](b *Bulkhead, fn func(context.Context) (T, error), limits ...deadline.Limit) func(context.Context) (T, error) {
	mustHave(fn != nil, "Guard")
	limits = merge(limits)
	return func(ctx context.Context) (T, error) {
		return Run(ctx, b, fn, limits...)
	}
}

// Guard1 is [Guard] for a function with one argument.
func Guard1[A, T any](b *Bulkhead, fn func(context.Context, A) (T, error), limits ...deadline.Limit) func(context.Context, A) (T, error) {
	mustHave(fn != nil, "Guard1")
	limits = merge(limits)
	return func(ctx context.Context, arg A) (T, error) {
		return Run(ctx, b, func(ctx context.Context) (T, error) { return fn(ctx, arg) }, limits...)
	}
}

// GuardDo is [Guard] for a function that returns only an error.
func GuardDo(b *Bulkhead, fn func(context.Context) error, limits ...deadline.Limit) func(context.Context) error {
	mustHave(fn != nil, "GuardDo")
	limits = merge(limits)
	return func(ctx context.Context) error {
		return Do(ctx, b, fn, limits...)
	}
}

// GuardDo1 is [Guard] for a function with one argument that returns only an error.
func GuardDo1[A any](b *Bulkhead, fn func(context.Context, A) error, limits ...deadline.Limit) func(context.Context, A) error {
	mustHave(fn != nil, "GuardDo1")
	limits = merge(limits)
	return func(ctx context.Context, arg A) error {
		return Do(ctx, b, func(ctx context.Context) error { return fn(ctx, arg) }, limits...)
	}
}

// merge combines the limits once instead of at every call. The result does not
// alias the caller's slice.
func merge(limits []deadline.Limit) []deadline.Limit {
	if len(limits) == 0 {
		return nil
	}
	return []deadline.Limit{deadline.Tightest(limits...)}
}

package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// Guard returns fn as a function that runs it in b: each call of it is a
// [Run]. Like any function of its type it can be wrapped again, by a retry, a
// breaker, or [deadline.Timeout]:
//
//	bulk.Guard(b, deadline.Timeout(d, fn)) // d counts from admission
//	deadline.Timeout(d, bulk.Guard(b, fn)) // d counts the wait too
//
// The limits are those of every call. A [deadline.Before] among them names one
// instant, here and now: every call after it is turned away as expired. A nil
// fn panics.
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

// merge makes one limit of many, once instead of at every call, and keeps it
// from later changes to the caller's slice.
func merge(limits []deadline.Limit) []deadline.Limit {
	if len(limits) == 0 {
		return nil
	}
	return []deadline.Limit{deadline.Tightest(limits...)}
}

package deadline

import (
	"context"
	"fmt"
	"time"
)

// Timeout returns a function that calls fn with a ctx that ends d after the
// start of the call, or when the caller's ctx ends, whichever comes first. It
// returns the value and the error of fn unchanged, also if fn returns after d.
//
// If d ends the ctx, ctx.Err() is [context.DeadlineExceeded], and
// [context.Cause] returns an error that contains d and matches
// context.DeadlineExceeded. If the caller's ctx ends first, Err and Cause are
// those of the caller's ctx.
//
// fn runs on the caller's goroutine. The call returns when fn returns, so the
// timeout has an effect only if fn returns when its ctx ends. The ctx is
// canceled when fn returns. If fn panics or calls [runtime.Goexit], the ctx is
// canceled too, and the panic or exit propagates.
//
// If d is 0 or less, fn is still called, with a ctx that has already ended.
// Timeout panics if fn is nil. A call costs as much as
// [context.WithTimeoutCause] and its cancel function.
func Timeout[T any](d time.Duration, fn func(context.Context) (T, error)) func(context.Context) (T, error) {
	if fn == nil {
		panic("deadline: Timeout: nil fn")
	}
	cause := exceeded(d)
	return func(ctx context.Context) (T, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		defer cancel() // also if fn panics or calls runtime.Goexit
		return fn(ctx)
	}
}

// Timeout1 is [Timeout] for a function that takes one argument in addition to
// ctx. The argument is passed to fn unchanged.
func Timeout1[A, T any](d time.Duration, fn func(context.Context, A) (T, error)) func(context.Context, A) (T, error) {
	if fn == nil {
		panic("deadline: Timeout1: nil fn")
	}
	cause := exceeded(d)
	return func(ctx context.Context, arg A) (T, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		defer cancel() // also if fn panics or calls runtime.Goexit
		return fn(ctx, arg)
	}
}

// exceeded returns the cause of a ctx that ended after d. It wraps
// context.DeadlineExceeded, so that code that sees only the cause still
// recognizes a deadline. Retry policies look for its method Timeout.
func exceeded(d time.Duration) error {
	return fmt.Errorf("deadline: timeout of %v: %w", d, context.DeadlineExceeded)
}

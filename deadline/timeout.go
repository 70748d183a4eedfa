package deadline

import (
	"context"
	"fmt"
	"time"
)

// Timeout returns a function that calls fn with a ctx that ends d after the
// call began, or when the caller's ctx ends, whichever comes first. What fn
// returns comes back untouched, also when it returns after d.
//
// When the time is up, ctx.Err() is [context.DeadlineExceeded], and
// [context.Cause] is an error that names d and matches
// context.DeadlineExceeded. If the caller's ctx ended first, Err and Cause are
// its own: the cause tells which bound it was.
//
// fn runs on the caller's goroutine and is never abandoned: the call returns
// when fn does, so fn must heed its ctx for the timeout to have an effect.
// The ctx ends when fn returns. A panic or [runtime.Goexit] in fn goes on up
// unchanged, after the ctx has ended too.
//
// If d is 0 or less, fn is called all the same, with a ctx that has already
// ended. Timeout panics if fn is nil. Each call costs what
// [context.WithTimeoutCause] does and nothing more.
func Timeout[T any](d time.Duration, fn func(context.Context) (T, error)) func(context.Context) (T, error) {
	if fn == nil {
		panic("deadline: Timeout: nil fn")
	}
	cause := exceeded(d)
	return func(ctx context.Context) (T, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		defer cancel() // also when fn panics or ends its goroutine
		return fn(ctx)
	}
}

// Timeout1 is [Timeout] for functions that take an argument besides ctx.
// The argument is passed on untouched.
func Timeout1[A, T any](d time.Duration, fn func(context.Context, A) (T, error)) func(context.Context, A) (T, error) {
	if fn == nil {
		panic("deadline: Timeout1: nil fn")
	}
	cause := exceeded(d)
	return func(ctx context.Context, arg A) (T, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		defer cancel() // also when fn panics or ends its goroutine
		return fn(ctx, arg)
	}
}

// exceeded returns the cause of a ctx that a timeout of d has ended. It wraps
// context.DeadlineExceeded, so that whoever looks at the cause alone still sees
// a deadline, with the method Timeout that retry policies ask for.
func exceeded(d time.Duration) error {
	return fmt.Errorf("deadline: timeout of %v: %w", d, context.DeadlineExceeded)
}

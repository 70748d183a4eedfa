package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// Run runs fn in b and returns what fn returns. If the operation is rejected, fn is
// not called, and Run returns the zero value and an [*AdmissionError].
//
// fn runs at most once, on the caller's goroutine and with the caller's ctx. Its
// error is returned unchanged, with one exception that [NotStarted] describes. If
// fn panics or calls runtime.Goexit, the slot is released and the panic or exit
// propagates. The limits bound the wait of this call; they never affect fn. A nil fn
// panics.
//
// Run blocks while the operation waits in the waiting room, while fn runs, and while
// event handlers run. Without handlers it takes the lock twice, and allocates
// nothing in steady state.
func Run[T any](ctx context.Context, b *Bulkhead, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "Run")
	var op *operation
	var wait bool
	var err error
	if ctx.Err() != nil || !onlyWithin(limits) {
		op, wait, err = b.enterTimed(ctx, 1, limits, false)
	} else if b.mu.Lock(); b.startsNow(1) {
		b.occupy(1)
		b.mu.Unlock()
	} else {
		op, wait, err = b.enter(1, limits, false)
	}
	if wait {
		err = b.await(ctx, op)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	// This does what release does for an operation without a record when no operation
	// waits and no handler listens. A call, or a function that RunN could share, would
	// cost Run a tenth more.
	defer func() {
		b.mu.Lock()
		if op != nil || b.queue.head != nil || b.slowPath {
			b.release(op, 1)
			return
		}
		b.inUse--
		b.totals.Finished++
		b.mu.Unlock()
	}()
	value, err := fn(ctx)
	if err != nil {
		err = b.ran(ctx, err)
	}
	return value, err
}

// RunN is [Run] for an operation that needs n slots together: it gets all or none.
// If n is less than 1, RunN returns a [*ConfigError] and counts no arrival.
func RunN[T any](ctx context.Context, b *Bulkhead, n int, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "RunN")
	if err := b.checkSlots(n); err != nil {
		var zero T
		return zero, err
	}
	var op *operation
	var wait bool
	var err error
	if ctx.Err() != nil || !onlyWithin(limits) {
		op, wait, err = b.enterTimed(ctx, n, limits, false)
	} else if b.mu.Lock(); b.startsNow(n) {
		b.occupy(n)
		b.mu.Unlock()
	} else {
		op, wait, err = b.enter(n, limits, false)
	}
	if wait {
		err = b.await(ctx, op)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	defer func() {
		b.mu.Lock()
		b.release(op, n)
	}()
	value, err := fn(ctx)
	if err != nil {
		err = b.ran(ctx, err)
	}
	return value, err
}

// Do is [Run] for a function that returns only an error.
func Do(ctx context.Context, b *Bulkhead, fn func(context.Context) error, limits ...deadline.Limit) error {
	mustHave(fn != nil, "Do")
	_, err := Run(ctx, b, withoutValue(fn), limits...)
	return err
}

// DoN is [RunN] for a function that returns only an error.
func DoN(ctx context.Context, b *Bulkhead, n int, fn func(context.Context) error, limits ...deadline.Limit) error {
	mustHave(fn != nil, "DoN")
	_, err := RunN(ctx, b, n, withoutValue(fn), limits...)
	return err
}

func withoutValue(fn func(context.Context) error) func(context.Context) (struct{}, error) {
	return func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) }
}

func mustHave(ok bool, function string) {
	if !ok {
		panic("bulk: " + function + ": nil fn")
	}
}

func (b *Bulkhead) checkSlots(n int) error {
	if n < 1 {
		return &ConfigError{Label: b.label, Field: "slots", Value: n, Problem: "must be at least 1"}
	}
	return nil
}

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

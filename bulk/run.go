package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// Run admits one operation to b and runs fn, or returns why it was not
// admitted: an [*AdmissionError], and fn was never called.
//
// fn runs on the caller's goroutine, with the caller's ctx, exactly once. Its
// value and error are returned unchanged, with one exception, which [NotStarted]
// explains. If fn panics or calls runtime.Goexit, the slot is released and the
// panic or exit propagates. The limits say how long this call may wait to be
// admitted; they never touch fn. A nil fn panics.
//
// Run blocks only while it waits in the waiting room. It takes the lock twice
// and allocates nothing.
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
	// This does what release does when there is nothing to remember about the
	// operation and nobody waits or listens. It is written out because a call, or a
	// function that RunN could share, would cost Run a tenth more.
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

// RunN is [Run] for an operation that needs n slots at once: all or none, never
// some. n below 1 is a [*ConfigError], and not an arrival.
func RunN[T any](ctx context.Context, b *Bulkhead, n int, fn func(context.Context) (T, error), limits ...deadline.Limit) (T, error) {
	mustHave(fn != nil, "RunN")
	if err := checkSlots(n); err != nil {
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
	_, err := Run(ctx, b, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) }, limits...)
	return err
}

func mustHave(ok bool, verb string) {
	if !ok {
		panic("bulk: " + verb + ": nil fn")
	}
}

func checkSlots(n int) error {
	if n < 1 {
		return &ConfigError{Field: "slots", Value: n, Problem: "must be at least 1"}
	}
	return nil
}

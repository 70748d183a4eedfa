package adaptive

import (
	"context"
	"sync/atomic"
)

// Measure returns a function that calls fn and measures it for l: how long it took,
// and what [Classify] says about its error. Put it inside of the guard, so that waits
// in the waiting room are not measured:
//
//	guarded := bulk.Guard(b, adaptive.Measure(l, fn))
//
// fn runs on the caller's goroutine with the caller's ctx. Its value and error are
// returned unchanged. If it panics or calls runtime.Goexit, the operation ends with
// [Ignore], and the panic or exit propagates. A nil l or fn panics.
//
// The call that completes a window makes a decision: it changes the capacity of the
// bulkhead and calls the handlers. All other calls cost two readings of the clock and
// one short section under the limiter's lock, and allocate nothing.
func Measure[T any](l *Limiter, fn func(context.Context) (T, error)) func(context.Context) (T, error) {
	mustHave(l, fn != nil, "Measure")
	return func(ctx context.Context) (T, error) {
		start, outcome := l.begin(), Ignore
		defer func() { l.end(start, outcome) }()
		value, err := fn(ctx)
		outcome = l.config.classify(err)
		return value, err
	}
}

// Measure1 is [Measure] for a function that takes one argument in addition to ctx.
func Measure1[A, T any](l *Limiter, fn func(context.Context, A) (T, error)) func(context.Context, A) (T, error) {
	mustHave(l, fn != nil, "Measure1")
	return func(ctx context.Context, arg A) (T, error) {
		start, outcome := l.begin(), Ignore
		defer func() { l.end(start, outcome) }()
		value, err := fn(ctx, arg)
		outcome = l.config.classify(err)
		return value, err
	}
}

// MeasureDo is [Measure] for a function that returns only an error.
func MeasureDo(l *Limiter, fn func(context.Context) error) func(context.Context) error {
	mustHave(l, fn != nil, "MeasureDo")
	return func(ctx context.Context) error {
		start, outcome := l.begin(), Ignore
		defer func() { l.end(start, outcome) }()
		err := fn(ctx)
		outcome = l.config.classify(err)
		return err
	}
}

func mustHave(l *Limiter, ok bool, function string) {
	if l == nil {
		panic("adaptive: " + function + ": nil limiter")
	}
	if !ok {
		panic("adaptive: " + function + ": nil fn")
	}
}

// Begin starts the measurement of an operation that does not fit into one function,
// such as one that holds a [bulk.Slot]. Call it after the admission, and end before
// the slot is released, with the error of the operation. end may be called any number
// of times, by any goroutine: the first call counts. An operation that never ends
// counts as in flight until the process ends.
func (l *Limiter) Begin() (end func(error)) {
	start := l.begin()
	return func(err error) { l.endOnce(&start, err) }
}

// endOnce ends an operation unless it has ended.
func (l *Limiter) endOnce(start *int64, err error) {
	began := atomic.SwapInt64(start, notMeasured)
	if began == notMeasured {
		return
	}
	outcome := Ignore
	defer func() { l.end(began, outcome) }() // also if the classification panics
	outcome = l.config.classify(err)
}

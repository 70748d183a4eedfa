package option

import (
	"errors"
	"fmt"
	"slices"
)

// Option changes the configuration that c points to. It returns an error if the
// change is not possible. [Apply] reports a nil Option as [ErrNil].
//
// An Option should change nothing but the configuration that c points to. Such
// an Option can be kept, applied any number of times, and used by several
// goroutines concurrently.
type Option[C any] func(c *C) error

// ErrNil is the error for a nil option. Errors of [Apply] and of options
// returned by [Join] and [When] match it with [errors.Is].
var ErrNil = errors.New("option: nil option")

// Apply applies all options to c in order. If two options set the same field,
// the later one wins. An option that returns an error does not stop the options
// after it, so the caller sees every problem in one error.
//
// Apply returns nil if every option returned nil. Otherwise it joins all errors
// in order with [errors.Join]. A nil option contributes an error that matches
// [ErrNil] and contains the option's position. After an error c may be partly
// changed: do not use it.
//
// Apply passes c to the options unchanged, also if c is nil. A panic in an
// option propagates. Apply allocates nothing unless there is an error.
func Apply[C any](c *C, opts ...Option[C]) error {
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, nilAt(i, len(opts)))
			continue
		}
		if err := opt(c); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// nilAt returns the error for a nil option at index i of n. With a single
// option the position is left out.
func nilAt(i, n int) error {
	if n == 1 {
		return ErrNil
	}
	return fmt.Errorf("%w (%d of %d)", ErrNil, i+1, n)
}

// Join combines options into one, as a preset. The returned option applies all
// of them as [Apply] does and returns the same joined errors. Join without
// arguments returns an option that changes nothing and returns nil.
//
// Join never returns nil. It copies the slice, so a later change of the slice
// does not change the preset.
func Join[C any](opts ...Option[C]) Option[C] {
	opts = slices.Clone(opts)
	return func(c *C) error { return Apply(c, opts...) }
}

// When returns opt if cond is true. If cond is false, it returns an option that
// changes nothing and returns nil. cond is evaluated when When is called, not
// when the option is applied.
//
// When never returns nil. When(false, nil) is valid. When(true, nil) returns an
// option whose error matches [ErrNil].
func When[C any](cond bool, opt Option[C]) Option[C] {
	if !cond {
		return Join[C]()
	}
	if opt == nil {
		return Join(opt) // fails when it is applied, instead of a panic for direct callers
	}
	return opt
}

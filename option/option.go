package option

import (
	"errors"
	"fmt"
	"slices"
)

// Option changes the configuration that c points to, or says why it can't.
// A nil Option is a mistake that [Apply] reports as [ErrNil].
//
// An Option should change what c points to and nothing else. Then it can be
// kept and applied any number of times, by any number of goroutines at once.
type Option[C any] func(c *C) error

// ErrNil is matched by the error for an option that is nil.
var ErrNil = errors.New("option: nil option")

// Apply applies all options to c in order, so that of two that set the same
// thing the later one holds. An option that fails does not keep the later ones
// from being applied: the caller gets to know at once all that is wrong.
//
// It returns nil if every option returned nil. Otherwise it returns all errors
// joined in order, as [errors.Join] does, a nil option being one that matches
// [ErrNil] and says which one it was. In that case c may have been changed in
// part; do not use it.
//
// Apply hands c to the options as it is: with a nil c, what happens is up to
// them. A panic in an option goes on up. Without errors Apply allocates nothing.
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

// nilAt says which of n options is nil. Of a single one there is nothing to say.
func nilAt(i, n int) error {
	if n == 1 {
		return ErrNil
	}
	return fmt.Errorf("%w (%d of %d)", ErrNil, i+1, n)
}

// Join returns the options as one: a preset. Applying it applies all of them,
// just as [Apply] does, with the same joined errors. Without options it changes
// nothing and returns nil.
//
// Join never returns nil. It keeps its own copy of the slice; changing the one
// that was passed does not change the preset.
func Join[C any](opts ...Option[C]) Option[C] {
	opts = slices.Clone(opts)
	return func(c *C) error { return Apply(c, opts...) }
}

// When returns opt if cond is true, and otherwise an option that changes
// nothing and returns nil. The condition is looked at once, when When is called.
//
// When never returns nil. When(false, nil) is fine; When(true, nil) is an
// option whose error matches [ErrNil].
func When[C any](cond bool, opt Option[C]) Option[C] {
	if !cond {
		return Join[C]()
	}
	if opt == nil {
		return Join(opt) // an error when applied, by whomever; not a panic
	}
	return opt
}

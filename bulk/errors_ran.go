package bulk

import (
	"context"
	"errors"
	"reflect"
)

// ran returns the error that a caller is given for err, with which an operation
// ended that ran with ctx. It is err itself, unless err says that an operation was
// never started and that can be taken for this one: because b is the bulkhead that
// rejected (a nested call), or because the cause of ctx says the same (a group
// cancels all its operations with the rejection of one of them, and net/http
// returns that cause from requests in flight).
func (b *Bulkhead) ran(ctx context.Context, err error) error {
	mistakable := contains(err, func(e error) bool {
		rejection := rejectionIn(e)
		return rejection != nil && (b.rejected(rejection) || isCause(ctx, rejection))
	})
	if mistakable {
		return &ranError{err}
	}
	return err
}

func (b *Bulkhead) rejected(err error) bool {
	e, ok := err.(*AdmissionError)
	return ok && e.bulkhead == b.id
}

// isCause reports whether ctx has ended with an error that contains the rejection.
func isCause(ctx context.Context, rejection error) bool {
	end := ctxEndOf(ctx)
	if end == nil || !reflect.ValueOf(rejection).Comparable() {
		return false
	}
	same := func(e error) bool { return rejectionIn(e) == rejection }
	return contains(end.cause, same) || contains(end.err, same)
}

// ranError is the error of an operation that ran, in which there is one that
// says that one was never started. It has the text of that error and matches what
// that error matches, except the sentinels that say so and *AdmissionError. It has
// no Unwrap method, which would let errors.Is and errors.As find these.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }

// Is reports whether target is matched by the error, and is no sentinel that says
// that an operation was never started. An *AdmissionError is none: to match the
// cause of ctx, or the error of a sibling, by identity says nothing else.
func (e *ranError) Is(target error) bool {
	if _, ok := target.(*AdmissionError); !ok && (isSentinel(target) || saysNotStarted(target)) {
		return false
	}
	return errors.Is(e.err, target)
}

// As does what [errors.As] does with the error, as if there were no
// [*AdmissionError] in it, but with what a canceled one matches.
func (e *ranError) As(target any) bool {
	to := reflect.ValueOf(target).Elem()
	return to.Type() != admissionErrors && contains(e.err, func(e error) bool { return assign(e, to) })
}

var admissionErrors = reflect.TypeFor[*AdmissionError]()

// assign sets to what err itself is, or finds by its As method, if that has the
// type of to and is no *AdmissionError. It reports whether it did.
func assign(err error, to reflect.Value) bool {
	if a, ok := err.(*AdmissionError); ok {
		if a.ended == nil {
			return false
		}
		ending := func(e error) bool { return assign(e, to) }
		return contains(a.ended.cause, ending) || contains(a.ended.err, ending)
	}
	if v := reflect.ValueOf(err); v.Type().AssignableTo(to.Type()) {
		to.Set(v)
		return true
	}
	x, ok := err.(interface{ As(any) bool })
	if !ok {
		return false
	}
	found := reflect.New(to.Type())
	if !x.As(found.Interface()) {
		return false
	}
	if _, ok := found.Elem().Interface().(*AdmissionError); ok {
		return false
	}
	to.Set(found.Elem())
	return true
}

// rejectionIn returns what in err, apart from the errors that it wraps, says that
// an operation was never started; nil if nothing does. It is an *AdmissionError or,
// when another package has an error of its own for that, err.
func rejectionIn(err error) error {
	if e, ok := err.(*AdmissionError); ok {
		return e
	}
	if x, ok := err.(interface{ As(any) bool }); ok {
		var e *AdmissionError
		if x.As(&e) {
			return e
		}
	}
	if saysNotStarted(err) {
		return err
	}
	return nil
}

// saysNotStarted reports whether err itself matches ErrNotStarted, and not only an
// error that it wraps.
func saysNotStarted(err error) bool {
	x, ok := err.(interface{ Is(error) bool })
	return ok && x.Is(ErrNotStarted)
}

func isSentinel(err error) bool {
	switch err {
	case ErrNotStarted, ErrOverload, ErrSaturated, ErrExpired, ErrClosed, ErrOversized, ErrCanceled:
		return true
	}
	return false
}

// contains reports whether f holds for err or any error that it wraps, in the
// order of [errors.Is].
func contains(err error, f func(error) bool) bool {
	for err != nil {
		if f(err) {
			return true
		}
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			err = x.Unwrap()
		case interface{ Unwrap() []error }:
			for _, e := range x.Unwrap() {
				if contains(e, f) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}

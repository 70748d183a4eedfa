package bulk

import (
	"context"
	"errors"
	"reflect"

	"github.com/bulklink/bulklink-go/internal/hooks"
)

// ran returns the error of an operation that ran with ctx and returned err. That is
// err, unless err contains a rejection that could be taken for one of this operation:
// one by b itself or by its group (of a nested call), or one that the cause of ctx
// contains too (errgroup cancels its operations with the rejection of one of them, and
// net/http returns that cause from requests in flight).
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

// rejected reports whether err is a rejection by b, or by the group of b.
func (b *Bulkhead) rejected(err error) bool {
	if e, ok := err.(*AdmissionError); ok && e.bulkhead == b.id {
		return true
	}
	return b.group != nil && isRejectionOf(b.group, err)
}

// isRejectionOf reports whether err is a rejection by g or by a bulkhead of g.
func isRejectionOf(g *hooks.Group, err error) bool {
	if e, ok := err.(*AdmissionError); ok {
		return e.group == g
	}
	return err == g.Rejection
}

// groupRejected is [hooks.RejectedBy].
func groupRejected(g *hooks.Group, err error) bool {
	rejected := false
	contains(err, func(e error) bool {
		rejection := rejectionIn(e)
		rejected = rejection != nil && isRejectionOf(g, rejection)
		return rejection != nil
	})
	return rejected
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

// ranError wraps the error of an operation that ran, if it contains a rejection. It
// has the same text and matches the same targets, except the sentinels of a rejection
// and *AdmissionError. It has no Unwrap method, because errors.Is and errors.As would
// find these through it.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }

// Is reports whether the error matches target, and target is not a sentinel of a
// rejection. A specific *AdmissionError is not one: that the error is the cause of ctx
// stays visible.
func (e *ranError) Is(target error) bool {
	if _, ok := target.(*AdmissionError); !ok && (isSentinel(target) || saysNotStarted(target)) {
		return false
	}
	return errors.Is(e.err, target)
}

// As is errors.As, except that it skips every *AdmissionError and looks at how its ctx
// ended instead.
func (e *ranError) As(target any) bool {
	to := reflect.ValueOf(target).Elem()
	return to.Type() != admissionErrors && contains(e.err, func(e error) bool { return assign(e, to) })
}

var admissionErrors = reflect.TypeFor[*AdmissionError]()

// assign sets to to err itself, or to what the As method of err finds, and reports
// whether it did. It skips *AdmissionErrors.
func assign(err error, to reflect.Value) bool {
	if a, ok := err.(*AdmissionError); ok {
		if a == nil || a.ended == nil {
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

// rejectionIn returns the rejection that err itself is, not one that it wraps, or nil.
// It is an *AdmissionError, or an error of another package that matches ErrNotStarted.
func rejectionIn(err error) error {
	if e, ok := err.(*AdmissionError); ok {
		if e == nil {
			return nil // a typed nil is no rejection
		}
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

// saysNotStarted reports whether err itself matches ErrNotStarted, not only an error
// that it wraps.
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

package registry

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// What errors.Is answers for the errors of a [Registry]. Each of them names the
// label.
var (
	ErrDuplicate = errors.New("registry: label is taken")
	ErrUnknown   = errors.New("registry: no such label")
	ErrClosed    = errors.New("registry: closed")
)

// labelError says which label err is about.
func labelError(label string, err error) error {
	return fmt.Errorf("%w: %s", err, safetext.Quote(label))
}

// memberError says which member err is about: a *bulk.ConfigError names it itself.
func memberError(label string, err error) error {
	if e, ok := err.(*bulk.ConfigError); ok {
		named := *e
		named.Label = label
		err = &named
	}
	return fmt.Errorf("registry: %w", err)
}

// unjoin returns the errors that [errors.Join] joined in err, one by one. An
// error of another type stays whole, also if it wraps several.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if reflect.TypeOf(err) != joined {
		return []error{err}
	}
	var errs []error
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		errs = append(errs, unjoin(e)...)
	}
	return errs
}

var joined = reflect.TypeOf(errors.Join(ErrClosed))

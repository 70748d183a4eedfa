package registry

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Sentinels for errors.Is. The errors that match them name the label.
var (
	// ErrDuplicate is matched by the error of [Registry.Create] and [CreateKeyed] for a
	// label that a member has already, and by that of [Registry.GetOrCreate] for the
	// label of a [Keyed].
	ErrDuplicate = errors.New("registry: label is taken")

	// ErrUnknown is matched by errors of [Registry.Remove], [Registry.Apply] and
	// [Registry.ApplyJSON] for a label that no member has.
	ErrUnknown = errors.New("registry: no such label")

	// ErrClosed is matched by errors of [Registry.Create], [CreateKeyed] and
	// [Registry.GetOrCreate] after [Registry.Close]. [bulk.ErrClosed], for a
	// closed bulkhead, is another error.
	ErrClosed = errors.New("registry: closed")
)

// registryError is an error with the prefix of this package.
type registryError struct {
	text    string
	matches []error
}

func (e *registryError) Error() string   { return "registry: " + e.text }
func (e *registryError) Unwrap() []error { return e.matches }

// labelError returns an error for a label, which matches the sentinel.
func labelError(label, problem string, sentinel error) error {
	return &registryError{fmt.Sprintf("bulkhead %s: %s", safetext.Quote(label), problem), []error{sentinel}}
}

// takenError returns the error for a label that m has.
func takenError(label string, m member) error {
	problem := "label is taken"
	if _, ok := m.(*bulk.Bulkhead); !ok {
		problem += " by a Keyed"
	}
	return labelError(label, problem, ErrDuplicate)
}

// memberError returns err, an error of package bulk, as one of this package. A
// *bulk.ConfigError gets the label of the member.
func memberError(label string, err error) error {
	if e, ok := err.(*bulk.ConfigError); ok {
		named := *e
		named.Label = label
		err = &named
	}
	return &registryError{strings.TrimPrefix(err.Error(), "bulk: "), []error{err}}
}

// unjoin returns the errors that [errors.Join] joined in err, one by one. An
// error of another type stays whole, even if it wraps several.
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

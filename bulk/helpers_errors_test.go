package bulk_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

// leaves returns the errors that are joined in err, at any depth.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// problem is the field and value of a ConfigError.
type problem struct {
	Field string
	Value any
}

// problems returns the fields and values that err reports. Each of the errors joined
// in it must be a ConfigError whose message has the given and the allowed values.
func problems(t testing.TB, err error) []problem {
	t.Helper()
	var all []problem
	for _, leaf := range leaves(err) {
		e, ok := leaf.(*bulk.ConfigError)
		if !ok {
			t.Errorf("%T is not a *ConfigError: %v", leaf, leaf)
			continue
		}
		if !errors.Is(e, bulk.ErrConfig) {
			t.Errorf("%v does not match ErrConfig", e)
		}
		about := "bulk: "
		if e.Label != "" {
			about = "bulkhead " + strconv.Quote(e.Label) + ": "
		}
		if e.Problem == "" || !strings.HasPrefix(e.Error(), about+e.Field+" ") || !strings.HasSuffix(e.Error(), e.Problem) {
			t.Errorf("message %q does not name %s and the allowed values", e, e.Field)
		}
		all = append(all, problem{e.Field, e.Value})
	}
	return all
}

// admissionError returns the outermost AdmissionError of err.
func admissionError(t testing.TB, err error) *bulk.AdmissionError {
	t.Helper()
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an *AdmissionError", err)
	}
	return e
}

// codeError is an error for errors.As.
type codeError struct{ code int }

func (codeError) Error() string { return "an error with a code" }

// listError is an error whose values cannot be compared: == panics.
type listError []string

func (e listError) Error() string { return strings.Join(e, ", ") }

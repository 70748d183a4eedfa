package bulk_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

// leaves takes joined errors apart, however deep.
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

// problem is what a ConfigError is about.
type problem struct {
	Field string
	Value any
}

// problems returns what err is about. Each of the errors joined in it must be a
// ConfigError that says what was given and what is allowed.
func problems(t testing.TB, err error) []problem {
	t.Helper()
	var all []problem
	for _, leaf := range leaves(err) {
		e, ok := leaf.(*bulk.ConfigError)
		if !ok {
			t.Errorf("%T is no *ConfigError: %v", leaf, leaf)
			continue
		}
		if !errors.Is(e, bulk.ErrConfig) {
			t.Errorf("%v doesn't match ErrConfig", e)
		}
		about := "bulk: "
		if e.Label != "" {
			about = "bulkhead " + strconv.Quote(e.Label) + ": "
		}
		if e.Problem == "" || !strings.HasPrefix(e.Error(), about+e.Field+" ") || !strings.HasSuffix(e.Error(), e.Problem) {
			t.Errorf("message %q doesn't say what is wrong with %s and what is allowed", e, e.Field)
		}
		all = append(all, problem{e.Field, e.Value})
	}
	return all
}

// refusal returns the outermost AdmissionError of err.
func admissionError(t testing.TB, err error) *bulk.AdmissionError {
	t.Helper()
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *AdmissionError", err)
	}
	return e
}

// codeError is an error that callers find with errors.As.
type codeError struct{ code int }

func (codeError) Error() string { return "an error with a code" }

// listError is an error whose values can't be compared: == panics.
type listError []string

func (e listError) Error() string { return strings.Join(e, ", ") }

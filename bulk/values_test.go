package bulk_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/google/go-cmp/cmp"
)

// table runs the rows of one table, each as a subtest in a bubble of its own. A
// row without a name or a reason, and a second row of the same name, are
// refused.
type table struct{ names map[string]bool }

func (r *table) row(t *testing.T, name, why string, test func(*testing.T)) {
	t.Helper()
	switch {
	case name == "":
		t.Fatalf("a row has no name: %q", why)
	case why == "":
		t.Fatalf("row %q doesn't say why it is there", name)
	case r.names[name]:
		t.Fatalf("there are two rows %q", name)
	}
	if r.names == nil {
		r.names = make(map[string]bool)
	}
	r.names[name] = true
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

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

// mustPanic returns what fn panics with.
func mustPanic(t testing.TB, fn func()) (recovered any) {
	t.Helper()
	defer func() {
		t.Helper()
		if recovered = recover(); recovered == nil {
			t.Error("should have panicked")
		}
	}()
	fn()
	return nil
}

// mustPanicFor checks that fn panics with a text that names what is wrong.
func mustPanicFor(t testing.TB, words string, fn func()) {
	t.Helper()
	text, _ := mustPanic(t, fn).(string)
	if !strings.HasPrefix(text, "bulk: ") || !strings.Contains(text, words) {
		t.Errorf("panicked with %q, which should say %q", text, words)
	}
}

// mustBeAsBefore checks that nothing happened on b since the reading, but for
// readings.
func mustBeAsBefore(t testing.TB, b *bulk.Bulkhead, before bulk.Status) {
	t.Helper()
	after := b.Status()
	after.Index, after.At = before.Index, before.At
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something happened (-before +after):\n%s", diff)
	}
}

// refusal returns the outermost AdmissionError of err.
func refusal(t testing.TB, err error) *bulk.AdmissionError {
	t.Helper()
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *AdmissionError", err)
	}
	return e
}

// never is the fn of an operation that must not start.
func never(t testing.TB) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		t.Error("started")
		return 0, nil
	}
}

// done returns a ctx that was canceled with the cause; nil is no cause.
func done(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

// strangeCtx is a ctx of a type that package context doesn't know.
type strangeCtx struct {
	context.Context
	done  chan struct{} // what Done returns
	ended chan struct{} // closed when Err has something to say
	err   error
}

func (c *strangeCtx) Done() <-chan struct{} { return c.done }

func (c *strangeCtx) Err() error {
	select {
	case <-c.ended:
		return c.err
	default:
		return nil
	}
}

// strange returns a ctx that ends with err when end is called.
func strange(err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{context.Background(), ended, ended, err}, func() { close(ended) }
}

// around returns a ctx around one that package context knows, which goes on when
// this one ends with err.
func around(parent context.Context, err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{parent, ended, ended, err}, func() { close(ended) }
}

// silent returns a ctx that ends with err when end is called, and wakes nobody:
// those who wait find it ended when something else wakes them.
func silent(err error) (ctx context.Context, end func()) {
	ended := make(chan struct{})
	return &strangeCtx{context.Background(), make(chan struct{}), ended, err}, func() { close(ended) }
}

// codeError is an error that callers find with errors.As.
type codeError struct{ code int }

func (codeError) Error() string { return "an error with a code" }

// listError is an error whose values can't be compared: == panics.
type listError []string

func (e listError) Error() string { return strings.Join(e, ", ") }

// years is a long time in a bubble, whose clock starts in 2000 and ends in 2262.
func years(n int) time.Duration { return time.Duration(n) * 365 * 24 * time.Hour }

package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/result"
)

// group cancels all with the first error as the cause, as errgroup.WithContext does.
type group struct {
	sync.WaitGroup
	cancel context.CancelCauseFunc
}

func groupOf(parent context.Context) (*group, context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	return &group{cancel: cancel}, ctx
}

func (g *group) run(f func() error) {
	g.Go(func() {
		if err := f(); err != nil {
			g.cancel(err)
		}
	})
}

// mustHaveRun checks that err, the error of an operation that ran, does not say that
// one of the bulkheads did not start it.
func mustHaveRun(t testing.TB, err error, bulkheads ...*bulk.Bulkhead) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	mustMatchOnly(t, err)
	var admission *bulk.AdmissionError
	if errors.As(err, &admission) {
		t.Errorf("%q contains an AdmissionError for errors.As", err)
	}
	for _, e := range []error{err, fmt.Errorf("charging: %w", err)} {
		var text interface{ Error() string }
		if errors.As(e, &text) && isAdmission(text) {
			t.Errorf("errors.As finds an AdmissionError in %q through an interface that every error has", e)
		}
		var logs slog.LogValuer
		if errors.As(e, &logs) && isAdmission(logs) {
			t.Errorf("errors.As finds an AdmissionError in %q through an interface that few errors have", e)
		}
	}
	for _, b := range bulkheads {
		if bulk.NotStarted(err, b) {
			t.Errorf("NotStarted(%q) is true for an operation that ran", err)
		}
	}
}

func isAdmission(v any) bool {
	_, is := v.(*bulk.AdmissionError)
	return is
}

func TestAnOperationThatAGroupCanceledNeverSaysNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		g, ctx := groupOf(t.Context())
		var ran, rejected error
		g.run(func() error {
			_, ran = bulk.Run(ctx, b, func(ctx context.Context) (int, error) {
				<-ctx.Done() // the order has been sent
				return 0, context.Cause(ctx)
			})
			return ran
		})
		synctest.Wait()
		g.run(func() error {
			_, rejected = bulk.Run(ctx, b, never(t))
			return rejected
		})
		g.Wait()
		if !errors.Is(rejected, bulk.ErrSaturated) || !bulk.NotStarted(rejected, b) {
			t.Errorf("the sibling got %v", rejected)
		}
		mustHaveRun(t, ran, b)
		if !errors.Is(ran, context.Cause(ctx)) {
			t.Errorf("%v does not match the cause of its ctx", ran)
		}
		if ran.Error() != rejected.Error() {
			t.Errorf("text %q, want %q", ran, rejected)
		}
	})
}

// net/http returns the cause of a request's ctx while the request is in flight.
func TestARequestThatReachedTheServerNeverSaysNotStarted(t *testing.T) {
	reached, stop := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(reached)
		<-stop
	}))
	defer server.Close()
	defer close(stop)
	client := server.Client()
	defer client.CloseIdleConnections()

	b := mustNew(t, 1)
	g, ctx := groupOf(t.Context())
	var ran error
	g.run(func() error {
		ran = bulk.Do(ctx, b, func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			return response.Body.Close()
		})
		return ran
	})
	<-reached
	g.run(func() error { return bulk.Do(ctx, b, func(context.Context) error { return nil }) })
	g.Wait()
	mustHaveRun(t, ran, b)
}

// sqlError wraps an error, and errors.As finds it by its type.
type sqlError struct{ inner error }

func (e *sqlError) Error() string { return "query: " + e.inner.Error() }
func (e *sqlError) Unwrap() error { return e.inner }

// delegating matches what it wraps by methods of its own, without Unwrap.
type delegating struct{ inner error }

func (e delegating) Error() string        { return "attempt 1: " + e.inner.Error() }
func (e delegating) Is(target error) bool { return errors.Is(e.inner, target) }
func (e delegating) As(target any) bool   { return errors.As(e.inner, target) }

// wrappings are the ways in which an error contains another one.
var wrappings = map[string]func(error) error{
	"bare":              func(err error) error { return err },
	"wrapped":           func(err error) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)) },
	"joined":            func(err error) error { return errors.Join(errOwn, err) },
	"joined first":      func(err error) error { return errors.Join(err, io.ErrUnexpectedEOF) },
	"in another type":   func(err error) error { return &sqlError{err} },
	"behind As methods": func(err error) error { return delegating{err} },
	"deep":              func(err error) error { return errors.Join(errOwn, fmt.Errorf("c: %w", errors.Join(&sqlError{err}))) },
}

func TestAnErrorThatContainsTheCauseOfCtxNeverSaysNotStarted(t *testing.T) {
	for reason, rejection := range rejections(t, "sibling") {
		for verb, run := range verbs {
			for outside, wrapCause := range wrappings {
				for inside, wrapError := range wrappings {
					b := mustNew(t, 1)
					ctx, cancel := context.WithCancelCause(t.Context())
					text := ""
					err := run(ctx, b, func(context.Context) error {
						cancel(wrapCause(rejection))
						err := wrapError(rejection)
						text = err.Error()
						return err
					})
					mustHaveRun(t, err, b)
					if err.Error() != text {
						t.Errorf("text %q, want %q", err, text)
					}
					if t.Failed() {
						t.Fatalf("%v, %s: cause %s, error %s", reason, verb, outside, inside)
					}
				}
			}
		}
	}
}

func TestARejectionByTheSameBulkheadInsideFnNeverSaysNotStarted(t *testing.T) {
	for verb, run := range verbs {
		for name, wrap := range wrappings {
			b := mustNew(t, 1)
			err := run(t.Context(), b, func(ctx context.Context) error {
				_, err := b.Acquire(ctx)
				if !bulk.NotStarted(err, b) {
					t.Fatalf("the call inside: %v", err)
				}
				return wrap(err)
			})
			mustHaveRun(t, err, b)
			if t.Failed() {
				t.Fatalf("%s, %s", verb, name)
			}
		}
	}
}

// A rejection by another bulkhead inside fn stays visible: the inner operation
// never started, the outer one did.
func TestARejectionByAnotherBulkheadInsideFnStaysVisible(t *testing.T) {
	for verb, run := range verbs {
		for name, wrap := range wrappings {
			outer, inner := mustNew(t, 1), mustNew(t, 1)
			fill(t, inner)
			ctx, cancel := context.WithCancelCause(t.Context())
			var want error
			err := run(ctx, outer, func(ctx context.Context) error {
				_, err := bulk.Run(ctx, inner, never(t))
				cancel(errOwn) // another cause changes nothing
				want = wrap(err)
				return want
			})
			if err != want {
				t.Errorf("%s, %s: %v is not the error of fn", verb, name, err)
			}
			if !errors.Is(err, bulk.ErrOverload) || bulk.NotStarted(err, outer) || !bulk.NotStarted(err, inner) {
				t.Errorf("%s, %s: %v", verb, name, err)
			}
		}
	}
}

// Errors that are not rejections still match, also beside a rejection and inside it.
func TestAllOtherErrorsInTheErrorOfFnStillMatch(t *testing.T) {
	b := mustNew(t, 1)
	code := codeError{7}
	saturated := rejections(t, "sibling")[bulk.Saturated]
	_, canceled := bulk.Run(done(errors.Join(code, saturated)), b, never(t)) // b's own
	query := &sqlError{errors.Join(io.ErrUnexpectedEOF, context.DeadlineExceeded, canceled)}
	err := bulk.Do(t.Context(), b, func(context.Context) error { return fmt.Errorf("inside: %w", query) })
	mustHaveRun(t, err, b)
	for _, want := range []error{query, io.ErrUnexpectedEOF, context.DeadlineExceeded, context.Canceled, code, canceled, saturated} {
		if !errors.Is(err, want) {
			t.Errorf("%q no longer matches %T %v", err, want, want)
		}
	}
	var asQuery *sqlError
	var asCode codeError
	var asTimeout timedOut
	if !errors.As(err, &asQuery) || asQuery != query {
		t.Errorf("%q is no longer found as the error that fn returned", err)
	}
	if !errors.As(err, &asCode) || asCode != code {
		t.Errorf("%q is no longer found as the cause of the one that was canceled", err)
	}
	if !errors.As(err, &asTimeout) || !asTimeout.Timeout() {
		t.Errorf("%q is no longer found as a timeout", err)
	}
	if errors.Is(err, bulk.ErrConfig) || errors.As(err, new(*bulk.DrainError)) {
		t.Errorf("%q matches too much", err)
	}
	if errors.Is(err, listError{"not", "comparable"}) {
		t.Error("it matches an error that cannot be compared")
	}
}

// Callers may compare the error of fn with ==.
func TestAnErrorWithoutARejectionIsReturnedUnchanged(t *testing.T) {
	saturated := rejections(t, "sibling")[bulk.Saturated]
	for _, want := range []error{errOwn, context.Canceled, fmt.Errorf("a: %w", errOwn), errors.Join(errOwn, io.EOF), listError{"not", "comparable"}, bulk.ErrOverload, delegating{errOwn}} {
		for verb, run := range verbs {
			ctx, cancel := context.WithCancelCause(t.Context())
			got := run(ctx, mustNew(t, 1), func(context.Context) error {
				cancel(saturated) // fn does not return it
				return want
			})
			if _, list := want.(listError); list {
				if _, same := got.(listError); !same {
					t.Errorf("%s: %v", verb, got)
				}
			} else if got != want {
				t.Errorf("%s: %v, want %v", verb, got, want)
			}
		}
	}
}

// The cause of a ctx that the standard library did not make is its error.
func TestARejectionAsErrOfAForeignCtxNeverSaysNotStarted(t *testing.T) {
	rejection := rejections(t, "sibling")[bulk.Saturated]
	b := mustNew(t, 1)
	ctx := &foreignEnd{Context: t.Context()}
	err := bulk.Do(ctx, b, func(context.Context) error {
		ctx.err = rejection
		return rejection
	})
	mustHaveRun(t, err, b)
}

type foreignEnd struct {
	context.Context
	err error
}

func (c *foreignEnd) Err() error { return c.err }

// The cause of an operation is also the cause of the operations inside it.
func TestACauseThatReachesANestedOperationNeverSaysNotStarted(t *testing.T) {
	outer, inner := mustNew(t, 1), mustNew(t, 1)
	rejection := rejections(t, "sibling")[bulk.Saturated]
	ctx, cancel := context.WithCancelCause(t.Context())
	err := bulk.Do(ctx, outer, func(ctx context.Context) error {
		return bulk.Do(ctx, inner, func(ctx context.Context) error {
			cancel(rejection)
			return context.Cause(ctx)
		})
	})
	mustHaveRun(t, err, outer, inner)

	_, err = bulk.Run(done(err), mustNew(t, 1), never(t)) // and as the cause of an operation that never started
	mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
}

func TestMapItemsThatRanNeverSayNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2)
		ctx, cancel := context.WithCancelCause(t.Context())
		results := map[int]result.Result[int]{}
		go func() {
			time.Sleep(time.Second)
			_, err := bulk.Run(ctx, b, never(t))
			cancel(err)
		}()
		for i, r := range bulk.Map(ctx, b, upTo(10), func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		}) {
			results[i] = r
		}
		if len(results) != 2 {
			t.Fatalf("%d results", len(results))
		}
		for _, r := range results {
			mustHaveRun(t, r.Err(), b)
		}
	})
}

func TestADrainErrorIsNeverTakenForARejection(t *testing.T) {
	code := codeError{7}
	for reason, rejection := range rejections(t, "sibling") {
		for name, wrap := range wrappings {
			b := mustNew(t, 1)
			fill(t, b)
			cause := wrap(errors.Join(code, rejection))
			err := b.Shutdown(done(cause))
			mustHaveRun(t, err, b)
			var asCode codeError
			if !errors.Is(err, context.Canceled) || !errors.Is(err, code) || !errors.Is(err, rejection) || !errors.As(err, &asCode) || asCode != code {
				t.Errorf("%v, %s: %q does not match how its ctx ended", reason, name, err)
			}
			if want := fmt.Sprintf("bulkhead \"test\": not drained, 1 in flight: %v", cause); err.Error() != want {
				t.Errorf("text %q, want %q", err, want)
			}
		}
	}
}

// A typed nil is no rejection of anything: fn may return one by mistake.
func TestATypedNilErrorOfFnIsReturnedUnchanged(t *testing.T) {
	b := mustNew(t, 1)
	var typed *bulk.AdmissionError
	err := bulk.Do(t.Context(), b, func(context.Context) error { return typed })
	if err != error(typed) || bulk.NotStarted(err, b) {
		t.Errorf("%T, NotStarted %t", err, bulk.NotStarted(err, b))
	}
	mustBeIdle(t, b)
}

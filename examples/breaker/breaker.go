package main

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/sony/gobreaker/v2"
)

// newBreaker returns a breaker that counts only results of the dependency. Use it
// through broken, which marks the errors of calls whose caller has left.
//
// Excluded errors count neither as success nor as failure. If rejections counted as
// failures, a full bulkhead would open the breaker, although the dependency is
// healthy. If they counted as successes, a half-open breaker would close because of a
// probe that was never sent.
func newBreaker[T any](name string) *gobreaker.CircuitBreaker[T] {
	return gobreaker.NewCircuitBreaker[T](gobreaker.Settings{
		Name:       name,
		Timeout:    openFor,
		IsExcluded: isExcluded,
	})
}

// openFor is how long an open breaker stays open before it lets a probe through.
const openFor = 10 * time.Second

// isExcluded reports whether err is independent of the dependency: the operation was
// never started, or its caller had left when it failed.
func isExcluded(err error) bool {
	var left callerLeft
	return errors.Is(err, bulk.ErrNotStarted) || errors.As(err, &left)
}

// callerLeft marks the error of an operation whose caller had left.
type callerLeft struct{ error }

// hasLeft reports whether the caller of ctx has left: ctx is done, or its
// deadline has passed. The deadline is checked too, because a connection that
// got its deadline from ctx can fail a moment before ctx is done.
func hasLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// broken returns a function that calls guarded through the breaker. The breaker is
// outside the bulkhead, so that no call waits for a slot while the breaker is open.
//
// An error is excluded if the caller has left. The caller's ctx decides that, not
// the error, because a ctx can be canceled with any cause and net/http returns that
// cause from a request in flight. An error after the caller's deadline is excluded
// too: the deadline may have been too short, or spent in the waiting room. So if
// every caller has a deadline, a dependency that hangs does not open the breaker. To
// count slowness as failure, give the operation its own timeout, and start it only if
// the caller has that much time left:
//
//	bulk.Guard(b, deadline.Timeout(d, fn), deadline.Reserve(d))
//
// Execute counts a panic as a failure, but does not handle runtime.Goexit: the call
// is never counted, and a half-open breaker waits for its probe forever. The slot is
// released in both cases. In tests, t.FailNow calls Goexit, so do not call it in a
// function behind a breaker.
func broken[T any](breaker *gobreaker.CircuitBreaker[T], guarded func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		value, err := breaker.Execute(func() (T, error) {
			value, err := guarded(ctx)
			if err != nil && hasLeft(ctx) {
				err = callerLeft{err}
			}
			return value, err
		})
		if left, ok := err.(callerLeft); ok {
			err = left.error // callers get the error that guarded returned
		}
		return value, err
	}
}

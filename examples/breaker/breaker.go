package main

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/sony/gobreaker/v2"
)

// newBreaker returns a breaker that judges the dependency, and nothing else. Use
// it through broken, which tells it when a caller has left.
//
// Excluded errors count neither as success nor as failure. Without that, a full
// compartment would open the breaker: our own load would look like an outage of
// a healthy dependency. They must not count as success either: a half-open
// breaker would close because of a probe that was never sent.
func newBreaker[T any](name string) *gobreaker.CircuitBreaker[T] {
	return gobreaker.NewCircuitBreaker[T](gobreaker.Settings{
		Name:       name,
		Timeout:    openFor,
		IsExcluded: saysNothing,
	})
}

// openFor is how long an open breaker stays open before it lets a probe through.
const openFor = 10 * time.Second

// saysNothing reports whether err tells nothing about the dependency: the
// operation was never started, or its caller had left when it failed.
func saysNothing(err error) bool {
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

// broken returns guarded as a function behind the breaker. The breaker goes
// outside: while it is open, nobody waits for a slot in vain.
//
// An error does not count when the caller has left. The caller's ctx decides
// that, not the error: a ctx can be canceled with any cause, and net/http
// returns that cause from a request in flight. A caller's deadline does not
// count either: perhaps it was too short, or spent in the waiting room. So when
// every caller brings a deadline, a dependency that hangs does not open the
// breaker. Bound the operation itself to count slowness as failure, and start it
// only if the caller has that much time left:
//
//	bulk.Guard(b, deadline.Timeout(d, fn), deadline.Reserve(d))
//
// Execute counts a panic as a failure, but does not notice runtime.Goexit: the
// call is then never settled, and a half-open breaker waits for its probe
// forever. The slot is free in any case. t.FailNow and the like call Goexit in
// tests, so keep those out of functions behind a breaker.
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
			err = left.error // callers get what guarded returned
		}
		return value, err
	}
}

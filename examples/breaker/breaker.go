package main

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/sony/gobreaker/v2"
)

// newBreaker returns a breaker that judges the dependency, and nothing else.
//
// Excluded errors count neither as success nor as failure. Without that, a
// compartment that is full would open the breaker: our own load would look like
// an outage of a dependency that is well. They must not count as success
// either: a half-open breaker would close because of a probe that never left
// the house.
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
// operation was never started, or the caller has left. A deadline that passed
// while the operation ran does count: a dependency that is too slow is one that
// fails. So where callers bring deadlines, guard with deadline.Reserve of the
// time that the dependency needs. Otherwise those who have waited for long start
// with too little left, and our own overload looks like a slow dependency.
func saysNothing(err error) bool {
	return errors.Is(err, bulk.ErrNotStarted) || errors.Is(err, context.Canceled)
}

// broken returns guarded as a function behind the breaker. The breaker goes
// outside: while it is open, nobody waits for a slot only to hear that there
// was no point in it.
//
// Execute counts a panic as a failure, but does not notice runtime.Goexit: the
// call is then never settled, and a half-open breaker waits for its probe for
// ever. The slot is free in any case. What calls Goexit is t.FailNow and the
// like in tests, so keep those out of functions behind a breaker.
func broken[T any](breaker *gobreaker.CircuitBreaker[T], guarded func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		return breaker.Execute(func() (T, error) { return guarded(ctx) })
	}
}

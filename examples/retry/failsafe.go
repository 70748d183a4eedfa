package main

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// withFailsafe retries with the retry policy of github.com/failsafe-go/failsafe-go.
// With ReturnLastFailure the caller gets the last error unchanged; without it, an
// ExceededError wraps it. A policy may be reused and shared.
func withFailsafe[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	policy := retrypolicy.NewBuilder[T]().
		HandleIf(func(_ T, err error) bool { return err != nil && worthRetrying(err, b) }).
		WithMaxAttempts(attempts).
		WithBackoff(firstPause, maxPause).
		WithJitterFactor(0.5).
		ReturnLastFailure().
		Build()
	return through(ctx, failsafe.With(policy), guarded)
}

// through calls guarded with the context of each attempt. That context ends with ctx,
// and when another policy of the executor ends the attempt. So a timeout policy also
// ends the wait for a slot.
func through[T any](ctx context.Context, executor failsafe.Executor[T], guarded func(context.Context) (T, error)) (T, error) {
	return executor.WithContext(ctx).GetWithExecution(func(attempt failsafe.Execution[T]) (T, error) {
		return guarded(attempt.Context())
	})
}

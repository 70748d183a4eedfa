package main

import (
	"context"

	"github.com/avast/retry-go/v5"
	"github.com/bulklink/bulklink-go/bulk"
)

// withAvast retries with github.com/avast/retry-go/v5. With LastErrorOnly the caller
// gets the last error unchanged; without it, a list that matches the errors of all
// attempts.
func withAvast[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	return retry.NewWithData[T](
		retry.Context(ctx),
		retry.RetryIf(func(err error) bool { return worthRetrying(err, b) }),
		retry.Attempts(attempts),
		retry.Delay(firstPause),
		retry.MaxJitter(firstPause),
		retry.MaxDelay(maxPause),
		retry.LastErrorOnly(true),
	).Do(func() (T, error) { return guarded(ctx) })
}

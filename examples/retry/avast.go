package main

import (
	"context"

	"github.com/avast/retry-go/v5"
)

// withAvast retries with github.com/avast/retry-go/v5. LastErrorOnly gives the
// caller the last error as it is; without it there is a list of all of them,
// which matches what any attempt failed with.
func withAvast[T any](ctx context.Context, guarded func(context.Context) (T, error)) (T, error) {
	return retry.NewWithData[T](
		retry.Context(ctx),
		retry.RetryIf(worthRetrying),
		retry.Attempts(attempts),
		retry.Delay(firstPause),
		retry.MaxJitter(firstPause),
		retry.MaxDelay(maxPause),
		retry.LastErrorOnly(true),
	).Do(func() (T, error) { return guarded(ctx) })
}

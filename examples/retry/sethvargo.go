package main

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/sethvargo/go-retry"
)

// withSethvargo retries with github.com/sethvargo/go-retry. There an error is
// final unless it says otherwise, so what is worth another attempt must be made
// RetryableError. The caller gets the last one without that wrapper.
func withSethvargo[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	pause := retry.NewExponential(firstPause) // keeps state: one for each call
	pause = retry.WithJitterPercent(50, pause)
	pause = retry.WithCappedDuration(maxPause, pause)
	pause = retry.WithMaxRetries(attempts-1, pause) // it counts those after the first
	return retry.DoValue(ctx, pause, func(ctx context.Context) (T, error) {
		v, err := guarded(ctx)
		if err != nil && worthRetrying(err, b) {
			err = retry.RetryableError(err)
		}
		return v, err
	})
}

package main

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/sethvargo/go-retry"
)

// withSethvargo retries with github.com/sethvargo/go-retry. That library retries only
// errors that are marked as RetryableError. The caller gets the last error without the
// mark.
func withSethvargo[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	pause := retry.NewExponential(firstPause) // stateful, so create one for each call
	pause = retry.WithJitterPercent(50, pause)
	pause = retry.WithCappedDuration(maxPause, pause)
	pause = retry.WithMaxRetries(attempts-1, pause) // the number of retries, without the first attempt
	return retry.DoValue(ctx, pause, func(ctx context.Context) (T, error) {
		v, err := guarded(ctx)
		if err != nil && worthRetrying(err, b) {
			err = retry.RetryableError(err)
		}
		return v, err
	})
}

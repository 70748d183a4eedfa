package main

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/cenkalti/backoff/v5"
)

// withBackoff retries with github.com/cenkalti/backoff/v5. There an error is
// worth another attempt unless it says otherwise, so what is not must be made
// Permanent. The caller gets the error without that wrapper.
func withBackoff[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff() // keeps state: one for each call
	pause.InitialInterval = firstPause
	pause.MaxInterval = maxPause
	return backoff.Retry(ctx, func() (T, error) {
		v, err := guarded(ctx)
		if err != nil && !worthRetrying(err, b) {
			err = backoff.Permanent(err)
		}
		return v, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(attempts))
}

package main

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/cenkalti/backoff/v5"
)

// withBackoff retries with github.com/cenkalti/backoff/v5. That library retries every
// error that is not marked Permanent. The caller gets the error without the mark.
func withBackoff[T any](ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff() // stateful, so create one for each call
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

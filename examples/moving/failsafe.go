package moving

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
)

var policy = bulkhead.NewBuilder[Receipt](10).
	WithMaxWaitTime(250 * time.Millisecond).
	Build()

func payWithFailsafe(ctx context.Context, order Order) (Receipt, error) {
	receipt, err := failsafe.With(policy).WithContext(ctx).Get(func() (Receipt, error) {
		return charge(ctx, order)
	})
	if errors.Is(err, bulkhead.ErrFull) {
		return Receipt{}, errTryLater
	}
	return receipt, err
}

func payOrTryLater(ctx context.Context, order Order) (Receipt, error) {
	receipt, err := pay(ctx, order)
	if errors.Is(err, bulk.ErrOverload) {
		return Receipt{}, errTryLater
	}
	return receipt, err
}

var errTryLater = errors.New("try again later")

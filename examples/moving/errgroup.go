package moving

import (
	"context"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/errgroup"
)

func payAllWithErrgroup(ctx context.Context, orders []Order) ([]Receipt, error) {
	receipts := make([]Receipt, len(orders))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(10)
	for i, order := range orders {
		group.Go(func() (err error) {
			receipts[i], err = charge(ctx, order)
			return err
		})
	}
	return receipts, group.Wait()
}

func payAllThroughBulkhead(ctx context.Context, orders []Order) ([]Receipt, error) {
	receipts := make([]Receipt, len(orders))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(10)
	for i, order := range orders {
		group.Go(func() (err error) {
			receipts[i], err = pay(ctx, order)
			return err
		})
	}
	return receipts, group.Wait()
}

func payAll(ctx context.Context, orders []Order) ([]Receipt, error) {
	batch := bulk.Must(bulk.New("batch", 10))
	var receipts []Receipt
	for _, res := range bulk.Map(ctx, batch, slices.Values(orders), charge) {
		receipt, err := res.Get()
		if err != nil {
			return nil, err // cancels the orders that run, and waits for them
		}
		receipts = append(receipts, receipt)
	}
	return receipts, nil
}

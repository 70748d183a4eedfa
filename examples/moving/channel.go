package moving

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

var gate = make(chan struct{}, 10)

func payThroughGate(ctx context.Context, order Order) (Receipt, error) {
	select {
	case gate <- struct{}{}:
		defer func() { <-gate }()
		return charge(ctx, order)
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

var payments = bulk.Must(bulk.New("payments", 10,
	bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)))

func pay(ctx context.Context, order Order) (Receipt, error) {
	return bulk.Run(ctx, payments, func(ctx context.Context) (Receipt, error) {
		return charge(ctx, order)
	})
}

func payThroughGateNow(ctx context.Context, order Order) (Receipt, bool, error) {
	select {
	case gate <- struct{}{}:
		defer func() { <-gate }()
		receipt, err := charge(ctx, order)
		return receipt, true, err
	default:
		return Receipt{}, false, nil
	}
}

var payNow = bulk.Guard1(payments, charge, deadline.NoWait())

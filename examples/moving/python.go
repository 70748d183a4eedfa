package moving

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func payInEveryWay(ctx context.Context, order Order) error {
	send := func(ctx context.Context) (Receipt, error) { return charge(ctx, order) }

	_, err := bulk.Run(ctx, payments, send)                                              // execute
	_, errNow := bulk.Run(ctx, payments, send, deadline.NoWait())                        // execute_now
	_, errWithin := bulk.Run(ctx, payments, send, deadline.Within(250*time.Millisecond)) // execute_within
	instant := time.Now().Add(250 * time.Millisecond)
	_, errBefore := bulk.Run(ctx, payments, send, deadline.Before(instant)) // execute_before

	slot, errSlot := payments.Acquire(ctx) // async with payments.slot()
	defer slot.Release()
	return firstOf(err, errNow, errWithin, errBefore, errSlot)
}

var sendPayment = bulk.Guard1(payments, charge) // @payments

func lifeOf(ctx context.Context, b *bulk.Bulkhead) (bulk.Status, error) {
	before := b.Status()                 // await b.status()
	if err := b.Resize(20); err != nil { // await b.resize(20)
		return before, err
	}
	return b.Status(), b.Shutdown(ctx) // await b.close_and_wait()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

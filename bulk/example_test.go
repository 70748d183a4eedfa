package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// The examples use a payment provider.
type (
	Receipt  struct{ Order string }
	provider struct{}
)

func (provider) Charge(_ context.Context, order string) (Receipt, error) { return Receipt{order}, nil }

var client provider

// Keep this in sync with the package documentation.
var payments = bulk.Must(bulk.New("payments", 10,
	bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)))

// Keep this in sync with the package documentation.
func Example() {
	ctx, order := context.Background(), "order 17"

	receipt, err := bulk.Run(ctx, payments, func(ctx context.Context) (Receipt, error) {
		return client.Charge(ctx, order)
	})
	if errors.Is(err, bulk.ErrOverload) {
		fmt.Println("not started: answer 503, try later, or do without")
	}
	fmt.Println(receipt, err)
	// Output:
	// {order 17} <nil>
}

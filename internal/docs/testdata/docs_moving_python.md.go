package snippets

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

type (
	Order   struct{}
	Receipt struct{}
)

var (
	ctx      context.Context
	order    Order
	payments *bulk.Bulkhead
	charge   func(context.Context, Order) (Receipt, error)
)

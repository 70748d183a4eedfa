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

var charge func(context.Context, Order) (Receipt, error)

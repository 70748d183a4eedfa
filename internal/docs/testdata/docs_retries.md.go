package snippets

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
)

type Receipt struct{}

var (
	ctx      context.Context
	payments *bulk.Bulkhead
	charge   func(context.Context) (Receipt, error)
	retry    func(context.Context, func(context.Context) (Receipt, error)) (Receipt, error)
)

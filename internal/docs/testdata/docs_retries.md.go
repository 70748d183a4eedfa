package snippets

import (
	"context"
	"errors"

	"github.com/bulklink/bulklink-go/bulk"
)

type Receipt struct{}

var (
	ctx          context.Context
	payments     *bulk.Bulkhead
	errTemporary error
	charge       func(context.Context) (Receipt, error)
	retry        func(context.Context, func(context.Context) (Receipt, error)) (Receipt, error)
)

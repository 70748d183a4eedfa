package snippets

import (
	"context"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/errgroup"
)

type (
	Order   struct{}
	Receipt struct{}
)

var charge, pay func(context.Context, Order) (Receipt, error)

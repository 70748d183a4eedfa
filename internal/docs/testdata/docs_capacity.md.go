package snippets

import (
	"context"
	"log/slog"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

type (
	Order      struct{}
	Receipt    struct{}
	Page       struct{}
	Membership struct{ Replicas, Index int }
)

var (
	domains          *registry.Keyed[domain]
	search, payments *bulk.Bulkhead
	searchFor        func(ctx context.Context, text string) (Page, error)
	charge           func(context.Context, Order) (Receipt, error)
)

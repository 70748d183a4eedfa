package snippets

import (
	"context"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

var (
	ctx   context.Context
	store fleet.Store
	b     *bulk.Bulkhead
)

package snippets

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

var (
	ctx   context.Context
	store fleet.Store
	b     *bulk.Bulkhead
)

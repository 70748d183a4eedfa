package snippets

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/sizing"
)

type (
	Order   struct{}
	Receipt struct{}
)

var charge func(context.Context, Order) (Receipt, error)

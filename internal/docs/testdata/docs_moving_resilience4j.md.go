package snippets

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

var loadSummary func(context.Context) (string, error)

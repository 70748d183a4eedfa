package snippets

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/semaphore"
)

var loadSummary, buildReport func(context.Context) (string, error)

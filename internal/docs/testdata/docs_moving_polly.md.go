package snippets

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

var loadSummary func(context.Context) (string, error)

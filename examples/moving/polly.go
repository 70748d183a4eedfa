package moving

import (
	"context"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

var search = bulk.Must(bulk.New("search", 100, bulk.WaitingRoom(50)))

func summaryWithin(ctx context.Context, d time.Duration) (string, error) {
	summary, err := bulk.Run(ctx, search, loadSummary, deadline.Within(d))
	if errors.Is(err, bulk.ErrOverload) {
		return "no summary", nil
	}
	return summary, err
}

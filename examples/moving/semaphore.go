package moving

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"golang.org/x/sync/semaphore"
)

var weights = semaphore.NewWeighted(10)

func reportWithSemaphore(ctx context.Context) (string, error) {
	if err := weights.Acquire(ctx, 4); err != nil {
		return "", err
	}
	defer weights.Release(4)
	return buildReport(ctx)
}

var reports = bulk.Must(bulk.New("reports", 10,
	bulk.WaitingRoom(20), bulk.WaitLimit(time.Second)))

func report(ctx context.Context) (string, error) {
	return bulk.RunN(ctx, reports, 4, buildReport)
}

func summaryIfThereIsRoom(ctx context.Context) (string, bool, error) {
	slot, ok := reports.TryAcquire()
	if !ok {
		return "", false, nil
	}
	defer slot.Release()
	summary, err := loadSummary(ctx)
	return summary, true, err
}

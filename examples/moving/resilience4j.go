package moving

import (
	"errors"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

var backend, errBackend = bulk.New("backend", 25,
	bulk.WaitingRoom(100),
	bulk.WaitLimit(500*time.Millisecond),
	bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
			slog.Warn("rejected", "bulkhead", e.Label, "why", e.Kind.String(), "waiting", e.Waiting)
		}
	}))

var guardedSummary = bulk.Guard(backend, loadSummary)

func recovered(summary string, err error) (string, error) {
	if errors.Is(err, bulk.ErrOverload) {
		return "a summary of yesterday", nil
	}
	return summary, err
}

package bulkslog_test

import (
	"log/slog"
	"os"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkslog"
)

// A thousand rejections make two records of events and one that counts the others.
func Example() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("msg", "label", "in_use", "left_out")}))
	events := bulkslog.New(logger, bulkslog.First(2))
	payments := bulk.Must(bulk.New("payments", 1, bulk.OnEvent(events.Log)))
	slot, _ := payments.TryAcquire()
	for range 1000 {
		payments.TryAcquire()
	}
	slot.Release()
	events.Flush()
	// Output:
	// msg="bulkhead saturated" bulkhead.label=payments bulkhead.in_use=1
	// msg="bulkhead saturated" bulkhead.label=payments bulkhead.in_use=1
	// msg="bulkhead events left out" bulkhead.label=payments left_out=998
}

// only returns a function that removes all attributes but those with the given keys.
func only(keys ...string) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		for _, key := range keys {
			if a.Key == key {
				return a
			}
		}
		return slog.Attr{}
	}
}

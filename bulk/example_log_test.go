package bulk_test

import (
	"log/slog"
	"os"

	"github.com/bulklink/bulklink-go/bulk"
)

// logger writes to standard output, without the time and with a fixed ID.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			return slog.Attr{}
		case "id":
			return slog.Int("id", 7)
		}
		return a
	}}))
}

func ExampleStatus_LogValue() {
	_, s := twoStatuses()
	logger().Info("every minute", "bulkhead", s)
	// Output:
	// level=INFO msg="every minute" bulkhead.label=payments bulkhead.closed=false bulkhead.in_flight=10 bulkhead.in_use=10 bulkhead.waiting=4 bulkhead.parallelism=10 bulkhead.waiting_room=20 bulkhead.wait_limit_ns=250000000 bulkhead.arrivals=2000 bulkhead.admitted=1900 bulkhead.rejected=96
}

// Handlers run on the goroutine of the caller. If the logger can block, pass the
// events to a channel instead.
func ExampleEvent_LogValue() {
	log := logger()
	search := bulk.Must(bulk.New("search", 1, bulk.OnEvent(func(e bulk.Event) {
		switch e.Kind {
		case bulk.EventSaturated, bulk.EventExpired, bulk.EventOversized:
			log.Warn("rejected", "event", e)
		case bulk.EventResized, bulk.EventClosed, bulk.EventDrained:
			log.Info(e.Kind.String(), "event", e)
		}
	})))
	search.TryAcquire()
	search.TryAcquire()
	_ = search.Close()
	// Output:
	// level=WARN msg=rejected event.label=search event.id=7 event.seq=2 event.kind=saturated event.op=2 event.slots=1 event.closed=false event.in_flight=1 event.in_use=1 event.waiting=0 event.parallelism=1 event.waiting_room=0
	// level=INFO msg=closed event.label=search event.id=7 event.seq=3 event.kind=closed event.closed=true event.in_flight=1 event.in_use=1 event.waiting=0 event.parallelism=1 event.waiting_room=0
}

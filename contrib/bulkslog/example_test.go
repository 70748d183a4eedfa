package bulkslog_test

import (
	"log/slog"
	"os"
	"time"

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

// Of the events after the first one, every 400th is logged too, so that the log shows how
// long the overload lasts. Flush ends the interval of a minute.
func ExampleThen() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("msg", "left_out", "interval_ns")}))
	events := bulkslog.New(logger, bulkslog.Interval(time.Minute), bulkslog.First(1), bulkslog.Then(400))
	payments := bulk.Must(bulk.New("payments", 1, bulk.OnEvent(events.Log)))
	slot, _ := payments.TryAcquire()
	for range 1000 {
		payments.TryAcquire()
	}
	slot.Release()
	events.Flush()
	// Output:
	// msg="bulkhead saturated"
	// msg="bulkhead saturated" bulkhead.left_out=399
	// msg="bulkhead saturated" bulkhead.left_out=399
	// msg="bulkhead events left out" bulkhead.left_out=199 bulkhead.interval_ns=60000000000
}

// Five tenants with a bulkhead each are saturated at the same time. Most bounds the
// records of their events, and Flush counts the others for each of them.
func ExampleMost() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("msg", "label", "left_out")}))
	events := bulkslog.New(logger, bulkslog.Most(3))
	for _, tenant := range []string{"acme", "globex", "hooli", "initech", "umbrella"} {
		b := bulk.Must(bulk.New(tenant, 1, bulk.OnEvent(events.Log)))
		slot, _ := b.TryAcquire()
		b.TryAcquire() // is rejected
		slot.Release()
	}
	events.Flush()
	// Output:
	// msg="bulkhead saturated" bulkhead.label=acme
	// msg="bulkhead saturated" bulkhead.label=globex
	// msg="bulkhead saturated" bulkhead.label=hooli
	// msg="bulkhead events left out" bulkhead.label=initech left_out=1
	// msg="bulkhead events left out" bulkhead.label=umbrella left_out=1
}

// Each rejection of the payments is an error, and operations of the search are not logged
// at all. Other events keep the default level.
func ExampleLevels() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: only("level", "msg", "label")}))
	events := bulkslog.New(logger, bulkslog.Levels(func(e bulk.Event) slog.Level {
		switch {
		case e.Label == "payments" && e.Kind == bulk.EventSaturated:
			return slog.LevelError
		case e.Label == "search":
			return slog.LevelDebug
		}
		return bulkslog.Level(e)
	}))
	for _, label := range []string{"payments", "search", "mail"} {
		b := bulk.Must(bulk.New(label, 1, bulk.OnEvent(events.Log)))
		slot, _ := b.TryAcquire()
		b.TryAcquire() // is rejected
		slot.Release()
	}
	// Output:
	// level=ERROR msg="bulkhead saturated" bulkhead.label=payments
	// level=WARN msg="bulkhead saturated" bulkhead.label=mail
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

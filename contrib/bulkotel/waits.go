package bulkotel

import (
	"context"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Waits returns an event handler that records the wait of each operation that is
// admitted from the waiting room, in the histogram bulkhead.wait.duration. Pass it to
// [bulk.New], registry.New or, within registry.Each, to registry.NewKeyed, with
// [bulk.OnEvent]. It returns an error if meter rejects the histogram.
//
// The histogram has eight buckets for each power of two from 0.5 ms to 16 s, so the
// error of a quantile is at most 12.5 %. A view of the SDK can select other bounds or an
// exponential histogram.
func Waits(meter metric.Meter) (func(bulk.Event), error) {
	histogram, err := meter.Float64Histogram("bulkhead.wait.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Time in the waiting room of operations that were admitted from it."),
		metric.WithExplicitBucketBoundaries(waitBounds()...))
	if err != nil {
		return nil, err
	}
	return func(e bulk.Event) {
		if e.Kind == bulk.EventAdmitted && e.Queued {
			histogram.Record(context.Background(), e.Waited.Seconds(), metric.WithAttributeSet(attribute.NewSet(nameOf(e.Label))))
		}
	}, nil
}

func waitBounds() (bounds []float64) {
	for power := 1.0 / 2048; power < 16; power *= 2 {
		for i := range 8 {
			bounds = append(bounds, power+float64(i)*power/8)
		}
	}
	return append(bounds, 16)
}

// nameOf returns the label as an attribute.
func nameOf(label string) attribute.KeyValue {
	return attribute.String("bulkhead.name", strings.ToValidUTF8(label, "\uFFFD"))
}

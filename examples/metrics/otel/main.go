// Otel exports metrics of bulkheads with package contrib/bulkotel, and prints one
// collection.
//
//	go run .
//
// docs/metrics.md lists the metrics.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const about = `Otel exports metrics of a bulkhead as OpenTelemetry instruments, and prints one
collection.`

func main() {
	command.Main("otel", about, func(out io.Writer) error { return run(context.Background(), out) })
}

func run(ctx context.Context, out io.Writer) error {
	reader := sdk.NewManualReader() // a service uses a periodic reader with an exporter
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	meter := provider.Meter(bulkotel.ScopeName)

	waits, err := bulkotel.Waits(meter)
	if err != nil {
		return err
	}
	bulkheads := registry.New(bulk.OnEvent(waits))
	payments, err := bulkheads.Create("payments", 2, bulk.WaitingRoom(20))
	if err != nil {
		return err
	}
	if _, err := bulkotel.Register(meter, bulkotel.Registry(bulkheads)); err != nil {
		return err
	}

	if err := bulk.Do(ctx, payments, func(context.Context) error { return nil }); err != nil {
		return err
	}
	if err := payments.Shutdown(ctx); err != nil {
		return err
	}
	_ = bulk.Do(ctx, payments, func(context.Context) error { return nil }) // is rejected

	var reading metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &reading); err != nil {
		return err
	}
	for _, m := range reading.ScopeMetrics[0].Metrics {
		counts, ok := m.Data.(metricdata.Sum[int64])
		if !ok || m.Name == "bulkhead.hold.samples" {
			continue // durations and samples differ between runs
		}
		for _, p := range counts.DataPoints {
			if p.Value == 0 {
				continue
			}
			attributes, _ := p.Attributes.Filter(func(a attribute.KeyValue) bool { return a.Key != "bulkhead.id" })
			fmt.Fprintf(out, "%s %v %d %s\n", m.Name, attributes.Encoded(attribute.DefaultEncoder()), p.Value, m.Unit)
		}
	}
	return provider.Shutdown(ctx)
}

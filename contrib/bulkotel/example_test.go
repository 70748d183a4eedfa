package bulkotel_test

import (
	"context"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/registry"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func Example() {
	reader := sdk.NewManualReader() // a service uses a periodic reader with an exporter
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)

	waits, err := bulkotel.Waits(meter)
	if err != nil {
		fmt.Println(err)
		return
	}
	bulkheads := registry.New(bulk.OnEvent(waits))
	registration, err := bulkotel.Register(meter, bulkotel.Registry(bulkheads))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()

	payments := bulk.Must(bulkheads.Create("payments", 2, bulk.WaitingRoom(20)))
	for range 3 {
		_ = bulk.Do(context.Background(), payments, func(context.Context) error { return nil })
	}

	var collection metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collection); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range collection.ScopeMetrics[0].Metrics {
		if m.Name == "bulkhead.operation.finished" {
			point := m.Data.(metricdata.Sum[int64]).DataPoints[0]
			name, _ := point.Attributes.Value("bulkhead.name")
			fmt.Println(m.Name, name.AsString(), point.Value)
		}
	}
	// Output:
	// bulkhead.operation.finished payments 3
}

// A bulkhead and a Keyed that are in no registry, and the bulkheads of a list that
// changes.
func ExampleRegister() {
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	payments := bulk.Must(bulk.New("payments", 2))
	tenants, err := registry.NewKeyed[string]("tenants", 1, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	shards := []*bulk.Bulkhead{bulk.Must(bulk.New("shard 1", 2)), bulk.Must(bulk.New("shard 2", 2))}
	registration, err := bulkotel.Register(meter, bulkotel.Bulkhead(payments), bulkotel.Keyed(tenants),
		bulkotel.Statuses(func() (statuses []bulk.Status) {
			for _, b := range shards {
				statuses = append(statuses, b.Status())
			}
			return statuses
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()

	var collection metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collection); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range collection.ScopeMetrics[0].Metrics {
		if m.Name == "bulkhead.operation.arrived" {
			fmt.Println(len(m.Data.(metricdata.Sum[int64]).DataPoints), "series")
		}
	}
	// Output: 4 series
}

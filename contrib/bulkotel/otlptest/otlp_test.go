package otlptest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// receive starts a receiver of the Collector and returns where it listens.
func receive(t *testing.T) (sink *consumertest.MetricsSink, grpcAddress, httpAddress string) {
	t.Helper()
	grpcAddress, httpAddress = freeAddress(t), freeAddress(t)
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpcAddress}, "http": map[string]any{"endpoint": httpAddress},
	}}).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	sink = new(consumertest.MetricsSink)
	receiver, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := receiver.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return sink, grpcAddress, httpAddress
}

// connect starts a receiver and returns an exporter that sends to it.
func connect(t *testing.T, protocol string, temporality sdk.TemporalitySelector) (*consumertest.MetricsSink, sdk.Exporter) {
	t.Helper()
	sink, grpcAddress, httpAddress := receive(t)
	var exporter sdk.Exporter
	var err error
	if protocol == "grpc" {
		exporter, err = otlpmetricgrpc.New(t.Context(), otlpmetricgrpc.WithEndpoint(grpcAddress), otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithTemporalitySelector(temporality))
	} else {
		exporter, err = otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpoint(httpAddress), otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithTemporalitySelector(temporality))
	}
	if err != nil {
		t.Fatal(err)
	}
	return sink, exporter
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// backend adds up what a receiver gets, as a backend does: deltas as they are, and
// cumulative values by series.
type backend struct {
	t     *testing.T
	seen  map[string]int64
	total map[string]int64 // by metric and bulkhead.name
}

func (b *backend) add(batch pmetric.Metrics, wantDelta bool) {
	for _, resource := range batch.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			if name := scope.Scope().Name(); name != bulkotel.ScopeName {
				b.t.Errorf("scope %q", name)
			}
			for _, m := range scope.Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeSum:
					if !m.Sum().IsMonotonic() {
						continue
					}
					delta := m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta
					if delta != wantDelta {
						b.t.Errorf("%s: delta is %v", m.Name(), delta)
					}
					for _, p := range m.Sum().DataPoints().All() {
						if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
							b.point(m.Name(), p.Attributes(), p.IntValue(), delta)
						}
					}
				case pmetric.MetricTypeHistogram:
					delta := m.Histogram().AggregationTemporality() == pmetric.AggregationTemporalityDelta
					for _, p := range m.Histogram().DataPoints().All() {
						b.point(m.Name(), p.Attributes(), int64(p.Count()), delta)
					}
				}
			}
		}
	}
}

func (b *backend) point(metric string, attributes pcommon.Map, value int64, delta bool) {
	series := metric + fmt.Sprint(attributes.AsRaw())
	if !delta {
		value, b.seen[series] = value-b.seen[series], value
	}
	if value < 0 {
		b.t.Errorf("%s decreases by %d", series, -value)
	}
	name, ok := attributes.Get("bulkhead.name")
	if !ok {
		b.t.Errorf("%s has no name", series)
	}
	b.total[metric+" "+name.AsString()] += value
}

// A bulkhead and two Keyeds of a registry are removed and created again under their
// labels, with fewer operations the second time. Another bulkhead and one of the Keyeds
// have labels that are not UTF-8, which would make the exporter drop the batch.
func TestReceiverGetsEachOperationOnce(t *testing.T) {
	for name, delta := range map[string]bool{"cumulative": false, "delta": true} {
		selector := sdk.CumulativeTemporalitySelector
		if delta {
			selector = sdk.DeltaTemporalitySelector
		}
		for _, protocol := range []string{"grpc", "http"} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				sink, exporter := connect(t, protocol, selector)
				provider := sdk.NewMeterProvider(sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(time.Hour))))
				meter := provider.Meter(bulkotel.ScopeName)
				waits, err := bulkotel.Waits(meter)
				if err != nil {
					t.Fatal(err)
				}
				members := registry.New(bulk.OnEvent(waits), bulk.WaitingRoom(1))
				hosts, err := registry.NewKeyed[string]("hosts", 1, 10)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := bulkotel.Register(meter, bulkotel.Registry(members), bulkotel.Keyed(hosts)); err != nil {
					t.Fatal(err)
				}
				use(t, bulk.Must(members.Create("caf\xe9", 1)), 2)
				for _, n := range []int{20, 3, 7} {
					use(t, bulk.Must(members.Create("payments", 1)), n)
					useKey(t, hosts, fmt.Sprint("secret ", n), 1)
					for i, label := range []string{"tenants", "\xff tenants"} {
						tenants, err := registry.CreateKeyed[string](members, label, 1, 10)
						if err != nil {
							t.Fatal(err)
						}
						useKey(t, tenants, "secret", n+i)
					}
					for range 2 {
						if err := provider.ForceFlush(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					for _, label := range []string{"payments", "tenants", "\xff tenants"} {
						if err := members.Remove(t.Context(), label); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := provider.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				got := backend{t, map[string]int64{}, map[string]int64{}}
				for _, batch := range sink.AllMetrics() {
					got.add(batch, delta)
				}
				for metric, want := range map[string]int64{
					"bulkhead.operation.admitted payments":       60,
					"bulkhead.operation.queued payments":         30,
					"bulkhead.wait.duration payments":            30,
					"bulkhead.operation.admitted caf\uFFFD":      4,
					"bulkhead.operation.admitted hosts":          3,
					"bulkhead.key.created hosts":                 3,
					"bulkhead.operation.admitted tenants":        30,
					"bulkhead.operation.finished \uFFFD tenants": 33,
					"bulkhead.key.created tenants":               3,
					"bulkhead.operation.rejected payments":       0,
				} {
					if got.total[metric] != want {
						t.Errorf("%s: %d, want %d", metric, got.total[metric], want)
					}
				}
				for series := range got.seen {
					if strings.Contains(series, "secret") {
						t.Errorf("a key is exported: %s", series)
					}
				}
			})
		}
	}
}

// use makes n pairs of operations, of which the second waits for the first.
func use(t *testing.T, b *bulk.Bulkhead, n int) {
	t.Helper()
	for range n {
		slot, err := b.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		queued, done := make(chan struct{}), make(chan error)
		remove := b.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventQueued {
				close(queued)
			}
		})
		go func() { done <- bulk.Do(context.Background(), b, func(context.Context) error { return nil }) }()
		<-queued
		slot.Release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		remove()
	}
}

// useKey makes n operations with the key.
func useKey(t *testing.T, k *registry.Keyed[string], key string, n int) {
	t.Helper()
	for range n {
		slot, err := k.Acquire(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		slot.Release()
	}
}

package bulkotel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// seriesOf returns the values of a sum by bulkhead.id, and the value of the series in
// which the SDK puts what is above its limit.
func seriesOf(t *testing.T, reader sdk.Reader, metric string) (values map[string][]int64, overflow int64) {
	t.Helper()
	values = map[string][]int64{}
	for _, m := range collect(t, reader) {
		if m.Name != metric {
			continue
		}
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			if p.Attributes.HasValue("otel.metric.overflow") {
				overflow = p.Value
				continue
			}
			id, _ := p.Attributes.Value(attribute.Key("bulkhead.id"))
			values[id.AsString()] = append(values[id.AsString()], p.Value)
		}
	}
	return values, overflow
}

// rejecting makes n bulkheads in a registry, each of which has rejected one operation.
func rejecting(t *testing.T, r *registry.Registry, n int) {
	t.Helper()
	for i := range n {
		b := bulk.Must(r.Create(fmt.Sprint("tenant ", i), 1))
		slot, _ := b.TryAcquire()
		b.TryAcquire()
		slot.Release()
	}
}

// The package comment says which limit 300 bulkheads need, and what happens without it.
func TestLimitOfTheSDKLosesNoSeriesIfItIsSetAsDocumented(t *testing.T) {
	const bulkheads = 300
	for name, c := range map[string]struct {
		provider []sdk.Option
		reader   []sdk.ManualReaderOption
		lost     bool
	}{
		"default":       {lost: true},
		"15 for each":   {provider: []sdk.Option{sdk.WithCardinalityLimit(15 * bulkheads)}},
		"none":          {provider: []sdk.Option{sdk.WithCardinalityLimit(0)}},
		"of the reader": {reader: []sdk.ManualReaderOption{sdk.WithCardinalityLimitSelector(func(sdk.InstrumentKind) (int, bool) { return 15 * bulkheads, false })}},
	} {
		reader := sdk.NewManualReader(c.reader...)
		meter := sdk.NewMeterProvider(append(c.provider, sdk.WithReader(reader))...).Meter("test")
		members := registry.New()
		if _, err := bulkotel.Register(meter, bulkotel.Registry(members)); err != nil {
			t.Fatal(err)
		}
		rejecting(t, members, bulkheads)
		values, before := seriesOf(t, reader, "bulkhead.operation.rejected")
		for i := range bulkheads / 2 {
			if err := members.Remove(t.Context(), fmt.Sprint("tenant ", i)); err != nil {
				t.Fatal(err)
			}
		}
		left, after := seriesOf(t, reader, "bulkhead.operation.rejected")
		if c.lost {
			if len(values) >= bulkheads || before == 0 || after >= before {
				t.Errorf("%s: %d bulkheads have series, and the overflow falls from %d to %d; so the package comment is wrong", name, len(values), before, after)
			}
			continue
		}
		if len(values) != bulkheads || before != 0 || len(left) != bulkheads/2 || after != 0 {
			t.Errorf("%s: series of %d bulkheads and overflow %d, then of %d and %d", name, len(values), before, len(left), after)
		}
		for id, counts := range left {
			if len(counts) != 9 || slices.Max(counts) != 1 {
				t.Errorf("%s: %s has %v, want nine counts with one rejection", name, id, counts)
			}
		}
	}
}

// The package comment says how many fit into the default limit of the SDK.
func TestSeriesThatFitIntoTheDefaultLimit(t *testing.T) {
	for _, c := range []struct {
		bulkheads, keyeds int
		fit               bool
	}{{222, 0, true}, {223, 0, false}, {0, 199, true}, {0, 200, false}} {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		members := registry.New()
		if _, err := bulkotel.Register(meter, bulkotel.Registry(members)); err != nil {
			t.Fatal(err)
		}
		rejecting(t, members, c.bulkheads)
		for i := range c.keyeds {
			if _, err := registry.CreateKeyed[string](members, fmt.Sprint("keyed ", i), 1, 1); err != nil {
				t.Fatal(err)
			}
		}
		values, _ := seriesOf(t, reader, "bulkhead.operation.rejected")
		n := 0
		for _, counts := range values {
			n += len(counts)
		}
		if fit := n == 9*c.bulkheads+10*c.keyeds; fit != c.fit {
			t.Errorf("%d bulkheads and %d Keyeds have %d series", c.bulkheads, c.keyeds, n)
		}
	}
	if n := adaptive.Pausing - adaptive.Growing + 1; n != 13 {
		t.Errorf("bulkhead.limiter.decision.last has %d series for each limiter", n)
	}
}

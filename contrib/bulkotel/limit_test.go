package bulkotel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/bulklink/bulklink-go/sizing"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// seriesOf returns the values of a sum by the attribute id, and the value of the series in
// which the SDK puts what is above its limit.
func seriesOf(t *testing.T, reader sdk.Reader, metric, id string) (values map[string][]int64, overflow int64) {
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
			source, _ := p.Attributes.Value(attribute.Key(id))
			values[source.AsString()] = append(values[source.AsString()], p.Value)
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
		"17 for each":   {provider: []sdk.Option{sdk.WithCardinalityLimit(17 * bulkheads)}},
		"none":          {provider: []sdk.Option{sdk.WithCardinalityLimit(0)}},
		"of the reader": {reader: []sdk.ManualReaderOption{sdk.WithCardinalityLimitSelector(func(sdk.InstrumentKind) (int, bool) { return 17 * bulkheads, false })}},
	} {
		reader := sdk.NewManualReader(c.reader...)
		meter := sdk.NewMeterProvider(append(c.provider, sdk.WithReader(reader))...).Meter("test")
		members := registry.New()
		if _, err := bulkotel.Register(meter, bulkotel.Registry(members)); err != nil {
			t.Fatal(err)
		}
		rejecting(t, members, bulkheads)
		values, before := seriesOf(t, reader, "bulkhead.operation.rejected", "bulkhead.id")
		for i := range bulkheads / 2 {
			if err := members.Remove(t.Context(), fmt.Sprint("tenant ", i)); err != nil {
				t.Fatal(err)
			}
		}
		left, after := seriesOf(t, reader, "bulkhead.operation.rejected", "bulkhead.id")
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

// The package comment says that the largest number counts, also if it is that of the
// shadows.
func TestLimitOfTheSDKLosesNoSeriesOfShadows(t *testing.T) {
	const bulkheads, shadows = 1, 300
	for limit, fits := range map[int]bool{0: true, 17 * bulkheads: false, 17 * max(bulkheads, shadows): true} {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithCardinalityLimit(limit)).Meter("test")
		b := bulk.Must(bulk.New("search", 1))
		if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(b), bulkotel.Shadows(shadowsOf(t, b, shadows))); err != nil {
			t.Fatal(err)
		}
		slot, _ := b.TryAcquire()
		b.TryAcquire()
		slot.Release()
		values, overflow := seriesOf(t, reader, "bulkhead.shadow.operation.rejected", "bulkhead.shadow.id")
		n := 0
		for _, counts := range values {
			n += len(counts)
		}
		if all := n == 9*shadows && overflow == 0; all != fits {
			t.Errorf("limit %d: %d series of %d shadows, and overflow %d", limit, n, len(values), overflow)
		}
	}
}

// shadowsOf returns a function that returns n shadows of b.
func shadowsOf(t *testing.T, b *bulk.Bulkhead, n int) func() map[string]*sizing.Shadow {
	t.Helper()
	shadows := map[string]*sizing.Shadow{}
	for i := range n {
		s, err := sizing.NewShadow(b, bulk.Capacity{Parallelism: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		shadows[fmt.Sprint("shadow ", i)] = s
	}
	return func() map[string]*sizing.Shadow { return shadows }
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
		values, _ := seriesOf(t, reader, "bulkhead.operation.rejected", "bulkhead.id")
		n := 0
		for _, counts := range values {
			n += len(counts)
		}
		if fit := n == 9*c.bulkheads+10*c.keyeds; fit != c.fit {
			t.Errorf("%d bulkheads and %d Keyeds have %d series", c.bulkheads, c.keyeds, n)
		}
	}
	for shadows, fit := range map[int]bool{222: true, 223: false} {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		b := bulk.Must(bulk.New("search", 1))
		if _, err := bulkotel.Register(meter, bulkotel.Shadows(shadowsOf(t, b, shadows))); err != nil {
			t.Fatal(err)
		}
		values, _ := seriesOf(t, reader, "bulkhead.shadow.operation.rejected", "bulkhead.shadow.id")
		n := 0
		for _, counts := range values {
			n += len(counts)
		}
		if fits := n == 9*shadows; fits != fit {
			t.Errorf("%d shadows have %d series", shadows, n)
		}
	}
	if n := adaptive.Trying - adaptive.Growing + 1; n != 16 {
		t.Errorf("bulkhead.limiter.decision.last has %d series for each limiter", n)
	}
	if text, err := (adaptive.Trying + 1).MarshalText(); err == nil {
		t.Errorf("the reason %s has no series", text)
	}
	if n := fleet.Gone - fleet.Joining + 1; n != 6 {
		t.Errorf("bulkhead.fleet.status has %d series for each member", n)
	}
}

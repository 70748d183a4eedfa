package bulkotel_test

import (
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Bulkheads with the same label are removed and created again, exist in two registries
// concurrently, and are observed twice. For either temporality of the reader, no counter
// decreases, and no operation is lost or counted twice.
func TestNoCounterDecreases(t *testing.T) {
	for name, temporality := range map[string]sdk.TemporalitySelector{
		"cumulative": sdk.CumulativeTemporalitySelector, "delta": sdk.DeltaTemporalitySelector, "low memory": sdk.LowMemoryTemporalitySelector,
		"all delta": func(sdk.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality },
	} {
		reader := sdk.NewManualReader(sdk.WithTemporalitySelector(temporality))
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		one, other := registry.New(), registry.New()
		twice := false
		again := bulkotel.Statuses(func() []bulk.Status {
			if twice = !twice; twice {
				return one.Statuses()
			}
			return nil
		})
		if _, err := bulkotel.Register(meter, bulkotel.Registry(one), bulkotel.Registry(other), again); err != nil {
			t.Fatal(err)
		}
		bulk.Must(other.Create("payments", 1))
		total := sum{t: t, reader: reader, seen: map[series]int64{}}
		var want int64
		check := func() {
			t.Helper()
			if got := total.collect(); got != want {
				t.Errorf("%s: %d admitted, want %d", name, got, want)
			}
		}
		for _, n := range []int{100, 3, 0, 50} {
			b := bulk.Must(one.Create("payments", 1))
			for range n {
				_ = bulk.Do(t.Context(), b, nothing)
			}
			want += int64(n)
			check()
			check()
			if err := one.Remove(t.Context(), "payments"); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				check() // without the removed bulkhead
			}
		}
	}
}

// A Keyed that is made again under its label is a new series.
func TestNoCounterOfAKeyedDecreases(t *testing.T) {
	for name, temporality := range map[string]sdk.TemporalitySelector{"cumulative": sdk.CumulativeTemporalitySelector, "delta": sdk.DeltaTemporalitySelector} {
		reader := sdk.NewManualReader(sdk.WithTemporalitySelector(temporality))
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		total := sum{t: t, reader: reader, seen: map[series]int64{}}
		var want int64
		for _, n := range []int64{100, 3} {
			k, err := registry.NewKeyed[int64]("tenants", 1, 10)
			if err != nil {
				t.Fatal(err)
			}
			registration, err := bulkotel.Register(meter, bulkotel.Keyed(k))
			if err != nil {
				t.Fatal(err)
			}
			for key := range n {
				slot, err := k.Acquire(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				slot.Release()
			}
			want += n
			if got := total.collect(); got != want {
				t.Errorf("%s: %d admitted, want %d", name, got, want)
			}
			if err := registration.Unregister(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// series identifies a series of a metric.
type series struct {
	name       string
	attributes attribute.Distinct
}

// sum adds up the admitted operations over collections, as a backend does.
type sum struct {
	t        *testing.T
	reader   sdk.Reader
	seen     map[series]int64 // the last cumulative values
	admitted int64
}

// collect makes a collection and returns the sum. It fails the test if a counter
// decreases.
func (s *sum) collect() int64 {
	s.t.Helper()
	for _, m := range collect(s.t, s.reader) {
		data, ok := m.Data.(metricdata.Sum[int64])
		if !ok || !data.IsMonotonic {
			continue
		}
		for _, p := range data.DataPoints {
			key := series{m.Name, p.Attributes.Equivalent()}
			delta := p.Value
			if data.Temporality == metricdata.CumulativeTemporality {
				delta -= s.seen[key]
				s.seen[key] = p.Value
			}
			if delta < 0 {
				s.t.Errorf("%s of %s decreases by %d", m.Name, p.Attributes.Encoded(attribute.DefaultEncoder()), -delta)
			}
			if m.Name == "bulkhead.operation.admitted" {
				s.admitted += delta
			}
		}
	}
	return s.admitted
}

// An exporter marshals a batch to protocol buffers, whose strings must be valid UTF-8.
func TestEveryAttributeIsUTF8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		recordWaits, err := bulkotel.Waits(meter)
		if err != nil {
			t.Fatal(err)
		}
		members := registry.New(bulk.OnEvent(recordWaits), bulk.WaitingRoom(1))
		if _, err := bulkotel.Register(meter, bulkotel.Registry(members)); err != nil {
			t.Fatal(err)
		}
		labels := []string{"caf\xe9", "caf\xe8", "caf\uFFFD", "\xff", "\xed\xa0\x80", "a\x00b"}
		for _, label := range labels {
			b := bulk.Must(members.Create(label, 1))
			slot, _ := b.TryAcquire()
			go func() { _ = bulk.Do(t.Context(), b, nothing) }()
			synctest.Wait()
			slot.Release()
			synctest.Wait()
		}
		for _, m := range collect(t, reader) {
			var sets []attribute.Set
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					sets = append(sets, p.Attributes)
				}
				if m.Name == "bulkhead.operation.finished" && len(sets) != len(labels) {
					t.Errorf("%d series of %d bulkheads", len(sets), len(labels))
				}
			case metricdata.Histogram[float64]:
				count := uint64(0)
				for _, p := range data.DataPoints {
					sets = append(sets, p.Attributes)
					count += p.Count
				}
				if count != uint64(len(labels)) {
					t.Errorf("%d waits, want %d", count, len(labels))
				}
			}
			for _, set := range sets {
				for _, a := range set.ToSlice() {
					if a.Value.Type() == attribute.STRING && !utf8.ValidString(a.Value.AsString()) {
						t.Errorf("%s has %s=%q", m.Name, a.Key, a.Value.AsString())
					}
				}
			}
		}
	})
}

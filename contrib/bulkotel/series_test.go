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

// A Keyed is removed from a registry and created again under its label, beside a
// bulkhead with the same label in another registry. It is also observed by itself.
func TestNoCounterOfAKeyedDecreases(t *testing.T) {
	for name, temporality := range map[string]sdk.TemporalitySelector{
		"cumulative": sdk.CumulativeTemporalitySelector, "delta": sdk.DeltaTemporalitySelector,
		"all delta": func(sdk.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality },
	} {
		reader := sdk.NewManualReader(sdk.WithTemporalitySelector(temporality))
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		members, others := registry.New(), registry.New()
		if err := bulk.Do(t.Context(), bulk.Must(others.Create("tenants", 1)), nothing); err != nil {
			t.Fatal(err)
		}
		var current *registry.Keyed[int64]
		again := bulkotel.KeyedStatuses(func() []registry.KeyedStatus {
			if current == nil {
				return nil
			}
			return []registry.KeyedStatus{current.Status()}
		})
		if _, err := bulkotel.Register(meter, bulkotel.Registry(members), bulkotel.Registry(others), again); err != nil {
			t.Fatal(err)
		}
		total := sum{t: t, reader: reader, seen: map[series]int64{}}
		want := int64(1)
		check := func() {
			t.Helper()
			if got := total.collect(); got != want {
				t.Errorf("%s: %d admitted, want %d", name, got, want)
			}
		}
		for _, n := range []int64{100, 3, 0, 50} {
			var err error
			if current, err = registry.CreateKeyed[int64](members, "tenants", 1, 10); err != nil {
				t.Fatal(err)
			}
			for key := range n {
				slot, err := current.Acquire(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				slot.Release()
			}
			want += n
			check()
			check()
			if err := members.Remove(t.Context(), "tenants"); err != nil {
				t.Fatal(err)
			}
			current = nil
			if n == 0 {
				check() // without the removed Keyed
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
			if _, err := registry.CreateKeyed[string](members, label+" by key", 1, 1); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range collect(t, reader) {
			var sets []attribute.Set
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					sets = append(sets, p.Attributes)
				}
				if m.Name == "bulkhead.operation.finished" && len(sets) != 2*len(labels) {
					t.Errorf("%d series of %d bulkheads and as many Keyeds", len(sets), len(labels))
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

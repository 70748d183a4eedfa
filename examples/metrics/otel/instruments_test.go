package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

// read collects all metrics, by name.
func read(t *testing.T, reader sdk.Reader) map[string]metricdata.Metrics {
	var reading metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &reading); err != nil {
		t.Fatal(err)
	}
	all := map[string]metricdata.Metrics{}
	for _, scope := range reading.ScopeMetrics {
		for _, m := range scope.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

// The test drives a bulkhead through all outcomes, in virtual time, and checks every
// value that a reader gets.
func TestReaderGetsEveryValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		recordWaits, err := waits(meter)
		if err != nil {
			t.Fatal(err)
		}
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2), bulk.WaitLimit(time.Second), bulk.OnEvent(recordWaits)))
		registration, err := observe(meter, func() []bulk.Status { return []bulk.Status{b.Status()} })
		if err != nil {
			t.Fatal(err)
		}

		ended, cancel := context.WithCancel(t.Context())
		do := func(ctx context.Context, n int) {
			_, _ = bulk.RunN(ctx, b, n, func(context.Context) (int, error) { return 0, nil })
		}
		for _, d := range []time.Duration{2 * time.Millisecond, 300 * time.Millisecond} {
			slots, _ := b.TryAcquireN(2)
			go do(t.Context(), 1)
			time.Sleep(d)
			slots.Release()
			synctest.Wait()
		}
		slots, _ := b.TryAcquireN(2)
		go do(t.Context(), 1) // expires
		go do(ended, 1)       // is canceled
		synctest.Wait()
		do(t.Context(), 1) // saturated
		do(t.Context(), 3) // oversized
		cancel()
		do(ended, 1) // canceled at arrival
		time.Sleep(time.Second)
		go do(t.Context(), 1) // still waits at the collection
		synctest.Wait()

		name, id := attribute.String("bulkhead.name", "payments"), attribute.Int64("bulkhead.id", int64(b.Status().ID))
		one := func(n int64) []metricdata.DataPoint[int64] {
			return []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(name, id), Value: n}}
		}
		var rejected []metricdata.DataPoint[int64]
		for _, r := range []struct {
			reason bulk.Reason
			waited bool
			n      int64
		}{
			{bulk.Saturated, false, 1},
			{bulk.Expired, false, 0}, {bulk.Expired, true, 1},
			{bulk.Canceled, false, 1}, {bulk.Canceled, true, 1},
			{bulk.Closed, false, 0}, {bulk.Closed, true, 0},
			{bulk.Oversized, false, 1}, {bulk.Oversized, true, 0},
		} {
			rejected = append(rejected, metricdata.DataPoint[int64]{Value: r.n, Attributes: attribute.NewSet(name, id,
				attribute.String("bulkhead.reason", r.reason.String()), attribute.Bool("bulkhead.waited", r.waited))})
		}
		got := read(t, reader)
		for _, want := range []struct {
			name, unit string
			monotonic  bool
			points     []metricdata.DataPoint[int64]
		}{
			{"bulkhead.slot.limit", "{slot}", false, one(2)},
			{"bulkhead.slot.used", "{slot}", false, one(2)},
			{"bulkhead.operation.active", "{operation}", false, one(1)},
			{"bulkhead.waiting_room.limit", "{operation}", false, one(2)},
			{"bulkhead.waiting_room.used", "{operation}", false, one(1)},
			{"bulkhead.operation.admitted", "{operation}", true, one(5)},
			{"bulkhead.operation.finished", "{operation}", true, one(4)},
			{"bulkhead.operation.abandoned", "{operation}", true, one(0)},
			{"bulkhead.operation.queued", "{operation}", true, one(5)},
			{"bulkhead.operation.rejected", "{operation}", true, rejected},
			{"bulkhead.hold.samples", "{operation}", true, one(int64(b.Status().Totals.Holds.Samples))},
		} {
			m := got[want.name]
			delete(got, want.name)
			metricdatatest.AssertEqual(t, metricdata.Metrics{
				Name: want.name, Unit: want.unit, Description: m.Description,
				Data: metricdata.Sum[int64]{
					Temporality: metricdata.CumulativeTemporality, IsMonotonic: want.monotonic, DataPoints: want.points,
				},
			}, m, metricdatatest.IgnoreTimestamp())
			if m.Description == "" {
				t.Errorf("%s has no description", want.name)
			}
		}

		holds := got["bulkhead.hold.duration"]
		delete(got, "bulkhead.hold.duration")
		metricdatatest.AssertEqual(t, metricdata.Metrics{
			Name: "bulkhead.hold.duration", Unit: "s", Description: holds.Description,
			Data: metricdata.Sum[float64]{
				Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
				DataPoints: []metricdata.DataPoint[float64]{{Attributes: attribute.NewSet(name, id), Value: b.Status().Totals.Holds.Sum.Seconds()}},
			},
		}, holds, metricdatatest.IgnoreTimestamp())

		counts := make([]uint64, len(waitBounds())+1)
		for _, seconds := range []float64{0.002, 0.3} {
			i, _ := slices.BinarySearch(waitBounds(), seconds)
			counts[i]++
		}
		wait := got["bulkhead.wait.duration"]
		delete(got, "bulkhead.wait.duration")
		metricdatatest.AssertEqual(t, metricdata.Metrics{
			Name: "bulkhead.wait.duration", Unit: "s", Description: wait.Description,
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.HistogramDataPoint[float64]{{
					Attributes: attribute.NewSet(name),
					Count:      2, Sum: 0.302,
					Bounds:       waitBounds(),
					BucketCounts: counts,
					Min:          metricdata.NewExtrema(0.002),
					Max:          metricdata.NewExtrema(0.3),
				}},
			},
		}, wait, metricdatatest.IgnoreTimestamp())
		for name := range got {
			t.Errorf("%s is not checked by the test", name)
		}

		slots.Release()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := registration.Unregister(); err != nil {
			t.Error(err)
		}
		if len(read(t, reader)) != 1 { // only the histogram, which keeps its recorded values
			t.Error("metrics are still observed after Unregister")
		}
	})
}

// Bulkheads with the same label are removed and created again, exist in two registries
// concurrently, and are in the list twice. For either temporality of the reader, no
// counter decreases, and no operation is lost or counted twice.
func TestNoCounterDecreases(t *testing.T) {
	for name, temporality := range map[string]sdk.TemporalitySelector{
		"cumulative": sdk.CumulativeTemporalitySelector, "delta": sdk.DeltaTemporalitySelector, "low memory": sdk.LowMemoryTemporalitySelector,
		"all delta": func(sdk.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality },
	} {
		reader := sdk.NewManualReader(sdk.WithTemporalitySelector(temporality))
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		recordWaits, err := waits(meter)
		if err != nil {
			t.Fatal(err)
		}
		one, other := registry.New(bulk.OnEvent(recordWaits)), registry.New(bulk.OnEvent(recordWaits))
		twice := false
		if _, err := observe(meter, func() []bulk.Status {
			statuses := append(one.Statuses(), other.Statuses()...)
			if twice = !twice; twice {
				statuses = append(statuses, one.Statuses()...)
			}
			return statuses
		}); err != nil {
			t.Fatal(err)
		}
		bulk.Must(other.Create("payments", 1, bulk.WaitingRoom(1)))
		type series struct {
			name       string
			attributes attribute.Distinct
		}
		seen, admitted := map[series]int64{}, int64(0)
		var want int64
		collect := func() {
			t.Helper()
			for _, m := range read(t, reader) {
				sum, ok := m.Data.(metricdata.Sum[int64])
				if !ok || !sum.IsMonotonic {
					continue
				}
				for _, p := range sum.DataPoints {
					key := series{m.Name, p.Attributes.Equivalent()}
					delta := p.Value
					if sum.Temporality == metricdata.CumulativeTemporality {
						delta -= seen[key]
						seen[key] = p.Value
					}
					if delta < 0 {
						t.Errorf("%s: %s of %s decreases by %d", name, m.Name, p.Attributes.Encoded(attribute.DefaultEncoder()), -delta)
					}
					if m.Name == "bulkhead.operation.admitted" {
						admitted += delta
					}
				}
			}
			if admitted != want {
				t.Errorf("%s: %d admitted, want %d", name, admitted, want)
			}
		}
		for _, n := range []int{100, 3, 0, 50} {
			b := bulk.Must(one.Create("payments", 1, bulk.WaitingRoom(1)))
			for range n {
				_ = bulk.Do(t.Context(), b, func(context.Context) error { return nil })
			}
			want += int64(n)
			collect()
			collect()
			if err := one.Remove(t.Context(), "payments"); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				collect() // without the removed bulkhead
			}
		}
	}
}

// An exporter marshals a batch to protocol buffers, whose strings must be valid UTF-8.
func TestEveryAttributeIsUTF8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		recordWaits, err := waits(meter)
		if err != nil {
			t.Fatal(err)
		}
		members := registry.New(bulk.OnEvent(recordWaits), bulk.WaitingRoom(1))
		if _, err := observe(meter, members.Statuses); err != nil {
			t.Fatal(err)
		}
		labels := []string{"caf\xe9", "caf\xe8", "caf\uFFFD", "\xff", "\xed\xa0\x80", "a\x00b"}
		for _, label := range labels {
			b := bulk.Must(members.Create(label, 1))
			slot, _ := b.TryAcquire()
			go func() { _ = bulk.Do(t.Context(), b, func(context.Context) error { return nil }) }()
			synctest.Wait()
			slot.Release()
			synctest.Wait()
		}
		check := func(name string, set attribute.Set) {
			for _, a := range set.ToSlice() {
				if a.Value.Type() == attribute.STRING && !utf8.ValidString(a.Value.AsString()) {
					t.Errorf("%s has %s=%q", name, a.Key, a.Value.AsString())
				}
			}
		}
		for name, m := range read(t, reader) {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				if n := len(data.DataPoints); n != len(labels) && n != 9*len(labels) {
					t.Errorf("%s has %d series", name, n)
				}
				for _, p := range data.DataPoints {
					check(name, p.Attributes)
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					check(name, p.Attributes)
				}
			case metricdata.Histogram[float64]:
				sum := uint64(0)
				for _, p := range data.DataPoints {
					check(name, p.Attributes)
					sum += p.Count
				}
				if sum != uint64(len(labels)) {
					t.Errorf("%d waits, want %d", sum, len(labels))
				}
			default:
				t.Errorf("%s is a %T", name, data)
			}
		}
	})
}

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bulkhead.slot.limit bulkhead.name=payments 2 {slot}
	// bulkhead.waiting_room.limit bulkhead.name=payments 20 {operation}
	// bulkhead.operation.admitted bulkhead.name=payments 1 {operation}
	// bulkhead.operation.finished bulkhead.name=payments 1 {operation}
	// bulkhead.operation.rejected bulkhead.name=payments,bulkhead.reason=closed,bulkhead.waited=false 1 {operation}
}

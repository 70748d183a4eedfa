package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

// read collects everything there is, by name.
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

// Everything that can happen to a bulkhead, in virtual time, and what a reader
// sees of it.
func TestWhatAReaderSees(t *testing.T) {
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
		go do(t.Context(), 1) // still waits when the reading is taken
		synctest.Wait()

		name := attribute.String("bulkhead.name", "payments")
		one := func(n int64) []metricdata.DataPoint[int64] {
			return []metricdata.DataPoint[int64]{{Attributes: attribute.NewSet(name), Value: n}}
		}
		var away []metricdata.DataPoint[int64]
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
			away = append(away, metricdata.DataPoint[int64]{Value: r.n, Attributes: attribute.NewSet(name,
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
			{"bulkhead.operation.turned_away", "{operation}", true, away},
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

		wait := got["bulkhead.wait.duration"]
		delete(got, "bulkhead.wait.duration")
		metricdatatest.AssertEqual(t, metricdata.Metrics{
			Name: "bulkhead.wait.duration", Unit: "s", Description: wait.Description,
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.HistogramDataPoint[float64]{{
					Attributes: attribute.NewSet(name),
					Count:      2, Sum: 0.302,
					Bounds:       []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
					BucketCounts: []uint64{0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0},
					Min:          metricdata.NewExtrema(0.002),
					Max:          metricdata.NewExtrema(0.3),
				}},
			},
		}, wait, metricdatatest.IgnoreTimestamp())
		for name := range got {
			t.Errorf("%s is not in the test", name)
		}

		slots.Release()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := registration.Unregister(); err != nil {
			t.Error(err)
		}
		if len(read(t, reader)) != 1 { // only the histogram, which has been recorded
			t.Error("it is still observed")
		}
	})
}

func Example() {
	main()
	// Output:
	// bulkhead.slot.limit bulkhead.name=payments 2 {slot}
	// bulkhead.waiting_room.limit bulkhead.name=payments 20 {operation}
	// bulkhead.operation.admitted bulkhead.name=payments 1 {operation}
	// bulkhead.operation.finished bulkhead.name=payments 1 {operation}
	// bulkhead.operation.turned_away bulkhead.name=payments,bulkhead.reason=closed,bulkhead.waited=false 1 {operation}
}

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observe registers instruments for bulkheads. They have no state: each collection
// reads one status of each bulkhead that statuses returns. statuses can be the
// Statuses method of a registry.
//
// Each series has the bulkhead's label as bulkhead.name and its ID as bulkhead.id. The
// ID is needed because two bulkheads can have the same label, concurrently or one after
// another. Without it, they would share a series, and the counters would fall to 0 when
// a bulkhead is removed and created again. A reader with delta temporality would then
// get a negative value from a counter. Sum over bulkhead.id to get the values of a
// label.
//
// Call Unregister on the result to remove the instruments.
func observe(meter metric.Meter, statuses func() []bulk.Status) (metric.Registration, error) {
	var all []metric.Observable
	var errs []error
	level := func(name, unit, description string) metric.Int64Observable {
		i, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		all, errs = append(all, i), append(errs, err)
		return i
	}
	count := func(name, description string) metric.Int64Observable {
		i, err := meter.Int64ObservableCounter(name, metric.WithUnit("{operation}"), metric.WithDescription(description))
		all, errs = append(all, i), append(errs, err)
		return i
	}
	var (
		slots   = level("bulkhead.slot.limit", "{slot}", "Number of slots (parallelism).")
		used    = level("bulkhead.slot.used", "{slot}", "Slots in use. It exceeds the limit only while a reduced capacity drains.")
		active  = level("bulkhead.operation.active", "{operation}", "Operations that hold slots.")
		places  = level("bulkhead.waiting_room.limit", "{operation}", "Size of the waiting room.")
		waiting = level("bulkhead.waiting_room.used", "{operation}", "Operations in the waiting room.")

		admitted  = count("bulkhead.operation.admitted", "Operations that were admitted, immediately or from the waiting room.")
		finished  = count("bulkhead.operation.finished", "Operations that ran and finished.")
		abandoned = count("bulkhead.operation.abandoned", "Operations that were granted slots but never ran, because their context was done.")
		queued    = count("bulkhead.operation.queued", "Operations that were queued in the waiting room.")
		rejected  = count("bulkhead.operation.rejected", "Operations that were rejected, by reason and by whether they waited first.")

		holdSamples = count("bulkhead.hold.samples", "Operations whose hold was sampled: about one in 64 admitted operations.")
	)
	holdTime, err := meter.Float64ObservableCounter("bulkhead.hold.duration", metric.WithUnit("s"),
		metric.WithDescription("Total time in flight of the sampled operations. Divide it by the number of samples to get the mean hold."))
	all, errs = append(all, holdTime), append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		seen := map[uint64]bool{}
		for _, s := range statuses() {
			if seen[s.ID] { // the SDK adds up values observed twice for one series
				continue
			}
			seen[s.ID] = true
			name, id := nameOf(s.Label), attribute.Int64("bulkhead.id", int64(s.ID))
			set := metric.WithAttributeSet(attribute.NewSet(name, id))
			o.ObserveInt64(slots, int64(s.Capacity.Parallelism), set)
			o.ObserveInt64(used, int64(s.InUse), set)
			o.ObserveInt64(active, int64(s.InFlight), set)
			o.ObserveInt64(places, int64(s.Capacity.WaitingRoom), set)
			o.ObserveInt64(waiting, int64(s.Waiting), set)

			t := s.Totals
			o.ObserveInt64(admitted, int64(t.Admitted), set)
			o.ObserveInt64(finished, int64(t.Finished), set)
			o.ObserveInt64(abandoned, int64(t.Abandoned), set)
			o.ObserveInt64(queued, int64(t.Queued), set)
			reject := func(reason bulk.Reason, waited bool, n uint64) {
				o.ObserveInt64(rejected, int64(n), metric.WithAttributes(name, id,
					attribute.String("bulkhead.reason", reason.String()), attribute.Bool("bulkhead.waited", waited)))
			}
			reject(bulk.Saturated, false, t.Saturated)
			reject(bulk.Expired, false, t.ExpiredAtArrival)
			reject(bulk.Expired, true, t.Expired)
			reject(bulk.Canceled, false, t.CanceledAtArrival)
			reject(bulk.Canceled, true, t.Canceled)
			reject(bulk.Closed, false, t.ClosedAtArrival)
			reject(bulk.Closed, true, t.Closed)
			reject(bulk.Oversized, false, t.OversizedAtArrival)
			reject(bulk.Oversized, true, t.Oversized)

			o.ObserveInt64(holdSamples, int64(t.Holds.Samples), set)
			o.ObserveFloat64(holdTime, t.Holds.Sum.Seconds(), set)
		}
		return nil
	}, all...)
}

// waits returns an event handler that records the wait of each operation that is
// admitted from the waiting room. Pass it to bulk.New with bulk.OnEvent. The metric API
// has no observable histogram, so the histogram of a status cannot be exported.
// Instead, the handler records each wait in a histogram of OpenTelemetry. Bulkheads with
// the same label share a series of that histogram.
func waits(meter metric.Meter) (func(bulk.Event), error) {
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

// waitBounds returns eight bounds for each power of two from 0.5 ms to 16 s, so the
// error of a quantile is at most 12.5 %. A view of the SDK can select other bounds or an
// exponential histogram.
func waitBounds() (bounds []float64) {
	for power := 1.0 / 2048; power < 16; power *= 2 {
		for i := range 8 {
			bounds = append(bounds, power+float64(i)*power/8)
		}
	}
	return append(bounds, 16)
}

// nameOf returns the label as an attribute. A label may be any text, and an exporter
// drops the whole batch if one attribute is not valid UTF-8.
func nameOf(label string) attribute.KeyValue {
	return attribute.String("bulkhead.name", strings.ToValidUTF8(label, "\uFFFD"))
}

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observe registers instruments that show bulkheads. They keep nothing and
// count nothing: each collection takes one status of each bulkhead that
// statuses returns, the Statuses method of a registry for example.
//
// Each series has the bulkhead's label as bulkhead.name and its ID as
// bulkhead.id. Two bulkheads can have one label, at the same time or one after
// the other. With the label alone they would share a series, and a bulkhead that
// was removed and created again would take its counters back to 0: a reader with
// delta temporality would get a negative number from a counter that only grows.
// Sum over bulkhead.id for the numbers of a label.
//
// Unregister the result to end it.
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
		slots   = level("bulkhead.slot.limit", "{slot}", "Slots there are (parallelism).")
		used    = level("bulkhead.slot.used", "{slot}", "Slots in use. Above the limit only while a shrink drains.")
		active  = level("bulkhead.operation.active", "{operation}", "Operations that hold slots.")
		places  = level("bulkhead.waiting_room.limit", "{operation}", "Operations that may wait.")
		waiting = level("bulkhead.waiting_room.used", "{operation}", "Operations that wait.")

		admitted  = count("bulkhead.operation.admitted", "Operations that got their slots, immediately or from the waiting room.")
		finished  = count("bulkhead.operation.finished", "Operations that ran and are over.")
		abandoned = count("bulkhead.operation.abandoned", "Operations that got slots but whose context was done: they never ran.")
		queued    = count("bulkhead.operation.queued", "Operations that went into the waiting room.")
		rejected  = count("bulkhead.operation.rejected", "Operations that were never started, by reason, and by whether they had waited first.")

		holdSamples = count("bulkhead.hold.samples", "Operations whose time in flight was measured: about one in 64 of those admitted.")
	)
	holdTime, err := meter.Float64ObservableCounter("bulkhead.hold.duration", metric.WithUnit("s"),
		metric.WithDescription("Time in flight of those operations together: divided by their number, the mean hold."))
	all, errs = append(all, holdTime), append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		seen := map[uint64]bool{}
		for _, s := range statuses() {
			if seen[s.ID] { // the SDK would add up what one series is given twice
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

// waits returns an event handler that records how long each operation waited
// that was admitted from the waiting room: give it to bulk.New with
// bulk.OnEvent. The histogram that a status has can't be shown through the metric
// API, which has no observable histogram. So the waits are recorded one by one,
// as they happen, in a histogram of OpenTelemetry's own. Bulkheads of one label
// share a series in it, which therefore outlives each of them.
func waits(meter metric.Meter) (func(bulk.Event), error) {
	histogram, err := meter.Float64Histogram("bulkhead.wait.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Time in the waiting room of operations that were admitted from there."),
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

// waitBounds returns eight bounds in each power of two from 0.5 ms to 16 s, so
// that a quantile is at most 12.5 % off. A view of the SDK can choose other
// ones, or an exponential histogram.
func waitBounds() (bounds []float64) {
	for power := 1.0 / 2048; power < 16; power *= 2 {
		for i := range 8 {
			bounds = append(bounds, power+float64(i)*power/8)
		}
	}
	return append(bounds, 16)
}

// nameOf returns the label as an attribute. A label may be any text, and an
// exporter drops the whole batch for one attribute that is not UTF-8.
func nameOf(label string) attribute.KeyValue {
	return attribute.String("bulkhead.name", strings.ToValidUTF8(label, "\uFFFD"))
}

package main

import (
	"context"
	"errors"

	"github.com/bulklink/bulklink-go/bulk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observe registers instruments that show bulkheads. They keep nothing and
// count nothing: each collection takes one status of each bulkhead that
// statuses returns, the Statuses method of a registry for example. Labels must
// differ, as they do in a registry.
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

		admitted   = count("bulkhead.operation.admitted", "Operations that got their slots, at once or from the waiting room.")
		finished   = count("bulkhead.operation.finished", "Operations that ran and are over.")
		abandoned  = count("bulkhead.operation.abandoned", "Operations that got slots but whose context was done: they never ran.")
		queued     = count("bulkhead.operation.queued", "Operations that went into the waiting room.")
		turnedAway = count("bulkhead.operation.turned_away", "Operations that were never started, by reason, and by whether they had waited first.")
	)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, s := range statuses() {
			name := bulkhead(s.Label)
			set := metric.WithAttributeSet(attribute.NewSet(name))
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
			away := func(reason bulk.Reason, waited bool, n uint64) {
				o.ObserveInt64(turnedAway, int64(n), metric.WithAttributes(name,
					attribute.String("bulkhead.reason", reason.String()), attribute.Bool("bulkhead.waited", waited)))
			}
			away(bulk.Saturated, false, t.Saturated)
			away(bulk.Expired, false, t.ExpiredAtArrival)
			away(bulk.Expired, true, t.Expired)
			away(bulk.Canceled, false, t.CanceledAtArrival)
			away(bulk.Canceled, true, t.Canceled)
			away(bulk.Closed, false, t.ClosedAtArrival)
			away(bulk.Closed, true, t.Closed)
			away(bulk.Oversized, false, t.OversizedAtArrival)
			away(bulk.Oversized, true, t.Oversized)
		}
		return nil
	}, all...)
}

// waits returns an event handler that records how long each operation waited
// that was admitted from the waiting room: give it to bulk.New with
// bulk.OnEvent. OpenTelemetry has no histogram that could be read from a status
// now and then, so this one is recorded as it happens.
func waits(meter metric.Meter) (func(bulk.Event), error) {
	histogram, err := meter.Float64Histogram("bulkhead.wait.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Time in the waiting room of operations that were admitted from there."),
		metric.WithExplicitBucketBoundaries(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	if err != nil {
		return nil, err
	}
	return func(e bulk.Event) {
		if e.Kind == bulk.EventAdmitted && e.Queued {
			histogram.Record(context.Background(), e.Waited.Seconds(), metric.WithAttributeSet(attribute.NewSet(bulkhead(e.Label))))
		}
	}, nil
}

func bulkhead(label string) attribute.KeyValue { return attribute.String("bulkhead.name", label) }

package bulkotel

import (
	"context"
	"strconv"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// ScopeName is the name of the instrumentation scope, for otel.Meter or the Meter method
// of a provider.
const ScopeName = "github.com/bulklink/bulklink-go/contrib/bulkotel"

// Register makes instruments with meter, and observes at each collection what the
// options name. It returns an error if meter rejects an instrument. Call Unregister on
// the result to end it. An option with a bad value panics.
//
// Call it once for a meter, with everything there is: a status that is observed by two
// calls is counted twice.
func Register(meter metric.Meter, opts ...Option) (metric.Registration, error) {
	c := newConfig(opts)
	in, err := newInstruments(meter)
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, k := range c.keyeds {
			s := k.status()
			in.observeKeyed(newObserver(o, s.Label, k.id), s, k.capacity())
		}
		seen := map[uint64]bool{}
		for _, statuses := range c.statuses {
			for _, s := range statuses() {
				if seen[s.ID] { // the SDK adds up values observed twice for one series
					continue
				}
				seen[s.ID] = true
				in.observeBulkhead(newObserver(o, s.Label, strconv.FormatUint(s.ID, 10)), s)
			}
		}
		return nil
	}, in.all...)
}

// observer observes values of the bulkhead with some attributes.
type observer struct {
	metric.Observer
	attributes []attribute.KeyValue
	set        metric.MeasurementOption // of attributes
}

func newObserver(o metric.Observer, label, id string) observer {
	attributes := []attribute.KeyValue{nameOf(label), attribute.String("bulkhead.id", id)}
	return observer{o, attributes, metric.WithAttributeSet(attribute.NewSet(attributes...))}
}

func (o observer) integer(i metric.Int64Observable, v int) { o.ObserveInt64(i, int64(v), o.set) }

func (o observer) count(i metric.Int64Observable, n uint64) { o.ObserveInt64(i, int64(n), o.set) }

func (o observer) seconds(i metric.Float64Observable, s float64) { o.ObserveFloat64(i, s, o.set) }

func (o observer) rejected(i metric.Int64Observable, reason string, waited bool, n uint64) {
	o.ObserveInt64(i, int64(n), metric.WithAttributes(append([]attribute.KeyValue{
		attribute.String("bulkhead.rejection.reason", reason), attribute.Bool("bulkhead.rejection.waited", waited),
	}, o.attributes...)...))
}

func (o observer) state(i metric.Int64Observable, state string, holds bool) {
	value := int64(0)
	if holds {
		value = 1
	}
	o.ObserveInt64(i, value, metric.WithAttributes(append([]attribute.KeyValue{attribute.String("bulkhead.state", state)}, o.attributes...)...))
}

func (in *instruments) observeBulkhead(o observer, s bulk.Status) {
	if s.Capacity.Parallelism != bulk.Unlimited {
		o.integer(in.slots, s.Capacity.Parallelism)
	}
	o.integer(in.places, s.Capacity.WaitingRoom)
	o.seconds(in.waitLimit, s.Capacity.WaitLimit.Seconds())
	o.seconds(in.delayTarget, s.Capacity.DelayTarget.Seconds())
	o.seconds(in.delayInterval, s.Capacity.DelayInterval.Seconds())
	o.state(in.status, "open", !s.Closed && !s.Paused())
	o.state(in.status, "paused", !s.Closed && s.Paused())
	o.state(in.status, "closed", s.Closed)
	o.seconds(in.queueAge, s.Queueing.Seconds())
	o.seconds(in.oldestWait, s.OldestWait.Seconds())
	o.seconds(in.oldestHold, s.OldestHold.Seconds())
	o.integer(in.peakSlots, s.Peak.InUse)
	o.integer(in.peakActive, s.Peak.InFlight)
	o.integer(in.peakWaiting, s.Peak.Waiting)
	o.count(in.arrived, s.Totals.Arrivals())
	in.observeCurrent(o, s.InUse, s.InFlight, s.Waiting)
	in.observeTotals(o, s.Totals)
}

func (in *instruments) observeKeyed(o observer, s registry.KeyedStatus, each bulk.Capacity) {
	if each.Parallelism != bulk.Unlimited {
		o.integer(in.keySlots, each.Parallelism)
	}
	o.integer(in.keyPlaces, each.WaitingRoom)
	o.seconds(in.keyWaitLimit, each.WaitLimit.Seconds())
	o.integer(in.keys, s.Keys)
	o.integer(in.keysLimit, s.MaxKeys)
	o.count(in.keysCreated, s.Created)
	o.count(in.keysEvicted, s.Evicted)
	o.count(in.arrived, s.Totals.Arrivals()+s.TooManyKeys)
	o.rejected(in.rejected, "too_many_keys", false, s.TooManyKeys)
	o.state(in.status, "open", !s.Closed)
	o.state(in.status, "closed", s.Closed)
	in.observeCurrent(o, s.InUse, s.InFlight, s.Waiting)
	in.observeTotals(o, s.Totals)
}

func (in *instruments) observeCurrent(o observer, used, active, waiting int) {
	o.integer(in.slotsUsed, used)
	o.integer(in.active, active)
	o.integer(in.waiting, waiting)
}

func (in *instruments) observeTotals(o observer, t bulk.Totals) {
	o.count(in.admitted, t.Admitted)
	o.count(in.finished, t.Finished)
	o.count(in.abandoned, t.Abandoned)
	o.count(in.queued, t.Queued)
	o.count(in.shortened, t.Shortened)
	for _, r := range []struct {
		reason          bulk.Reason
		arrived, waited uint64
	}{
		{bulk.Saturated, t.Saturated, 0},
		{bulk.Expired, t.ExpiredAtArrival, t.Expired},
		{bulk.Canceled, t.CanceledAtArrival, t.Canceled},
		{bulk.Closed, t.ClosedAtArrival, t.Closed},
		{bulk.Oversized, t.OversizedAtArrival, t.Oversized},
	} {
		o.rejected(in.rejected, r.reason.String(), false, r.arrived)
		if r.reason != bulk.Saturated { // an operation that waits is never saturated
			o.rejected(in.rejected, r.reason.String(), true, r.waited)
		}
	}
	o.seconds(in.queueingTime, t.Queueing.Seconds())
	o.seconds(in.longestWait, t.LongestWait.Seconds())
	o.count(in.holdSamples, t.Holds.Samples)
	o.seconds(in.holdTime, t.Holds.Sum.Seconds())
}

package bulkotel

import (
	"context"
	"errors"
	"slices"
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
// calls is counted twice. For more than about 200 bulkheads, set a limit of the SDK: see
// the package comment.
func Register(meter metric.Meter, opts ...Option) (metric.Registration, error) {
	c := newConfig(opts)
	in, err1 := newInstruments(meter, "bulkhead.")
	shadows, err2 := newShadowInstruments(meter)
	limiters, err3 := newLimiterInstruments(meter)
	members, err4 := newMemberInstruments(meter)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		seen := map[uint64]bool{} // the SDK adds up values observed twice for one series
		for _, statuses := range c.keyeds {
			for _, s := range statuses() {
				if !seen[s.ID] {
					seen[s.ID] = true
					observer := newObserver(o, s.Label, s.ID)
					in.observeKeyed(observer, s)
					observer.seconds(in.oldestHold, s.OldestHold.Seconds())
				}
			}
		}
		for _, statuses := range c.statuses {
			for _, s := range statuses() {
				if !seen[s.ID] {
					seen[s.ID] = true
					observer := newObserver(o, s.Label, s.ID)
					in.observeBulkhead(observer, s)
					observer.seconds(in.oldestHold, s.OldestHold.Seconds()) // a shadow has none
				}
			}
		}
		shadows.observe(o, c)
		limiters.observe(o, c)
		members.observe(o, c)
		return nil
	}, slices.Concat(in.all, shadows.all, limiters.all, members.all)...)
}

// observer observes values of the bulkhead with some attributes.
type observer struct {
	metric.Observer
	attributes []attribute.KeyValue
	set        metric.MeasurementOption // of attributes
}

func newObserver(o metric.Observer, label string, id uint64) observer {
	return observerOf(o, nameOf(label), attribute.String("bulkhead.id", strconv.FormatUint(id, 10)))
}

func observerOf(o metric.Observer, attributes ...attribute.KeyValue) observer {
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
	o.oneIf(i, attribute.String("bulkhead.state", state), holds)
}

// oneIf observes 1 or 0 in the series with one more attribute.
func (o observer) oneIf(i metric.Int64Observable, a attribute.KeyValue, holds bool) {
	o.ObserveInt64(i, number(holds), metric.WithAttributes(append([]attribute.KeyValue{a}, o.attributes...)...))
}

func number(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}

func (in *instruments) observeBulkhead(o observer, s bulk.Status) {
	if s.Capacity.Parallelism != bulk.Unlimited {
		o.integer(in.slots, s.Capacity.Parallelism)
	}
	o.integer(in.places, s.Capacity.WaitingRoom)
	o.seconds(in.waitLimit, s.Capacity.WaitLimit.Seconds())
	o.seconds(in.delayTarget, s.Capacity.DelayTarget.Seconds())
	o.seconds(in.delayInterval, s.Capacity.DelayInterval.Seconds())
	o.integer(in.peakSlots, s.Peak.InUse)
	o.integer(in.peakActive, s.Peak.InFlight)
	o.integer(in.peakWaiting, s.Peak.Waiting)
	o.count(in.arrived, s.Totals.Arrivals())
	in.observeCurrent(o, s)
	in.observeTotals(o, s.Totals)
}

func (in *instruments) observeKeyed(o observer, s registry.KeyedStatus) {
	if s.Capacity.Parallelism != bulk.Unlimited {
		o.integer(in.keySlots, s.Capacity.Parallelism)
	}
	o.integer(in.keyPlaces, s.Capacity.WaitingRoom)
	o.seconds(in.keyWaitLimit, s.Capacity.WaitLimit.Seconds())
	o.integer(in.keys, s.Keys)
	o.integer(in.keysLimit, s.MaxKeys)
	o.count(in.keysCreated, s.Created)
	o.count(in.keysEvicted, s.Evicted)
	o.count(in.arrived, s.Totals.Arrivals()+s.TooManyKeys)
	o.rejected(in.rejected, "too_many_keys", false, s.TooManyKeys)
	in.observeCurrent(o, bulk.Status{
		Capacity: s.Capacity, InUse: s.InUse, InFlight: s.InFlight, Waiting: s.Waiting, Closed: s.Closed,
		Queueing: s.Queueing, OldestWait: s.OldestWait,
	})
	in.observeTotals(o, s.Totals)
}

// observeCurrent observes what a bulkhead and a Keyed have in common at the time.
func (in *instruments) observeCurrent(o observer, s bulk.Status) {
	o.integer(in.slotsUsed, s.InUse)
	o.integer(in.active, s.InFlight)
	o.integer(in.waiting, s.Waiting)
	o.state(in.status, "open", !s.Closed && !s.Paused())
	o.state(in.status, "paused", !s.Closed && s.Paused())
	o.state(in.status, "closed", s.Closed)
	o.seconds(in.queueAge, s.Queueing.Seconds())
	o.seconds(in.oldestWait, s.OldestWait.Seconds())
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
		// Also without any rejection: a backend that sees a series for the first time
		// with the value 1 does not count that as an increase. With fewer series, the
		// limit of the SDK would be exceeded only during an overload.
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

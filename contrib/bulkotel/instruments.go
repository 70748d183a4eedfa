package bulkotel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are the observable instruments. Their names, units and kinds follow the
// semantic conventions of OpenTelemetry: limit and usage for an amount and its bound,
// time for a sum of seconds, UpDownCounter for amounts that can be added up over
// bulkheads, Gauge for those that cannot.
type instruments struct {
	all []metric.Observable

	slots, slotsUsed, active, places, waiting, status, peakSlots, peakActive, peakWaiting metric.Int64Observable

	arrived, admitted, finished, abandoned, queued, shortened, rejected, holdSamples metric.Int64Observable

	keys, keysLimit, keysCreated, keysEvicted, keySlots, keyPlaces metric.Int64Observable

	waitLimit, delayTarget, delayInterval, queueAge, oldestWait, oldestHold, longestWait, queueingTime, holdTime, keyWaitLimit metric.Float64Observable
}

// newInstruments makes the instruments. The descriptions are also in docs/metrics.md.
func newInstruments(meter metric.Meter) (*instruments, error) {
	var in instruments
	var errs []error
	keep := func(i metric.Observable, err error) { in.all, errs = append(in.all, i), append(errs, err) }
	amount := func(name, unit, description string) metric.Int64Observable {
		i, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(i, err)
		return i
	}
	level := func(name, unit, description string) metric.Int64Observable {
		i, err := meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(i, err)
		return i
	}
	count := func(name, unit, description string) metric.Int64Observable {
		i, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		keep(i, err)
		return i
	}
	duration := func(name, description string) metric.Float64Observable {
		i, err := meter.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(description))
		keep(i, err)
		return i
	}
	sum := func(name, description string) metric.Float64Observable {
		i, err := meter.Float64ObservableCounter(name, metric.WithUnit("s"), metric.WithDescription(description))
		keep(i, err)
		return i
	}

	in.slots = amount("bulkhead.slot.limit", "{slot}", "Number of slots (parallelism). Absent if unlimited.")
	in.slotsUsed = amount("bulkhead.slot.usage", "{slot}", "Slots in use. It exceeds the limit only while a reduced capacity drains.")
	in.peakSlots = level("bulkhead.slot.peak", "{slot}", "Highest number of slots in use, over the whole life.")
	in.active = amount("bulkhead.operation.active", "{operation}", "Operations that hold slots.")
	in.peakActive = level("bulkhead.operation.peak", "{operation}", "Highest number of operations in flight, over the whole life.")
	in.places = amount("bulkhead.waiting_room.limit", "{operation}", "Size of the waiting room.")
	in.waiting = amount("bulkhead.waiting_room.usage", "{operation}", "Operations in the waiting room.")
	in.peakWaiting = level("bulkhead.waiting_room.peak", "{operation}", "Highest number of operations in the waiting room, over the whole life.")
	in.status = amount("bulkhead.status", "1", "1 for the state that the bulkhead is in (open, paused, closed), 0 for the others. A Keyed is paused if the parallelism that its keys have in common is 0.")

	in.arrived = count("bulkhead.operation.arrived", "{operation}", "Operations that asked to be admitted.")
	in.admitted = count("bulkhead.operation.admitted", "{operation}", "Operations that were admitted, immediately or from the waiting room.")
	in.finished = count("bulkhead.operation.finished", "{operation}", "Operations that ran and finished.")
	in.abandoned = count("bulkhead.operation.abandoned", "{operation}", "Operations that were granted slots but never ran, because their context was done.")
	in.queued = count("bulkhead.operation.queued", "{operation}", "Operations that were queued in the waiting room.")
	in.shortened = count("bulkhead.operation.shortened", "{operation}", "Queued operations whose wait delay control had shortened.")
	in.rejected = count("bulkhead.operation.rejected", "{operation}", "Operations that were rejected, by reason and by whether they waited first.")

	in.waitLimit = duration("bulkhead.wait.limit", "Longest allowed wait, 0 for no limit.")
	in.oldestWait = duration("bulkhead.wait.oldest", "For how long the head of the queue has waited, 0 if no operation waits. Of a Keyed: the longest of its keys.")
	in.longestWait = duration("bulkhead.wait.longest", "Longest wait of an operation that was admitted, over the whole life.")
	in.delayTarget = duration("bulkhead.delay.target", "Longest allowed wait while a queue stands (delay control), 0 for none.")
	in.delayInterval = duration("bulkhead.delay.interval", "Time after which delay control shortens waits, 0 for none.")
	in.queueAge = duration("bulkhead.queueing.age", "For how long the waiting room has not been empty, 0 if it is empty. Of a Keyed: the longest of its keys.")
	in.queueingTime = sum("bulkhead.queueing.time", "Time during which the waiting room was not empty. Of a Keyed: the sum over its keys.")
	in.oldestHold = duration("bulkhead.hold.oldest", "For how long the oldest operation has been in flight, 0 if holds are not tracked. Of a Keyed: the longest of its keys.")
	in.holdTime = sum("bulkhead.hold.time", "Time in flight of the sampled operations. Divide it by the number of samples to get the mean hold.")
	in.holdSamples = count("bulkhead.hold.samples", "{operation}", "Operations whose hold was sampled: about one in 64 admitted operations.")

	in.keys = amount("bulkhead.key.usage", "{key}", "Keys of a Keyed, in use or idle.")
	in.keysLimit = amount("bulkhead.key.limit", "{key}", "Largest number of keys of a Keyed.")
	in.keysCreated = count("bulkhead.key.created", "{key}", "Keys that were added to a Keyed, including those that came again after an eviction.")
	in.keysEvicted = count("bulkhead.key.evicted", "{key}", "Idle keys that were removed from a Keyed.")
	in.keySlots = level("bulkhead.key.slot.limit", "{slot}", "Number of slots (parallelism) of each key of a Keyed that has no capacity of its own. Absent if unlimited.")
	in.keyPlaces = level("bulkhead.key.waiting_room.limit", "{operation}", "Size of the waiting room of each key of a Keyed that has no capacity of its own.")
	in.keyWaitLimit = duration("bulkhead.key.wait.limit", "Longest allowed wait for each key of a Keyed that has no capacity of its own, 0 for no limit.")
	return &in, errors.Join(errs...)
}

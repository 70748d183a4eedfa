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
// Those of shadows have names that begin with another prefix.
func newInstruments(meter metric.Meter, prefix string) (*instruments, error) {
	var in instruments
	m := maker{meter: meter, prefix: prefix}
	in.slots = m.amount("slot.limit", "{slot}", "Number of slots (parallelism). Absent if unlimited.")
	in.slotsUsed = m.amount("slot.usage", "{slot}", "Slots in use. It exceeds the limit only while a reduced capacity drains.")
	in.peakSlots = m.level("slot.peak", "{slot}", "Highest number of slots in use, over the whole life.")
	in.active = m.amount("operation.active", "{operation}", "Operations that hold slots.")
	in.peakActive = m.level("operation.peak", "{operation}", "Highest number of operations in flight, over the whole life.")
	in.places = m.amount("waiting_room.limit", "{operation}", "Size of the waiting room.")
	in.waiting = m.amount("waiting_room.usage", "{operation}", "Operations in the waiting room.")
	in.peakWaiting = m.level("waiting_room.peak", "{operation}", "Highest number of operations in the waiting room, over the whole life.")
	in.status = m.amount("status", "1", "1 for the state that the bulkhead is in (open, paused, closed), 0 for the others. A Keyed is paused if the parallelism that its keys have in common is 0.")

	in.arrived = m.count("operation.arrived", "{operation}", "Operations that asked to be admitted.")
	in.admitted = m.count("operation.admitted", "{operation}", "Operations that were admitted, immediately or from the waiting room.")
	in.finished = m.count("operation.finished", "{operation}", "Operations that ran and finished.")
	in.abandoned = m.count("operation.abandoned", "{operation}", "Operations that were granted slots but never ran, because their context was done.")
	in.queued = m.count("operation.queued", "{operation}", "Operations that were queued in the waiting room.")
	in.shortened = m.count("operation.shortened", "{operation}", "Queued operations whose wait delay control had shortened.")
	in.rejected = m.count("operation.rejected", "{operation}", "Operations that were rejected, by reason and by whether they waited first.")

	in.waitLimit = m.duration("wait.limit", "Longest allowed wait, 0 for no limit.")
	in.oldestWait = m.duration("wait.oldest", "For how long the head of the queue has waited, 0 if no operation waits. Of a Keyed: the longest of its keys.")
	in.longestWait = m.duration("wait.longest", "Longest wait of an operation that was admitted, over the whole life.")
	in.delayTarget = m.duration("delay.target", "Longest allowed wait while a queue stands (delay control), 0 for none.")
	in.delayInterval = m.duration("delay.interval", "Time after which delay control shortens waits, 0 for none.")
	in.queueAge = m.duration("queueing.age", "For how long the waiting room has not been empty, 0 if it is empty. Of a Keyed: the longest of its keys.")
	in.queueingTime = m.sum("queueing.time", "Time during which the waiting room was not empty. Of a Keyed: the sum over its keys.")
	in.oldestHold = m.duration("hold.oldest", "For how long the oldest operation has been in flight, 0 if holds are not tracked. Of a Keyed: the longest of its keys.")
	in.holdTime = m.sum("hold.time", "Time in flight of the sampled operations. Divide it by the number of samples to get the mean hold.")
	in.holdSamples = m.count("hold.samples", "{operation}", "Operations whose hold was sampled: about one in 64 admitted operations.")

	in.keys = m.amount("key.usage", "{key}", "Keys of a Keyed, in use or idle.")
	in.keysLimit = m.amount("key.limit", "{key}", "Largest number of keys of a Keyed.")
	in.keysCreated = m.count("key.created", "{key}", "Keys that were added to a Keyed, including those that came again after an eviction.")
	in.keysEvicted = m.count("key.evicted", "{key}", "Idle keys that were removed from a Keyed.")
	in.keySlots = m.level("key.slot.limit", "{slot}", "Number of slots (parallelism) of each key of a Keyed that has no capacity of its own. Absent if unlimited.")
	in.keyPlaces = m.level("key.waiting_room.limit", "{operation}", "Size of the waiting room of each key of a Keyed that has no capacity of its own.")
	in.keyWaitLimit = m.duration("key.wait.limit", "Longest allowed wait for each key of a Keyed that has no capacity of its own, 0 for no limit.")
	in.all = m.all
	return &in, errors.Join(m.errs...)
}

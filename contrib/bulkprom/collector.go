package bulkprom

import (
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector collects metrics of bulkheads. It implements [prometheus.Collector] and has
// no state: what it exports is read at each scrape.
type Collector struct {
	config  Config
	buckets *buckets
}

// New returns a Collector of what the options name. An option with a bad value panics.
func New(opts ...Option) *Collector {
	c := newConfig(opts)
	return &Collector{c, newBuckets(c.buckets)}
}

// desc describes a metric of bulkheads, and the same one of shadows. They have different
// names, so that no sum over bulkheads includes a shadow.
type desc struct{ real, shadow *prometheus.Desc }

func describe(name, help string, labels ...string) desc {
	ofShadow, _, _ := strings.Cut(help, " Of a Keyed: ")
	return desc{
		prometheus.NewDesc("bulkhead_"+name, help, append([]string{"bulkhead"}, labels...), nil),
		prometheus.NewDesc("bulkhead_shadow_"+name, "Of a shadow: "+ofShadow, append([]string{"bulkhead", "shadow"}, labels...), nil),
	}
}

// The help texts are also in docs/metrics.md.
var (
	slots         = describe("slots", "Number of slots (parallelism), +Inf if unlimited.")
	slotsInUse    = describe("slots_in_use", "Slots in use. It exceeds the number of slots only while a reduced capacity drains.")
	inFlight      = describe("operations_in_flight", "Operations that hold slots.")
	places        = describe("waiting_room_places", "Size of the waiting room.")
	waiting       = describe("operations_waiting", "Operations in the waiting room.")
	waitLimit     = describe("wait_limit_seconds", "Longest allowed wait, 0 for no limit.")
	delayTarget   = describe("delay_target_seconds", "Longest allowed wait while a queue stands (delay control), 0 for none.")
	delayInterval = describe("delay_interval_seconds", "Time after which delay control shortens waits, 0 for none.")
	closed        = describe("closed", "1 if the bulkhead is closed, else 0.")
	paused        = describe("paused", "1 if the parallelism is 0, so that no operation is admitted, else 0. Of a Keyed: the parallelism that its keys have in common.")

	standingQueue = describe("standing_queue_seconds", "For how long the waiting room has not been empty, 0 if it is empty. Of a Keyed: the longest of its keys.")
	oldestWait    = describe("oldest_wait_seconds", "For how long the head of the queue has waited, 0 if no operation waits. Of a Keyed: the longest of its keys.")
	oldestHold    = describe("oldest_hold_seconds", "For how long the oldest operation has been in flight, 0 if holds are not tracked. Of a Keyed: the longest of its keys.")
	longestWait   = describe("longest_wait_seconds", "Longest wait of an operation that was admitted, over the whole life.")

	peakSlots    = describe("peak_slots_in_use", "Highest number of slots in use, over the whole life.")
	peakInFlight = describe("peak_operations_in_flight", "Highest number of operations in flight, over the whole life.")
	peakWaiting  = describe("peak_operations_waiting", "Highest number of operations in the waiting room, over the whole life.")

	arrived   = describe("operations_arrived_total", "Operations that asked to be admitted.")
	admitted  = describe("operations_admitted_total", "Operations that were admitted, immediately or from the waiting room.")
	finished  = describe("operations_finished_total", "Operations that ran and finished.")
	abandoned = describe("operations_abandoned_total", "Operations that were granted slots but never ran, because their context was done.")
	queued    = describe("operations_queued_total", "Operations that were queued in the waiting room.")
	shortened = describe("operations_shortened_total", "Queued operations whose wait delay control had shortened.")
	rejected  = describe("operations_rejected_total", "Operations that were rejected, by reason and by whether they waited first.", "reason", "waited")

	queueing = describe("queueing_seconds_total", "Time during which the waiting room was not empty. Of a Keyed: the sum over its keys.")
	wait     = describe("wait_seconds", "Time in the waiting room of operations that were admitted from it.")
	hold     = describe("sampled_hold_seconds", "Time that operations held their slots, sampled from about one in 64 admitted operations.")

	keySlots     = describe("key_slots", "Number of slots (parallelism) of each key of a Keyed that has no capacity of its own, +Inf if unlimited.")
	keyPlaces    = describe("key_waiting_room_places", "Size of the waiting room of each key of a Keyed that has no capacity of its own.")
	keyWaitLimit = describe("key_wait_limit_seconds", "Longest allowed wait for each key of a Keyed that has no capacity of its own, 0 for no limit.")

	keys        = describe("keys", "Keys of a Keyed, in use or idle.")
	keysLimit   = describe("keys_limit", "Largest number of keys of a Keyed.")
	keysCreated = describe("keys_created_total", "Keys that were added to a Keyed, including those that came again after an eviction.")
	keysEvicted = describe("keys_evicted_total", "Idle keys that were removed from a Keyed.")
)

// tooManyKeys is the reason of operations that a Keyed rejected without a bulkhead.
const tooManyKeys = "too_many_keys"

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []desc{
		slots, slotsInUse, inFlight, places, waiting, waitLimit, delayTarget, delayInterval, closed, paused,
		standingQueue, oldestWait, longestWait, peakSlots, peakInFlight, peakWaiting,
		arrived, admitted, finished, abandoned, queued, shortened, rejected, queueing, wait, hold,
	} {
		ch <- d.real
		ch <- d.shadow
	}
	for _, d := range []desc{oldestHold, keySlots, keyPlaces, keyWaitLimit, keys, keysLimit, keysCreated, keysEvicted} {
		ch <- d.real
	}
	for _, d := range slices.Concat(ofShadows, ofLimiters, ofMembers) {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	statuses, keyeds := c.config.read()
	names := newNames()
	for _, s := range keyeds {
		if name, ok := names.of(s.Label, s.ID); ok {
			c.collectKeyed(metrics{ch: ch, values: []string{name}}, s)
		}
	}
	for _, s := range statuses {
		if name, ok := names.of(s.Label, s.ID); ok {
			c.collectBulkhead(metrics{ch: ch, values: []string{name}}, s)
		}
	}
	c.collectShadows(ch)
	c.collectLimiters(ch)
	c.collectMembers(ch)
}

func (c *Collector) collectBulkhead(m metrics, s bulk.Status) {
	m.gauge(slots, parallelism(s.Capacity.Parallelism))
	m.gauge(places, float64(s.Capacity.WaitingRoom))
	m.gauge(waitLimit, s.Capacity.WaitLimit.Seconds())
	m.gauge(delayTarget, s.Capacity.DelayTarget.Seconds())
	m.gauge(delayInterval, s.Capacity.DelayInterval.Seconds())
	m.gauge(peakSlots, float64(s.Peak.InUse))
	m.gauge(peakInFlight, float64(s.Peak.InFlight))
	m.gauge(peakWaiting, float64(s.Peak.Waiting))
	m.count(arrived, s.Totals.Arrivals())
	collectCurrent(m, s)
	c.collectTotals(m, s.Totals)
}

func (c *Collector) collectKeyed(m metrics, s registry.KeyedStatus) {
	m.gauge(keySlots, parallelism(s.Capacity.Parallelism))
	m.gauge(keyPlaces, float64(s.Capacity.WaitingRoom))
	m.gauge(keyWaitLimit, s.Capacity.WaitLimit.Seconds())
	m.gauge(keys, float64(s.Keys))
	m.gauge(keysLimit, float64(s.MaxKeys))
	m.count(keysCreated, s.Created)
	m.count(keysEvicted, s.Evicted)
	m.count(arrived, s.Totals.Arrivals()+s.TooManyKeys)
	m.count(rejected, s.TooManyKeys, tooManyKeys, "no")
	collectCurrent(m, bulk.Status{
		Capacity: s.Capacity, InUse: s.InUse, InFlight: s.InFlight, Waiting: s.Waiting, Closed: s.Closed,
		Queueing: s.Queueing, OldestWait: s.OldestWait, OldestHold: s.OldestHold,
	})
	c.collectTotals(m, s.Totals)
}

// collectCurrent collects what a bulkhead and a Keyed have in common at the time.
func collectCurrent(m metrics, s bulk.Status) {
	m.gauge(slotsInUse, float64(s.InUse))
	m.gauge(inFlight, float64(s.InFlight))
	m.gauge(waiting, float64(s.Waiting))
	m.gauge(closed, oneIf(s.Closed))
	m.gauge(paused, oneIf(s.Paused()))
	m.gauge(standingQueue, s.Queueing.Seconds())
	m.gauge(oldestWait, s.OldestWait.Seconds())
	if !m.shadow { // a shadow has none
		m.gauge(oldestHold, s.OldestHold.Seconds())
	}
}

func (c *Collector) collectTotals(m metrics, t bulk.Totals) {
	m.count(admitted, t.Admitted)
	m.count(finished, t.Finished)
	m.count(abandoned, t.Abandoned)
	m.count(queued, t.Queued)
	m.count(shortened, t.Shortened)
	// Every scrape has all series, including those that are 0: rate() misses the
	// first event of a series that begins with it.
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
		m.count(rejected, r.arrived, r.reason.String(), "no")
		if r.reason != bulk.Saturated { // an operation that waits is never saturated
			m.count(rejected, r.waited, r.reason.String(), "yes")
		}
	}
	m.send(prometheus.MustNewConstMetric(m.of(queueing), prometheus.CounterValue, t.Queueing.Seconds(), m.values...))
	m.gauge(longestWait, t.LongestWait.Seconds())
	m.send(c.waits(t, m.of(wait), m.values))
	m.send(prometheus.MustNewConstSummary(m.of(hold), t.Holds.Samples, t.Holds.Sum.Seconds(), nil, m.values...))
}

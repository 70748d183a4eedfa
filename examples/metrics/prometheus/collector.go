package main

import (
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/prometheus/client_golang/prometheus"
)

// collector shows bulkheads to Prometheus. It keeps nothing and counts nothing:
// each scrape takes one status of each bulkhead, which is consistent in itself,
// and costs the bulkheads nothing in between.
type collector struct{ statuses func() []bulk.Status }

// newCollector returns a collector of what statuses returns at each scrape, the
// Statuses method of a registry for example. Labels must differ, as they do in
// a registry.
func newCollector(statuses func() []bulk.Status) prometheus.Collector { return collector{statuses} }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_"+name, help, append([]string{"bulkhead"}, labels...), nil)
}

var (
	slots      = describe("slots", "Slots there are (parallelism).")
	slotsInUse = describe("slots_in_use", "Slots in use. Above the number of slots only while a shrink drains.")
	inFlight   = describe("operations_in_flight", "Operations that hold slots.")
	places     = describe("waiting_room_places", "Places to wait there are.")
	waiting    = describe("operations_waiting", "Operations in the waiting room.")
	waitLimit  = describe("wait_limit_seconds", "Longest wait allowed, 0 for no limit.")
	closed     = describe("closed", "1 if the bulkhead is closed, else 0.")

	admitted   = describe("operations_admitted_total", "Operations that got their slots, at once or from the waiting room.")
	finished   = describe("operations_finished_total", "Operations that ran and are over.")
	abandoned  = describe("operations_abandoned_total", "Operations that got slots but whose context was done: they never ran.")
	queued     = describe("operations_queued_total", "Operations that went into the waiting room.")
	turnedAway = describe("operations_turned_away_total", "Operations that were never started, by reason, and by whether they had waited first.", "reason", "waited")

	wait = describe("wait_seconds", "Time in the waiting room of operations that were admitted from there.")
)

// waitBounds are the buckets of wait_seconds. They are fixed, because a bucket
// that comes into being between two scrapes spoils rate(). Choose those that
// fit your wait limits.
var waitBounds = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		slots, slotsInUse, inFlight, places, waiting, waitLimit, closed,
		admitted, finished, abandoned, queued, turnedAway, wait,
	} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.statuses() {
		// A label may be any text. One that isn't UTF-8 would make the metrics below
		// panic, and that fails the scrape as a whole.
		label := strings.ToValidUTF8(s.Label, "\uFFFD")
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
		}
		count := func(d *prometheus.Desc, n uint64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{label}, labels...)...)
		}
		gauge(slots, float64(s.Capacity.Parallelism))
		gauge(slotsInUse, float64(s.InUse))
		gauge(inFlight, float64(s.InFlight))
		gauge(places, float64(s.Capacity.WaitingRoom))
		gauge(waiting, float64(s.Waiting))
		gauge(waitLimit, s.Capacity.WaitLimit.Seconds())
		isClosed := 0.0
		if s.Closed {
			isClosed = 1
		}
		gauge(closed, isClosed)

		t := s.Totals
		count(admitted, t.Admitted)
		count(finished, t.Finished)
		count(abandoned, t.Abandoned)
		count(queued, t.Queued)
		// All of them from the first scrape on, also those that are 0: a series
		// that comes into being with its first event hides that event from rate().
		count(turnedAway, t.Saturated, bulk.Saturated.String(), "no")
		count(turnedAway, t.ExpiredAtArrival, bulk.Expired.String(), "no")
		count(turnedAway, t.Expired, bulk.Expired.String(), "yes")
		count(turnedAway, t.CanceledAtArrival, bulk.Canceled.String(), "no")
		count(turnedAway, t.Canceled, bulk.Canceled.String(), "yes")
		count(turnedAway, t.ClosedAtArrival, bulk.Closed.String(), "no")
		count(turnedAway, t.Closed, bulk.Closed.String(), "yes")
		count(turnedAway, t.OversizedAtArrival, bulk.Oversized.String(), "no")
		count(turnedAway, t.Oversized, bulk.Oversized.String(), "yes")

		ch <- prometheus.MustNewConstHistogram(wait, t.Waits.Count(), t.Wait.Seconds(), cumulative(t.Waits), label)
	}
}

// cumulative returns how many waits were no longer than each of waitBounds. The
// bulkhead's own buckets are finer. One that lies across a bound counts above
// it, so a wait is never shown shorter than it was, and at most 12.5 % longer
// before it is put into its bucket.
func cumulative(waits bulk.Waits) map[float64]uint64 {
	buckets := make(map[float64]uint64, len(waitBounds))
	for _, bound := range waitBounds {
		buckets[bound] = 0
	}
	for longest, n := range waits.Buckets() {
		for _, bound := range waitBounds {
			if longest.Seconds() <= bound {
				buckets[bound] += n
			}
		}
	}
	return buckets
}

package main

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/prometheus/client_golang/prometheus"
)

// collector exports metrics of bulkheads to Prometheus. It has no state: each scrape
// reads one status of each bulkhead, and a status is consistent in itself. Between
// scrapes it adds no cost to the bulkheads.
type collector struct{ statuses func() []bulk.Status }

// newCollector returns a collector of the bulkheads that statuses returns at each
// scrape. statuses can be the Statuses method of a registry. Labels may be any text
// and need not be unique, see named.
func newCollector(statuses func() []bulk.Status) prometheus.Collector { return collector{statuses} }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_"+name, help, append([]string{"bulkhead"}, labels...), nil)
}

var (
	slots      = describe("slots", "Number of slots (parallelism).")
	slotsInUse = describe("slots_in_use", "Slots in use. It exceeds the number of slots only while a reduced capacity drains.")
	inFlight   = describe("operations_in_flight", "Operations that hold slots.")
	places     = describe("waiting_room_places", "Size of the waiting room.")
	waiting    = describe("operations_waiting", "Operations in the waiting room.")
	waitLimit  = describe("wait_limit_seconds", "Longest allowed wait, 0 for no limit.")
	closed     = describe("closed", "1 if the bulkhead is closed, else 0.")

	admitted  = describe("operations_admitted_total", "Operations that were admitted, immediately or from the waiting room.")
	finished  = describe("operations_finished_total", "Operations that ran and finished.")
	abandoned = describe("operations_abandoned_total", "Operations that were granted slots but never ran, because their context was done.")
	queued    = describe("operations_queued_total", "Operations that were queued in the waiting room.")
	rejected  = describe("operations_rejected_total", "Operations that were rejected, by reason and by whether they waited first.", "reason", "waited")

	wait = describe("wait_seconds", "Time in the waiting room of operations that were admitted from it.")
	hold = describe("sampled_hold_seconds", "Time that operations held their slots, sampled from about one in 64 admitted operations.")
)

// waitBounds are the bounds of the buckets of wait_seconds, shortest first. From 0.6 ms
// to 17 s they are the bounds of bulk.Waits, which has eight buckets of equal width
// for each power of two. So the error of histogram_quantile is at most the width of
// one bucket, which is 12.5 % of the wait. For waits below 0.6 ms the error is at most
// 0.6 ms; waits above 17 s are reported as 17 s. With round bounds such as 100 and
// 250 ms, a wait of 101 ms could be reported as 250 ms. To have fewer series, use every
// second or fourth bound; the error doubles or quadruples.
//
// The bounds are the same for every bulkhead and never change, because a bucket that
// appears between two scrapes makes rate() wrong.
var waitBounds = func() (bounds []time.Duration) {
	for power := time.Duration(1) << 19; power < 1<<34; power *= 2 {
		for i := range time.Duration(8) {
			bounds = append(bounds, power+(i+1)*power/8-1) // the longest wait in the bucket
		}
	}
	return bounds
}()

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		slots, slotsInUse, inFlight, places, waiting, waitLimit, closed,
		admitted, finished, abandoned, queued, rejected, wait, hold,
	} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	for label, s := range named(c.statuses()) {
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
		// Every scrape has all series, including those that are 0: rate() misses the
		// first event of a series that begins with it.
		count(rejected, t.Saturated, bulk.Saturated.String(), "no")
		count(rejected, t.ExpiredAtArrival, bulk.Expired.String(), "no")
		count(rejected, t.Expired, bulk.Expired.String(), "yes")
		count(rejected, t.CanceledAtArrival, bulk.Canceled.String(), "no")
		count(rejected, t.Canceled, bulk.Canceled.String(), "yes")
		count(rejected, t.ClosedAtArrival, bulk.Closed.String(), "no")
		count(rejected, t.Closed, bulk.Closed.String(), "yes")
		count(rejected, t.OversizedAtArrival, bulk.Oversized.String(), "no")
		count(rejected, t.Oversized, bulk.Oversized.String(), "yes")

		ch <- prometheus.MustNewConstHistogram(wait, t.Waits.Count(), t.Wait.Seconds(), cumulative(t.Waits), label)
		ch <- prometheus.MustNewConstSummary(hold, t.Holds.Samples, t.Holds.Sum.Seconds(), nil, label)
	}
}

// named yields each bulkhead of statuses once, with its value of the label "bulkhead".
// The values are valid UTF-8 and unique, because one invalid value or two series with
// the same values would fail the whole scrape.
//
//   - A label that is valid UTF-8 is unchanged. In another label, each invalid byte
//     becomes U+FFFD and two hexadecimal digits. A U+FFFD in a label is doubled, so
//     that no two labels become equal.
//   - Of several bulkheads with the same label, the one created first keeps it. The
//     others get the label followed by U+FFFD, # and their ID.
//
// The values do not depend on the order of statuses, so each series continues from
// scrape to scrape.
func named(statuses []bulk.Status) iter.Seq2[string, bulk.Status] {
	return func(yield func(string, bulk.Status) bool) {
		owners := make(map[string]uint64, len(statuses)) // IDs
		for _, s := range slices.SortedStableFunc(slices.Values(statuses), func(a, b bulk.Status) int { return cmp.Compare(a.ID, b.ID) }) {
			name := clean(s.Label)
			owner, taken := owners[name]
			if taken && owner != s.ID {
				name = fmt.Sprintf("%s\uFFFD#%d", name, s.ID)
				_, taken = owners[name]
			}
			if taken { // the same bulkhead again
				continue
			}
			owners[name] = s.ID
			if !yield(name, s) {
				return
			}
		}
	}
}

func clean(label string) string {
	if utf8.ValidString(label) && !strings.ContainsRune(label, utf8.RuneError) {
		return label
	}
	var b strings.Builder
	for i := 0; i < len(label); {
		r, size := utf8.DecodeRuneInString(label[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "\uFFFD%02X", label[i])
		case r == utf8.RuneError:
			b.WriteString("\uFFFD\uFFFD")
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// cumulative returns, for each of waitBounds, the number of waits that did not exceed it.
func cumulative(waits bulk.Waits) map[float64]uint64 {
	counts := make([]uint64, len(waitBounds)+1) // the last element counts longer waits
	for longest, n := range waits.Buckets() {
		i, _ := slices.BinarySearch(waitBounds, longest)
		counts[i] += n
	}
	buckets, sum := make(map[float64]uint64, len(waitBounds)), uint64(0)
	for i, bound := range waitBounds {
		sum += counts[i]
		buckets[bound.Seconds()] = sum
	}
	return buckets
}

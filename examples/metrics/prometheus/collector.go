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

// collector shows bulkheads to Prometheus. It keeps nothing and counts nothing:
// each scrape takes one status of each bulkhead, which is consistent in itself,
// and costs the bulkheads nothing in between.
type collector struct{ statuses func() []bulk.Status }

// newCollector returns a collector of the bulkheads that statuses returns at each
// scrape: the Statuses method of a registry, for example. Labels may be any text
// and may be equal, see named.
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

	admitted  = describe("operations_admitted_total", "Operations that got their slots, immediately or from the waiting room.")
	finished  = describe("operations_finished_total", "Operations that ran and are over.")
	abandoned = describe("operations_abandoned_total", "Operations that got slots but whose context was done: they never ran.")
	queued    = describe("operations_queued_total", "Operations that went into the waiting room.")
	rejected  = describe("operations_rejected_total", "Operations that were never started, by reason, and by whether they had waited first.", "reason", "waited")

	wait = describe("wait_seconds", "Time in the waiting room of operations that were admitted from there.")
	hold = describe("sampled_hold_seconds", "Time that operations held their slots, of about one in 64 of those admitted.")
)

// waitBounds are the buckets of wait_seconds, shortest first: from 0.6 ms to 17 s
// each bound that bulk.Waits has, which is eight of equal width in each power of
// two. So each wait is in the bucket that the bulkhead has put it in, and
// histogram_quantile is off by the width of one, which is at most 12.5 % of the
// wait (for shorter waits, 0.6 ms; longer ones show as 17 s). With round bounds between them, a wait of 101 ms would show as one of up
// to 250 ms. To have fewer series, take every second or fourth bound: the error
// grows as much.
//
// They are the same for every bulkhead and at all times, because a bucket that
// appears between two scrapes spoils rate().
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
		// All of them from the first scrape on, also those that are 0: a series
		// that comes into being with its first event hides that event from rate().
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

// named yields each bulkhead of statuses once, with its value of the label
// "bulkhead". The values are valid and differ: one value that is not UTF-8, or two
// series with the same values, would fail every scrape as a whole.
//
//   - A label that is UTF-8 stays as it is; in another one, each wrong byte
//     becomes U+FFFD and two hexadecimal digits. A U+FFFD in a label is doubled, so
//     that no two labels become equal.
//   - Of several bulkheads with one label, the first one made keeps it; to the
//     others, U+FFFD, # and their ID are added.
//
// The value doesn't depend on the order of statuses, so a series continues from
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

// cumulative returns how many waits were no longer than each of waitBounds.
func cumulative(waits bulk.Waits) map[float64]uint64 {
	counts := make([]uint64, len(waitBounds)+1) // the last one has those that are longer
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

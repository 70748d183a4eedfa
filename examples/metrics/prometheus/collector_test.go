package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

// eventful returns the status of a bulkhead with waits of exactly 2 ms and 300 ms, in
// virtual time, and with a rejection for each reason.
func eventful(t *testing.T) (s bulk.Status) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2), bulk.WaitLimit(time.Second)))
		ended, cancel := context.WithCancel(t.Context())
		do := func(ctx context.Context, n int) {
			_, _ = bulk.RunN(ctx, b, n, func(context.Context) (int, error) { return 0, nil })
		}
		for _, d := range []time.Duration{2 * time.Millisecond, 300 * time.Millisecond} {
			slots, _ := b.TryAcquireN(2)
			go do(t.Context(), 1)
			time.Sleep(d)
			slots.Release()
			synctest.Wait()
		}
		slots, _ := b.TryAcquireN(2)
		go do(t.Context(), 1) // expires
		go do(ended, 1)       // is canceled
		synctest.Wait()
		do(t.Context(), 1) // saturated
		do(t.Context(), 3) // oversized
		cancel()
		do(ended, 1) // canceled at arrival
		time.Sleep(time.Second)
		go do(t.Context(), 2)
		synctest.Wait()
		_ = b.Resize(1) // the waiting operation is rejected as oversized
		synctest.Wait()
		go do(t.Context(), 1)
		synctest.Wait()
		b.Close() // the waiting operation is rejected as closed
		synctest.Wait()
		do(t.Context(), 1)
		s = b.Status()
		slots.Release()
	})
	return s
}

const scraped = `
# HELP bulkhead_closed 1 if the bulkhead is closed, else 0.
# TYPE bulkhead_closed gauge
bulkhead_closed{bulkhead="payments"} 1
# HELP bulkhead_operations_abandoned_total Operations that were granted slots but never ran, because their context was done.
# TYPE bulkhead_operations_abandoned_total counter
bulkhead_operations_abandoned_total{bulkhead="payments"} 0
# HELP bulkhead_operations_admitted_total Operations that were admitted, immediately or from the waiting room.
# TYPE bulkhead_operations_admitted_total counter
bulkhead_operations_admitted_total{bulkhead="payments"} 5
# HELP bulkhead_operations_finished_total Operations that ran and finished.
# TYPE bulkhead_operations_finished_total counter
bulkhead_operations_finished_total{bulkhead="payments"} 4
# HELP bulkhead_operations_in_flight Operations that hold slots.
# TYPE bulkhead_operations_in_flight gauge
bulkhead_operations_in_flight{bulkhead="payments"} 1
# HELP bulkhead_operations_queued_total Operations that were queued in the waiting room.
# TYPE bulkhead_operations_queued_total counter
bulkhead_operations_queued_total{bulkhead="payments"} 6
# HELP bulkhead_operations_rejected_total Operations that were rejected, by reason and by whether they waited first.
# TYPE bulkhead_operations_rejected_total counter
bulkhead_operations_rejected_total{bulkhead="payments",reason="canceled",waited="no"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="canceled",waited="yes"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="closed",waited="no"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="closed",waited="yes"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="expired",waited="no"} 0
bulkhead_operations_rejected_total{bulkhead="payments",reason="expired",waited="yes"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="oversized",waited="no"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="oversized",waited="yes"} 1
bulkhead_operations_rejected_total{bulkhead="payments",reason="saturated",waited="no"} 1
# HELP bulkhead_operations_waiting Operations in the waiting room.
# TYPE bulkhead_operations_waiting gauge
bulkhead_operations_waiting{bulkhead="payments"} 0
# HELP bulkhead_sampled_hold_seconds Time that operations held their slots, sampled from about one in 64 admitted operations.
# TYPE bulkhead_sampled_hold_seconds summary
bulkhead_sampled_hold_seconds_sum{bulkhead="payments"} 4.5
bulkhead_sampled_hold_seconds_count{bulkhead="payments"} 3
# HELP bulkhead_slots Number of slots (parallelism).
# TYPE bulkhead_slots gauge
bulkhead_slots{bulkhead="payments"} 1
# HELP bulkhead_slots_in_use Slots in use. It exceeds the number of slots only while a reduced capacity drains.
# TYPE bulkhead_slots_in_use gauge
bulkhead_slots_in_use{bulkhead="payments"} 2
# HELP bulkhead_wait_limit_seconds Longest allowed wait, 0 for no limit.
# TYPE bulkhead_wait_limit_seconds gauge
bulkhead_wait_limit_seconds{bulkhead="payments"} 1
# HELP bulkhead_wait_seconds Time in the waiting room of operations that were admitted from it.
# TYPE bulkhead_wait_seconds histogram
BUCKETSbulkhead_wait_seconds_bucket{bulkhead="payments",le="+Inf"} 2
bulkhead_wait_seconds_sum{bulkhead="payments"} 0.302
bulkhead_wait_seconds_count{bulkhead="payments"} 2
# HELP bulkhead_waiting_room_places Size of the waiting room.
# TYPE bulkhead_waiting_room_places gauge
bulkhead_waiting_room_places{bulkhead="payments"} 2
`

func TestScrape(t *testing.T) {
	status := eventful(t)
	status.Totals.Holds = bulk.Holds{Samples: 3, Sum: 4500 * time.Millisecond}
	registry := prometheus.NewPedanticRegistry() // checks the collected metrics against the descriptions
	registry.MustRegister(newCollector(func() []bulk.Status { return []bulk.Status{status} }))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer server.Close()
	var buckets strings.Builder
	for _, bound := range waitBounds {
		n := 0
		for _, wait := range []time.Duration{2 * time.Millisecond, 300 * time.Millisecond} {
			if wait <= bound {
				n++
			}
		}
		fmt.Fprintf(&buckets, "bulkhead_wait_seconds_bucket{bulkhead=\"payments\",le=\"%v\"} %d\n", bound.Seconds(), n)
	}
	if err := testutil.ScrapeAndCompare(server.URL, strings.NewReader(strings.Replace(scraped, "BUCKETS", buckets.String(), 1))); err != nil {
		t.Error(err)
	}
}

// quantile computes histogram_quantile of Prometheus: it interpolates linearly within
// the bucket of the rank, and returns the highest bound for ranks above it.
func quantile(q float64, h *dto.Histogram) float64 {
	rank, below, lower := q*float64(h.GetSampleCount()), 0.0, 0.0
	for _, b := range h.GetBucket() {
		if n := float64(b.GetCumulativeCount()); n >= rank && n > below {
			return lower + (b.GetUpperBound()-lower)*(rank-below)/(n-below)
		} else {
			below, lower = n, b.GetUpperBound()
		}
	}
	return lower
}

// after returns the status of a bulkhead whose operations have waited for the given
// times, in virtual time.
func after(t *testing.T, waits ...time.Duration) (s bulk.Status) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(1)))
		for _, d := range waits {
			slot, _ := b.TryAcquire()
			go func() { _ = bulk.Do(t.Context(), b, func(context.Context) error { return nil }) }()
			synctest.Wait()
			time.Sleep(d)
			slot.Release()
			synctest.Wait()
		}
		s = b.Status()
	})
	return s
}

func waitsOf(t *testing.T, s bulk.Status) *dto.Histogram {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(func() []bulk.Status { return []bulk.Status{s} }))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "bulkhead_wait_seconds" {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatal("no waits")
	return nil
}

// The error of a quantile is at most the width of a bucket of bulk.Waits, for all waits,
// including those on and beside a bound.
func TestQuantilesOfWaitsAreExactToOneBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sets := [][]time.Duration{
		{100 * time.Millisecond, 100 * time.Millisecond, 101 * time.Millisecond},
		{1100 * time.Millisecond}, {waitBounds[0] + 1}, {waitBounds[len(waitBounds)-1]},
	}
	for _, bound := range waitBounds[1:] {
		sets = append(sets, []time.Duration{bound - 1, bound}, []time.Duration{bound})
	}
	for range 50 {
		var set []time.Duration
		for range 1 + random.IntN(40) {
			set = append(set, time.Duration(float64(time.Millisecond)*math.Pow(10, 4*random.Float64()))) // 1 ms to 10 s
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		h := waitsOf(t, after(t, set...))
		slices.Sort(set)
		for _, q := range []float64{0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1} {
			exact := set[max(0, int(math.Ceil(q*float64(len(set))))-1)].Seconds()
			if got := quantile(q, h); math.Abs(got-exact) > exact*0.126 {
				t.Errorf("%v: %v is %v s, want %v s within 12.5 %%", set, q, got, exact)
			}
		}
	}
}

func TestWaitsOutsideTheBoundsAreCounted(t *testing.T) {
	h := waitsOf(t, after(t, time.Microsecond, 10*time.Microsecond, time.Second, time.Hour))
	b := h.GetBucket()
	if first, last := b[0].GetCumulativeCount(), b[len(b)-1].GetCumulativeCount(); first != 2 || last != 3 || h.GetSampleCount() != 4 {
		t.Errorf("%d in the first bucket, %d up to the last, %d in total", first, last, h.GetSampleCount())
	}
	if want := 3601.000011; math.Abs(h.GetSampleSum()-want) > 1e-9 {
		t.Errorf("sum %v, want %v", h.GetSampleSum(), want)
	}
}

// The labels are invalid UTF-8, equal, or equal to the escaped form of another one.
func TestNoLabelBreaksAScrape(t *testing.T) {
	pieces := []string{"caf", "\xe9", "\xe8", "\uFFFD", "\uFFFDE9", "E9", "#", "\uFFFD#", "1", "2", "\x00", "\n", "\"", "\\", "{}", "\xff\xfe", "é", "\xed\xa0\x80"}
	labels := slices.Clone(pieces)
	for _, a := range pieces[:8] {
		for _, b := range pieces {
			labels = append(labels, a+b)
		}
		labels = append(labels, a+"\uFFFD#10001")
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	var statuses []bulk.Status
	for i := range len(labels) + 20 {
		statuses = append(statuses, bulk.Status{ID: uint64(i%len(labels) + 1), Label: labels[i%len(labels)]}) // some statuses twice
	}
	for i := range 20 { // bulkheads with the same label
		statuses = append(statuses, bulk.Status{ID: uint64(10000 + i), Label: labels[i%10]})
	}
	seen := gather(t, statuses)
	if want := len(labels) + 20; len(seen) != want {
		t.Errorf("%d bulkheads are shown, want %d", len(seen), want)
	}
	for range 3 {
		rand.Shuffle(len(statuses), func(i, j int) { statuses[i], statuses[j] = statuses[j], statuses[i] })
		if again := gather(t, statuses); !maps.Equal(seen, again) {
			t.Error("the values depend on the order of statuses")
		}
	}
	statuses = slices.DeleteFunc(statuses, func(s bulk.Status) bool { return s.ID%2 == 0 })
	for label, id := range gather(t, statuses) {
		if was, ok := seen[label]; ok && was != id && was%2 != 0 {
			t.Errorf("%q is a different bulkhead after others were removed", label)
		}
	}
	if problems, err := testutil.CollectAndLint(newCollector(func() []bulk.Status { return statuses })); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// gather makes a real scrape and returns the bulkheads by the exported label. Their
// parallelism is their ID.
func gather(t *testing.T, statuses []bulk.Status) map[string]uint64 {
	t.Helper()
	for i := range statuses {
		statuses[i].Capacity.Parallelism = int(statuses[i].ID)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(func() []bulk.Status { return statuses }))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		t.Fatalf("%s: %s", response.Status, text)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]uint64{}
	for _, f := range families {
		if f.GetName() != "bulkhead_slots" {
			continue
		}
		for _, m := range f.GetMetric() {
			seen[m.GetLabel()[0].GetValue()] = uint64(m.GetGauge().GetValue())
		}
	}
	return seen
}

func TestMeanHoldIsTheMeanOfTheSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		for range 10_000 {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { time.Sleep(20 * time.Millisecond); return nil })
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(newCollector(func() []bulk.Status { return []bulk.Status{b.Status()} }))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "bulkhead_sampled_hold_seconds" {
				s := f.GetMetric()[0].GetSummary()
				if mean := s.GetSampleSum() / float64(s.GetSampleCount()); math.Abs(mean-0.02) > 1e-9 || s.GetSampleCount() < 100 {
					t.Errorf("a mean hold of %v s in %d samples, want 0.02", mean, s.GetSampleCount())
				}
				return
			}
		}
		t.Error("no holds")
	})
}

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	status := eventful(t)
	problems, err := testutil.CollectAndLint(newCollector(func() []bulk.Status { return []bulk.Status{status} }))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Members are created and removed between scrapes, and may have any label.
func TestScrapeShowsTheCurrentMembersOfARegistry(t *testing.T) {
	members := registry.New()
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(newCollector(members.Statuses))
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, ""},
		{func() {
			b := bulk.Must(members.Create("search", 3))
			_ = bulk.Do(t.Context(), b, func(context.Context) error { return nil })
		}, `bulkhead_operations_admitted_total{bulkhead="search"} 1
`},
		{func() { _ = bulk.Must(members.Create("caf\xe9", 1)) }, `bulkhead_operations_admitted_total{bulkhead="caf�E9"} 0
bulkhead_operations_admitted_total{bulkhead="search"} 1
`},
		{func() {
			if err := members.Remove(t.Context(), "search"); err != nil {
				t.Error(err)
			}
		}, `bulkhead_operations_admitted_total{bulkhead="caf�E9"} 0
`},
	} {
		step.change()
		want := step.want
		if want != "" {
			want = "# HELP bulkhead_operations_admitted_total Operations that were admitted, immediately or from the waiting room.\n" +
				"# TYPE bulkhead_operations_admitted_total counter\n" + want
		}
		if err := testutil.GatherAndCompare(metrics, strings.NewReader(want), "bulkhead_operations_admitted_total"); err != nil {
			t.Error(err)
		}
	}
}

func TestScrapesUnderLoadAreConsistent(t *testing.T) {
	b := bulk.Must(bulk.New("search", 2, bulk.WaitingRoom(4)))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(func() []bulk.Status { return []bulk.Status{b.Status()} }))
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for range 2000 {
				_ = bulk.Do(t.Context(), b, func(context.Context) error { return nil })
			}
		})
	}
	for range 50 {
		values := map[string]float64{}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				values[f.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		if in := values["bulkhead_operations_in_flight"]; in > 2 ||
			values["bulkhead_operations_admitted_total"] != values["bulkhead_operations_finished_total"]+in {
			t.Errorf("the counts are inconsistent: %v", values)
		}
	}
	load.Wait()
}

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bulkhead_operations_admitted_total{bulkhead="payments"} 1
	// bulkhead_operations_admitted_total{bulkhead="search"} 3
	// bulkhead_operations_finished_total{bulkhead="search"} 3
	// bulkhead_operations_in_flight{bulkhead="payments"} 1
	// bulkhead_operations_rejected_total{bulkhead="payments",reason="saturated",waited="no"} 1
	// bulkhead_slots{bulkhead="payments"} 2
	// bulkhead_slots{bulkhead="search"} 10
	// bulkhead_slots_in_use{bulkhead="payments"} 2
	// bulkhead_waiting_room_places{bulkhead="search"} 20
}

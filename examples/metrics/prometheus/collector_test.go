package main

import (
	"context"
	"net/http/httptest"
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
)

// eventful returns the status of a bulkhead to which everything has happened:
// waits of 2 ms and 300 ms exactly, in virtual time, and each way of being
// turned away.
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
		_ = b.Resize(1) // the one who waits is oversized now
		synctest.Wait()
		go do(t.Context(), 1)
		synctest.Wait()
		b.Close() // who waits is turned away
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
# HELP bulkhead_operations_abandoned_total Operations that got slots but whose context was done: they never ran.
# TYPE bulkhead_operations_abandoned_total counter
bulkhead_operations_abandoned_total{bulkhead="payments"} 0
# HELP bulkhead_operations_admitted_total Operations that got their slots, at once or from the waiting room.
# TYPE bulkhead_operations_admitted_total counter
bulkhead_operations_admitted_total{bulkhead="payments"} 5
# HELP bulkhead_operations_finished_total Operations that ran and are over.
# TYPE bulkhead_operations_finished_total counter
bulkhead_operations_finished_total{bulkhead="payments"} 4
# HELP bulkhead_operations_in_flight Operations that hold slots.
# TYPE bulkhead_operations_in_flight gauge
bulkhead_operations_in_flight{bulkhead="payments"} 1
# HELP bulkhead_operations_queued_total Operations that went into the waiting room.
# TYPE bulkhead_operations_queued_total counter
bulkhead_operations_queued_total{bulkhead="payments"} 6
# HELP bulkhead_operations_turned_away_total Operations that were never started, by reason, and by whether they had waited first.
# TYPE bulkhead_operations_turned_away_total counter
bulkhead_operations_turned_away_total{bulkhead="payments",reason="canceled",waited="no"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="canceled",waited="yes"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="closed",waited="no"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="closed",waited="yes"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="expired",waited="no"} 0
bulkhead_operations_turned_away_total{bulkhead="payments",reason="expired",waited="yes"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="oversized",waited="no"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="oversized",waited="yes"} 1
bulkhead_operations_turned_away_total{bulkhead="payments",reason="saturated",waited="no"} 1
# HELP bulkhead_operations_waiting Operations in the waiting room.
# TYPE bulkhead_operations_waiting gauge
bulkhead_operations_waiting{bulkhead="payments"} 0
# HELP bulkhead_slots Slots there are (parallelism).
# TYPE bulkhead_slots gauge
bulkhead_slots{bulkhead="payments"} 1
# HELP bulkhead_slots_in_use Slots in use. Above the number of slots only while a shrink drains.
# TYPE bulkhead_slots_in_use gauge
bulkhead_slots_in_use{bulkhead="payments"} 2
# HELP bulkhead_wait_limit_seconds Longest wait allowed, 0 for no limit.
# TYPE bulkhead_wait_limit_seconds gauge
bulkhead_wait_limit_seconds{bulkhead="payments"} 1
# HELP bulkhead_wait_seconds Time in the waiting room of operations that were admitted from there.
# TYPE bulkhead_wait_seconds histogram
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.0005"} 0
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.001"} 0
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.0025"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.005"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.01"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.025"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.05"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.1"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.25"} 1
bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.5"} 2
bulkhead_wait_seconds_bucket{bulkhead="payments",le="1"} 2
bulkhead_wait_seconds_bucket{bulkhead="payments",le="2.5"} 2
bulkhead_wait_seconds_bucket{bulkhead="payments",le="5"} 2
bulkhead_wait_seconds_bucket{bulkhead="payments",le="10"} 2
bulkhead_wait_seconds_bucket{bulkhead="payments",le="+Inf"} 2
bulkhead_wait_seconds_sum{bulkhead="payments"} 0.302
bulkhead_wait_seconds_count{bulkhead="payments"} 2
# HELP bulkhead_waiting_room_places Places to wait there are.
# TYPE bulkhead_waiting_room_places gauge
bulkhead_waiting_room_places{bulkhead="payments"} 2
`

func TestScrape(t *testing.T) {
	status := eventful(t)
	registry := prometheus.NewPedanticRegistry() // checks what is collected against what was described
	registry.MustRegister(newCollector(func() []bulk.Status { return []bulk.Status{status} }))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer server.Close()
	if err := testutil.ScrapeAndCompare(server.URL, strings.NewReader(scraped)); err != nil {
		t.Error(err)
	}
}

func TestNamesAndHelpKeepToTheConventions(t *testing.T) {
	status := eventful(t)
	problems, err := testutil.CollectAndLint(newCollector(func() []bulk.Status { return []bulk.Status{status} }))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Members come and go between scrapes, and may have any label.
func TestAScrapeShowsTheMembersOfARegistryAtThatMoment(t *testing.T) {
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
		{func() { _ = bulk.Must(members.Create("caf\xe9", 1)) }, `bulkhead_operations_admitted_total{bulkhead="caf�"} 0
bulkhead_operations_admitted_total{bulkhead="search"} 1
`},
		{func() {
			if err := members.Remove(t.Context(), "search"); err != nil {
				t.Error(err)
			}
		}, `bulkhead_operations_admitted_total{bulkhead="caf�"} 0
`},
	} {
		step.change()
		want := step.want
		if want != "" {
			want = "# HELP bulkhead_operations_admitted_total Operations that got their slots, at once or from the waiting room.\n" +
				"# TYPE bulkhead_operations_admitted_total counter\n" + want
		}
		if err := testutil.GatherAndCompare(metrics, strings.NewReader(want), "bulkhead_operations_admitted_total"); err != nil {
			t.Error(err)
		}
	}
}

func TestScrapesUnderLoadAddUp(t *testing.T) {
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
			t.Errorf("does not add up: %v", values)
		}
	}
	load.Wait()
}

func Example() {
	main()
	// Output:
	// bulkhead_operations_admitted_total{bulkhead="payments"} 1
	// bulkhead_operations_admitted_total{bulkhead="search"} 3
	// bulkhead_operations_finished_total{bulkhead="search"} 3
	// bulkhead_operations_in_flight{bulkhead="payments"} 1
	// bulkhead_operations_turned_away_total{bulkhead="payments",reason="saturated",waited="no"} 1
	// bulkhead_slots{bulkhead="payments"} 2
	// bulkhead_slots{bulkhead="search"} 10
	// bulkhead_slots_in_use{bulkhead="payments"} 2
	// bulkhead_waiting_room_places{bulkhead="search"} 20
}

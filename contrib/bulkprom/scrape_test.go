package bulkprom_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
)

var update = flag.Bool("update", false, "write testdata/scrape.txt")

// One scrape of a bulkhead and a Keyed, as in testdata/scrape.txt.
func TestScrapeHasEveryMetric(t *testing.T) {
	s := eventful(t)
	s.Totals.Holds = bulk.Holds{Samples: 3, Sum: 4500 * time.Millisecond}
	c := bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return []bulk.Status{s} }), bulkprom.Keyed(tenants(t, "tenants")), bulkprom.Buckets(1))
	got := []byte(read(t, serve(t, c)))
	if *update {
		if err := os.WriteFile("testdata/scrape.txt", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/scrape.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("testdata/scrape.txt differs from the scrape:\n%s", got)
	}
	if bytes.Contains(got, []byte("secret")) {
		t.Error("a key is exported")
	}
}

func TestAFullBulkheadShowsItsAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("search", 1, bulk.WaitingRoom(5), bulk.TrackHolds()))
		slot, _ := b.TryAcquire()
		time.Sleep(time.Second)
		go func() { _ = bulk.Do(t.Context(), b, nothing) }()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if err := b.Resize(0); err != nil {
			t.Fatal(err)
		}
		const want = `
# HELP bulkhead_oldest_hold_seconds For how long the oldest operation has been in flight, 0 if holds are not tracked. Of a Keyed: the longest of its keys.
# TYPE bulkhead_oldest_hold_seconds gauge
bulkhead_oldest_hold_seconds{bulkhead="search"} 3
# HELP bulkhead_oldest_wait_seconds For how long the head of the queue has waited, 0 if no operation waits. Of a Keyed: the longest of its keys.
# TYPE bulkhead_oldest_wait_seconds gauge
bulkhead_oldest_wait_seconds{bulkhead="search"} 2
# HELP bulkhead_paused 1 if the parallelism is 0, so that no operation is admitted, else 0. Of a Keyed: the parallelism that its keys have in common.
# TYPE bulkhead_paused gauge
bulkhead_paused{bulkhead="search"} 1
# HELP bulkhead_queueing_seconds_total Time during which the waiting room was not empty. Of a Keyed: the sum over its keys.
# TYPE bulkhead_queueing_seconds_total counter
bulkhead_queueing_seconds_total{bulkhead="search"} 2
# HELP bulkhead_standing_queue_seconds For how long the waiting room has not been empty, 0 if it is empty. Of a Keyed: the longest of its keys.
# TYPE bulkhead_standing_queue_seconds gauge
bulkhead_standing_queue_seconds{bulkhead="search"} 2
`
		if err := testutil.CollectAndCompare(bulkprom.New(bulkprom.Bulkhead(b)), strings.NewReader(want),
			"bulkhead_oldest_hold_seconds", "bulkhead_oldest_wait_seconds", "bulkhead_paused", "bulkhead_queueing_seconds_total", "bulkhead_standing_queue_seconds"); err != nil {
			t.Error(err)
		}
		slot.Release()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A Keyed is created in the registry between scrapes, used, removed, and created again.
func TestScrapeShowsTheCurrentKeyedsOfARegistry(t *testing.T) {
	members := registry.New()
	url := serve(t, bulkprom.New(bulkprom.Registry(members), bulkprom.Buckets(1)))
	tenants := func(maxKeys int) {
		t.Helper()
		k, err := registry.CreateKeyed[string](members, "tenants", 1, maxKeys)
		if err != nil {
			t.Fatal(err)
		}
		var slots []bulk.Slot
		for i := range maxKeys + 1 {
			slot, err := k.Acquire(t.Context(), fmt.Sprint("secret ", i))
			if (i == maxKeys) != errors.Is(err, registry.ErrTooManyKeys) {
				t.Errorf("key %d of %d: %v", i, maxKeys, err)
			}
			slots = append(slots, slot)
		}
		for _, slot := range slots {
			slot.Release()
		}
		k.Evict("secret 0")
	}
	for _, step := range []struct {
		change func()
		want   map[string]float64
	}{
		{func() {}, map[string]float64{}},
		{func() { tenants(3) }, map[string]float64{
			"keys": 2, "keys_limit": 3, "keys_created_total": 3, "keys_evicted_total": 1, "operations_arrived_total": 4,
			`operations_rejected_total{reason="too_many_keys"}`: 1, "operations_finished_total": 3, "key_slots": 1,
		}},
		{func() {
			if err := members.Remove(t.Context(), "tenants"); err != nil {
				t.Error(err)
			}
		}, map[string]float64{}},
		{func() { tenants(1) }, map[string]float64{
			"keys": 0, "keys_limit": 1, "keys_created_total": 1, "keys_evicted_total": 1, "operations_arrived_total": 2,
			`operations_rejected_total{reason="too_many_keys"}`: 1, "operations_finished_total": 1, "key_slots": 1,
		}},
	} {
		step.change()
		got := map[string]float64{}
		for line := range strings.Lines(read(t, url)) {
			if strings.Contains(line, "secret") {
				t.Errorf("a key is exported: %s", line)
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			name = strings.TrimPrefix(strings.NewReplacer(`{bulkhead="tenants"}`, "", `bulkhead="tenants",`, "", `,waited="no"`, "").Replace(name), "bulkhead_")
			if _, ok := step.want[name]; ok || len(step.want) == 0 && strings.HasPrefix(line, "bulkhead_") {
				got[name], _ = strconv.ParseFloat(value, 64)
			}
		}
		if !maps.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
}

// The ages of a Keyed are those of the key with the longest.
func TestKeyedShowsItsAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members := registry.New(bulk.WaitingRoom(5), bulk.TrackHolds())
		k, err := registry.CreateKeyed[int](members, "tenants", 1, 10)
		if err != nil {
			t.Fatal(err)
		}
		for key := range 2 {
			slot, err := k.Acquire(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			defer slot.Release()
			time.Sleep(time.Second)
			go func() {
				_, _ = registry.RunKey(t.Context(), k, key, func(context.Context) (int, error) { return 0, nil })
			}()
			synctest.Wait()
			time.Sleep(time.Second)
		}
		const want = `
# HELP bulkhead_oldest_hold_seconds For how long the oldest operation has been in flight, 0 if holds are not tracked. Of a Keyed: the longest of its keys.
# TYPE bulkhead_oldest_hold_seconds gauge
bulkhead_oldest_hold_seconds{bulkhead="tenants"} 4
# HELP bulkhead_oldest_wait_seconds For how long the head of the queue has waited, 0 if no operation waits. Of a Keyed: the longest of its keys.
# TYPE bulkhead_oldest_wait_seconds gauge
bulkhead_oldest_wait_seconds{bulkhead="tenants"} 3
# HELP bulkhead_standing_queue_seconds For how long the waiting room has not been empty, 0 if it is empty. Of a Keyed: the longest of its keys.
# TYPE bulkhead_standing_queue_seconds gauge
bulkhead_standing_queue_seconds{bulkhead="tenants"} 3
`
		if err := testutil.CollectAndCompare(bulkprom.New(bulkprom.Registry(members)), strings.NewReader(want),
			"bulkhead_oldest_hold_seconds", "bulkhead_oldest_wait_seconds", "bulkhead_standing_queue_seconds"); err != nil {
			t.Error(err)
		}
	})
}

func TestUnlimitedParallelismIsInfinite(t *testing.T) {
	b := bulk.Must(bulk.New("observed", bulk.Unlimited))
	f := scrape(t, bulkprom.New(bulkprom.Bulkhead(b)), expfmt.TypeTextPlain)["bulkhead_slots"]
	if v := f.GetMetric()[0].GetGauge().GetValue(); !math.IsInf(v, 1) {
		t.Errorf("%v slots", v)
	}
}

// Members are created and removed between scrapes, and may have any label.
func TestScrapeShowsTheCurrentMembersOfARegistry(t *testing.T) {
	members := registry.New()
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Registry(members)))
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, ""},
		{func() {
			_ = bulk.Do(t.Context(), bulk.Must(members.Create("search", 3)), nothing)
		}, `bulkhead_operations_admitted_total{bulkhead="search"} 1
`},
		{func() { _ = bulk.Must(members.Create("caf\xe9", 1)) }, "bulkhead_operations_admitted_total{bulkhead=\"caf\uFFFDE9\"} 0\n" +
			"bulkhead_operations_admitted_total{bulkhead=\"search\"} 1\n"},
		{func() {
			if err := members.Remove(t.Context(), "search"); err != nil {
				t.Error(err)
			}
		}, "bulkhead_operations_admitted_total{bulkhead=\"caf\uFFFDE9\"} 0\n"},
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

func TestMeanHoldIsTheMeanOfTheSamples(t *testing.T) {
	var s bulk.Status
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		for range 10_000 {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { time.Sleep(20 * time.Millisecond); return nil })
		}
		s = b.Status()
	})
	h := scrape(t, of(s), expfmt.TypeTextPlain)["bulkhead_sampled_hold_seconds"].GetMetric()[0].GetSummary()
	if mean := h.GetSampleSum() / float64(h.GetSampleCount()); math.Abs(mean-0.02) > 1e-9 || h.GetSampleCount() < 100 {
		t.Errorf("a mean hold of %v s in %d samples, want 0.02", mean, h.GetSampleCount())
	}
}

func TestScrapesUnderLoadAreConsistent(t *testing.T) {
	b := bulk.Must(bulk.New("search", 2, bulk.WaitingRoom(4)))
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Bulkhead(b), bulkprom.NativeHistogram()))
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for range 2000 {
				_ = bulk.Do(t.Context(), b, nothing)
			}
		})
	}
	for range 50 {
		values := map[string]float64{}
		families, err := metrics.Gather()
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

func TestBadArgumentsPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"bulkprom: option: nil option":               func() { bulkprom.New(nil) },
		"bulkprom: Registry: nil registry":           func() { bulkprom.Registry(nil) },
		"bulkprom: Bulkhead: nil bulkhead":           func() { bulkprom.Bulkhead(nil) },
		"bulkprom: Keyed: nil Keyed":                 func() { bulkprom.Keyed[string](nil) },
		"bulkprom: Statuses: nil function":           func() { bulkprom.Statuses(nil) },
		"bulkprom: KeyedStatuses: nil function":      func() { bulkprom.KeyedStatuses(nil) },
		"bulkprom: Shadow: nil shadow":               func() { bulkprom.Shadow("8 slots", nil) },
		"bulkprom: Shadows: nil function":            func() { bulkprom.Shadows(nil) },
		"bulkprom: Limiter: nil limiter":             func() { bulkprom.Limiter(nil) },
		"bulkprom: Limiters: nil function":           func() { bulkprom.Limiters(nil) },
		"bulkprom: Member: nil member":               func() { bulkprom.Member(nil) },
		"bulkprom: Members: nil function":            func() { bulkprom.Members(nil) },
		"bulkprom: Buckets(3): must be 1, 2, 4 or 8": func() { bulkprom.Buckets(3) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			f()
		}()
	}
}

package bulkotel_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/registry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

var update = flag.Bool("update", false, "write testdata/collection.txt")

func nothing(context.Context) error { return nil }

// collect collects the metrics, ordered by name.
func collect(t *testing.T, reader sdk.Reader) []metricdata.Metrics {
	t.Helper()
	var collection metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collection); err != nil {
		t.Fatal(err)
	}
	var all []metricdata.Metrics
	for _, scope := range collection.ScopeMetrics {
		all = append(all, scope.Metrics...)
	}
	slices.SortFunc(all, func(a, b metricdata.Metrics) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// lines returns a line for each value: name, kind, unit, attributes, value.
func lines(t *testing.T, all []metricdata.Metrics) []string {
	t.Helper()
	var result []string
	for _, m := range all {
		if m.Description == "" || m.Unit == "" {
			t.Errorf("%s has no description or no unit", m.Name)
		}
		line := func(kind string, set attribute.Set, value any) {
			if id := idOf(m.Name); id != "" && !set.HasValue(id) {
				t.Errorf("%s has no %s", m.Name, id)
			}
			set, _ = set.Filter(func(a attribute.KeyValue) bool { return a.Key != "bulkhead.id" }) // differs between runs
			result = append(result, fmt.Sprintf("%s %s %s {%s} %v\n", m.Name, kind, m.Unit, set.Encoded(attribute.DefaultEncoder()), value))
		}
		kind := func(monotonic bool) string {
			if monotonic {
				return "counter"
			}
			return "updowncounter"
		}
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				line(kind(data.IsMonotonic), p.Attributes, p.Value)
			}
		case metricdata.Sum[float64]:
			for _, p := range data.DataPoints {
				line(kind(data.IsMonotonic), p.Attributes, p.Value)
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				line("gauge", p.Attributes, p.Value)
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				line("gauge", p.Attributes, p.Value)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				line("histogram", p.Attributes, fmt.Sprintf("%d %v", p.Count, p.Sum))
			}
		default:
			t.Errorf("%s is a %T", m.Name, data)
		}
	}
	slices.Sort(result)
	return result
}

// idOf returns the attribute that tells series with the same label apart.
func idOf(metric string) attribute.Key {
	switch {
	case metric == "bulkhead.wait.duration":
		return ""
	case strings.HasPrefix(metric, "bulkhead.shadow."):
		return "bulkhead.shadow.id"
	case strings.HasPrefix(metric, "bulkhead.limiter."):
		return "bulkhead.limiter.id"
	case strings.HasPrefix(metric, "bulkhead.fleet."):
		return "bulkhead.fleet.member.id"
	}
	return "bulkhead.id"
}

// tenants returns a Keyed with two operations in flight, and a rejection of each kind
// that a Keyed adds.
func tenants(t *testing.T) *registry.Keyed[string] {
	t.Helper()
	k, err := registry.NewKeyed[string]("tenants", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"secret-a", "secret-b"} {
		slot, err := k.Acquire(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(slot.Release)
	}
	if _, err := k.Acquire(t.Context(), "secret-a"); !errors.Is(err, bulk.ErrSaturated) {
		t.Fatal(err)
	}
	if _, err := k.Acquire(t.Context(), "secret-c"); !errors.Is(err, registry.ErrTooManyKeys) {
		t.Fatal(err)
	}
	return k
}

// The test drives a bulkhead through all outcomes, and collects it together with a
// Keyed. testdata/collection.txt has the values.
func TestCollectionHasEveryMetric(t *testing.T) {
	k := tenants(t)
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		recordWaits, err := bulkotel.Waits(meter)
		if err != nil {
			t.Fatal(err)
		}
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2), bulk.WaitLimit(time.Second), bulk.ControlDelay(time.Second, 10*time.Second),
			bulk.TrackHolds(), bulk.OnEvent(recordWaits)))
		registration, err := bulkotel.Register(meter, bulkotel.Bulkhead(b), bulkotel.Keyed(k),
			bulkotel.Bulkhead(bulk.Must(bulk.New("observed", bulk.Unlimited))))
		if err != nil {
			t.Fatal(err)
		}

		ended, cancel := context.WithCancel(t.Context())
		do := func(ctx context.Context, n int) { _ = bulk.DoN(ctx, b, n, nothing) }
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
		synctest.Wait()
		go do(t.Context(), 1) // still waits at the collection
		synctest.Wait()
		time.Sleep(time.Second / 4)
		if err := b.Resize(0); err != nil {
			t.Fatal(err)
		}

		got := strings.Join(lines(t, collect(t, reader)), "")
		if *update {
			if err := os.WriteFile("testdata/collection.txt", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/collection.txt")
		if err != nil {
			t.Fatal(err)
		}
		if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("testdata/collection.txt differs from the collection:\n%s", got)
		}
		if strings.Contains(got, "secret") {
			t.Error("a key is exported")
		}

		if err := b.Close(); err != nil {
			t.Error(err)
		}
		slots.Release()
		synctest.Wait()
		for _, state := range []string{"open} 0", "paused} 0", "closed} 1"} {
			if line := "bulkhead.status updowncounter 1 {bulkhead.name=payments,bulkhead.state=" + state + "\n"; !slices.Contains(lines(t, collect(t, reader)), line) {
				t.Errorf("after Close: no %q", line)
			}
		}
		if err := registration.Unregister(); err != nil {
			t.Error(err)
		}
		if left := collect(t, reader); len(left) != 1 { // only the histogram, which keeps its values
			t.Errorf("%d metrics are observed after Unregister", len(left))
		}
	})
}

// failing is a meter that rejects instruments.
type failing struct{ noop.Meter }

var errRejected = errors.New("rejected")

func (failing) Int64ObservableCounter(string, ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return nil, errRejected
}

func (failing) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errRejected
}

func TestErrorsOfTheMeterAreReturned(t *testing.T) {
	if r, err := bulkotel.Register(failing{}, bulkotel.Registry(registry.New())); !errors.Is(err, errRejected) || r != nil {
		t.Errorf("Register: %v, %v", r, err)
	}
	if h, err := bulkotel.Waits(failing{}); !errors.Is(err, errRejected) || h != nil {
		t.Errorf("Waits: %v", err)
	}
}

func TestBadArgumentsPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"bulkotel: option: nil option":          func() { _, _ = bulkotel.Register(noop.Meter{}, nil) },
		"bulkotel: Registry: nil registry":      func() { bulkotel.Registry(nil) },
		"bulkotel: Bulkhead: nil bulkhead":      func() { bulkotel.Bulkhead(nil) },
		"bulkotel: Keyed: nil Keyed":            func() { bulkotel.Keyed[string](nil) },
		"bulkotel: Statuses: nil function":      func() { bulkotel.Statuses(nil) },
		"bulkotel: KeyedStatuses: nil function": func() { bulkotel.KeyedStatuses(nil) },
		"bulkotel: Shadow: nil shadow":          func() { bulkotel.Shadow("8 slots", nil) },
		"bulkotel: Shadows: nil function":       func() { bulkotel.Shadows(nil) },
		"bulkotel: Limiter: nil limiter":        func() { bulkotel.Limiter(nil) },
		"bulkotel: Limiters: nil function":      func() { bulkotel.Limiters(nil) },
		"bulkotel: Member: nil member":          func() { bulkotel.Member(nil) },
		"bulkotel: Members: nil function":       func() { bulkotel.Members(nil) },
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

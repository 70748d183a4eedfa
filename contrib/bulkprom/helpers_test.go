package bulkprom_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// of returns a collector of the statuses.
func of(statuses ...bulk.Status) *bulkprom.Collector {
	return bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return statuses }))
}

// serve serves what the collector collects, over HTTP.
func serve(t *testing.T, c prometheus.Collector) (url string) {
	t.Helper()
	metrics := prometheus.NewPedanticRegistry() // checks the metrics against their descriptions
	metrics.MustRegister(c)
	server := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	t.Cleanup(server.Close)
	return server.URL
}

// get makes one scrape in the format.
func get(t *testing.T, url string, format expfmt.FormatType) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", string(expfmt.NewFormat(format)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		t.Fatalf("%s: %s", response.Status, text)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// read makes one scrape and returns its text.
func read(t *testing.T, url string) string {
	t.Helper()
	text, err := io.ReadAll(get(t, url, expfmt.TypeTextPlain).Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// scrape makes one scrape over HTTP, in the format, and returns the parsed metrics by
// name. It fails the test if they do not follow the conventions of Prometheus.
func scrape(t *testing.T, c prometheus.Collector, format expfmt.FormatType) map[string]*dto.MetricFamily {
	t.Helper()
	response := get(t, serve(t, c), format)
	decoder := expfmt.NewDecoder(response.Body, expfmt.ResponseFormat(response.Header))
	families := map[string]*dto.MetricFamily{}
	var all []*dto.MetricFamily
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		families[f.GetName()] = &f
		all = append(all, &f)
	}
	problems, err := promlint.NewWithMetricFamilies(all).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	return families
}

// waitsOf returns the histogram of waits in the metrics.
func waitsOf(t *testing.T, families map[string]*dto.MetricFamily) *dto.Histogram {
	t.Helper()
	f := families["bulkhead_wait_seconds"]
	if f == nil {
		t.Fatal("no waits")
	}
	return f.GetMetric()[0].GetHistogram()
}

func nothing(context.Context) error { return nil }

// eventful returns the status of a bulkhead with waits of exactly 2 ms and 300 ms, and
// with a rejection for each reason.
func eventful(t *testing.T) (s bulk.Status) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2), bulk.WaitLimit(time.Second), bulk.ControlDelay(time.Second, 10*time.Second), bulk.TrackHolds()))
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
		go do(t.Context(), 2) // is oversized
		synctest.Wait()
		if err := b.Resize(1); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		go do(t.Context(), 1) // is rejected by Close
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		do(t.Context(), 1)
		s = b.Status()
		slots.Release()
	})
	return s
}

// afterWaits returns the status of a bulkhead whose operations have waited for the given
// times.
func afterWaits(t *testing.T, waits ...time.Duration) (s bulk.Status) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(1)))
		for _, d := range waits {
			slot, _ := b.TryAcquire()
			go func() { _ = bulk.Do(t.Context(), b, nothing) }()
			synctest.Wait()
			time.Sleep(d)
			slot.Release()
			synctest.Wait()
		}
		s = b.Status()
	})
	return s
}

// tenants returns a Keyed with an operation in flight, another one that finished, and a
// rejection of each kind that a Keyed adds.
func tenants(t *testing.T, label string) *registry.Keyed[string] {
	t.Helper()
	k, err := registry.NewKeyed[string](label, 1, 2)
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

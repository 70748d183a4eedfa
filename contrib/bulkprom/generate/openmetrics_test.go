package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// The parsers of the Prometheus server read a scrape in each format.
func TestPrometheusReadsEachFormat(t *testing.T) {
	statuses := []bulk.Status{
		{ID: 1, Label: "payments", Totals: bulk.Totals{AdmittedFromQueue: 2, Waits: waitsOf(t, 2)}},
		{ID: 2, Label: "caf\xe9\n\"\\"}, {ID: 3, Label: "payments"},
	}
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return statuses }), bulkprom.NativeHistogram()))
	server := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	defer server.Close()
	for accept, want := range map[string]string{
		"text/plain;version=0.0.4":                   "text/plain",
		"application/openmetrics-text;version=1.0.0": "application/openmetrics-text",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", accept)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		kind := response.Header.Get("Content-Type")
		if !strings.HasPrefix(kind, want) {
			t.Fatalf("%s: Content-Type %q", want, kind)
		}
		p, err := textparse.New(text, kind, labels.NewSymbolTable(), textparse.ParserOptions{})
		if err != nil {
			t.Fatal(err)
		}
		bulkheads, histograms := map[string]bool{}, 0
		for {
			entry, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", want, err)
			}
			var set labels.Labels
			switch entry {
			case textparse.EntrySeries:
				p.Labels(&set)
				bulkheads[set.Get("bulkhead")] = true
			case textparse.EntryHistogram:
				histograms++
			}
		}
		if len(bulkheads) != 3 || !bulkheads["caf\uFFFDE9\n\"\\"] {
			t.Errorf("%s: bulkheads %v", want, bulkheads)
		}
		if native := strings.Contains(want, "protobuf"); native && histograms != 3 || !native && histograms != 0 {
			t.Errorf("%s: %d native histograms", want, histograms)
		}
	}
}

// Prometheus exports metrics of bulkheads with package contrib/bulkprom, and prints one
// scrape.
//
//	go run .
//
// docs/metrics.md lists the metrics, with queries, alert rules and a dashboard.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const about = `Prometheus exports metrics of two bulkheads, and prints one scrape without zeros,
durations and help texts.`

func main() {
	command.Main("prometheus", about, func(out io.Writer) error { return run(context.Background(), out) })
}

func run(ctx context.Context, out io.Writer) error {
	bulkheads := registry.New()
	payments := bulk.Must(bulkheads.Create("payments", 2))
	search := bulk.Must(bulkheads.Create("search", 10, bulk.WaitingRoom(20)))

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Registry(bulkheads)))
	server := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	defer server.Close()

	work := func(context.Context) error { return nil }
	for range 3 {
		if err := bulk.Do(ctx, search, work); err != nil {
			return err
		}
	}
	slots, err := payments.AcquireN(ctx, 2)
	defer slots.Release()
	if err != nil {
		return err
	}
	_ = bulk.Do(ctx, payments, work) // is rejected

	resp, err := http.Get(server.URL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		// Skip help texts, zeros, and durations, which differ between runs.
		if line := lines.Text(); !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") && !strings.Contains(line, "_seconds") {
			fmt.Fprintln(out, line)
		}
	}
	return lines.Err()
}

package bulkprom_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func Example() {
	bulkheads := registry.New()
	payments := bulk.Must(bulkheads.Create("payments", 2))
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Registry(bulkheads)))

	for range 3 {
		_ = bulk.Do(context.Background(), payments, func(context.Context) error { return nil })
	}
	printMetrics(metrics, "bulkhead_slots", "bulkhead_operations_finished_total")
	// Output:
	// bulkhead_operations_finished_total{bulkhead="payments"} 3
	// bulkhead_slots{bulkhead="payments"} 2
	// bulkhead_slots_in_use{bulkhead="payments"} 0
}

// No key is exported, only their number.
func ExampleKeyed() {
	tenants, err := registry.NewKeyed[string]("tenants", 1, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Keyed(tenants)))
	for _, tenant := range []string{"acme", "globex"} {
		_, _ = registry.RunKey(context.Background(), tenants, tenant, func(context.Context) (int, error) { return 0, nil })
	}
	printMetrics(metrics, "bulkhead_keys", "bulkhead_operations_finished_total")
	// Output:
	// bulkhead_keys{bulkhead="tenants"} 2
	// bulkhead_keys_created_total{bulkhead="tenants"} 2
	// bulkhead_keys_evicted_total{bulkhead="tenants"} 0
	// bulkhead_keys_limit{bulkhead="tenants"} 1000
	// bulkhead_operations_finished_total{bulkhead="tenants"} 2
}

// Only the bulkheads and Keyeds of one team are exported.
func ExampleStatuses() {
	bulkheads := registry.New()
	_ = bulk.Must(bulkheads.Create("shop/payments", 2))
	_ = bulk.Must(bulkheads.Create("mail/smtp", 5))
	_, err := registry.CreateKeyed[string](bulkheads, "shop/tenants", 1, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(
		bulkprom.Statuses(func() []bulk.Status {
			return slices.DeleteFunc(bulkheads.Statuses(), func(s bulk.Status) bool { return !strings.HasPrefix(s.Label, "shop/") })
		}),
		bulkprom.KeyedStatuses(func() []registry.KeyedStatus {
			return slices.DeleteFunc(bulkheads.KeyedStatuses(), func(s registry.KeyedStatus) bool { return !strings.HasPrefix(s.Label, "shop/") })
		}),
	))
	printMetrics(metrics, "bulkhead_slots_in_use", "bulkhead_keys_limit")
	// Output:
	// bulkhead_keys_limit{bulkhead="shop/tenants"} 1000
	// bulkhead_slots_in_use{bulkhead="shop/payments"} 0
	// bulkhead_slots_in_use{bulkhead="shop/tenants"} 0
}

// A server that does not scrape native histograms gets the smallest classic one.
func ExampleNativeHistogram() {
	payments := bulk.Must(bulk.New("payments", 2))
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Bulkhead(payments), bulkprom.NativeHistogram(), bulkprom.Buckets(1)))
	printMetrics(metrics, `bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.00`)
	// Output:
	// bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.001048575"} 0
	// bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.002097151"} 0
	// bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.004194303"} 0
	// bulkhead_wait_seconds_bucket{bulkhead="payments",le="0.008388607"} 0
}

// printMetrics makes one scrape and prints the lines with one of the prefixes.
func printMetrics(metrics *prometheus.Registry, prefixes ...string) {
	server := httptest.NewServer(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		for _, prefix := range prefixes {
			if strings.HasPrefix(lines.Text(), prefix) {
				fmt.Println(lines.Text())
				break
			}
		}
	}
}

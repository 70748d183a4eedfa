package bulkprom_test

import (
	"context"
	"fmt"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/sizing"
	"github.com/prometheus/client_golang/prometheus"
)

// A shadow has metrics of its own beside those of the bulkhead.
func ExampleShadow() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Bulkhead(payments), bulkprom.Shadow("8 slots", shadow)))
	_ = bulk.Do(context.Background(), payments, func(context.Context) error { return nil })
	printMetrics(metrics, "bulkhead_operations_admitted_total", "bulkhead_shadow_operations_admitted_total")
	// Output:
	// bulkhead_operations_admitted_total{bulkhead="payments"} 1
	// bulkhead_shadow_operations_admitted_total{bulkhead="payments",shadow="8 slots"} 1
}

func ExampleLimiter() {
	limiter, err := adaptive.New(bulk.Must(bulk.New("search", 4)), 2, 50)
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Limiter(limiter)))
	printMetrics(metrics, "bulkhead_limiter_limit_slots", "bulkhead_limiter_maximum_slots")
	// Output:
	// bulkhead_limiter_limit_slots{bulkhead="search"} 4
	// bulkhead_limiter_maximum_slots{bulkhead="search"} 50
}

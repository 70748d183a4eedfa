package bulk_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func ExampleReport() {
	r := tenSeconds().Report()
	fmt.Println(r.Status.Label, "over", r.Interval.Duration, "is healthy:", r.Healthy())
	for _, f := range r.Findings {
		fmt.Printf("%s %s\n  %s\n", f.Severity, f.Code, f.Message)
	}
	// Output:
	// payments over 10s is healthy: false
	// warning execution_full
	//   10/10 slots in use, 4/20 waiting: the next arrival waits.
	// warning demand_exceeds_capacity
	//   The offered load is 10 of 10 slots: 200 arrivals per second, each in flight for 50ms (the mean of 30 samples). By estimate it needs 17 slots. (Erlang C: a chance of waiting of at most 5 %.)
}

func ExampleBulkhead_Report() {
	search := bulk.Must(bulk.New("search", 1))
	fmt.Println(search.Report())
	search.TryAcquire()
	fmt.Println(search.Report())
	// Output:
	// bulkhead "search": ok (0/1 slots in use, 0/0 waiting)
	// bulkhead "search": warning: execution_full (1/1 slots in use, 0/0 waiting)
	//   warning   execution_full: 1/1 slots in use, 0/0 waiting: the next arrival is rejected.
	//             → No action is needed if this clears soon. Otherwise check why operations hold their slots so long. Before raising parallelism, check how much load the dependency can take.
}

// A readiness check that fails only when the server rejects many requests. A minute
// after the incident it succeeds again.
func ExampleRecent() {
	requests := bulk.Must(bulk.New("requests", 1)) // that the server works on
	lastMinute := bulk.Recent(requests, time.Minute)
	ready := func() (int, string) {
		if r := lastMinute(); r.Severity() >= bulk.SeverityCritical {
			return http.StatusServiceUnavailable, r.Summary()
		}
		return http.StatusOK, "ok"
	}
	fmt.Println(ready())
	for range 20 {
		requests.TryAcquire()
	}
	fmt.Println(ready())
	// Output:
	// 200 ok
	// 503 bulkhead "requests": critical: execution_full, rejections (1/1 slots in use, 0/0 waiting)
}

func ExampleFinding() {
	s := bulk.Status{Label: "search", Capacity: bulk.Capacity{Parallelism: 4}, Totals: bulk.Totals{Admitted: 75, Saturated: 25}}
	f := s.Report().Findings[0]
	fmt.Println(f.Severity, f.Code)
	fmt.Println(f.Message)
	fmt.Println(f.Advice)
	// Output:
	// critical rejections
	// 25 of 100 operations were rejected (25 %): 25 saturated, 0 expired while waiting.
	// Check whether operations hold their slots longer than usual. Check the limits of the dependency. Raise parallelism only if the dependency can take more load.
}

// Programs compare the code. Codes are stable.
func ExampleCode() {
	for _, f := range tenSeconds().Report().Findings {
		switch f.Code {
		case bulk.CodeRejections, bulk.CodeExpirations:
			fmt.Println("operations are rejected")
		case bulk.CodeDemandExceedsCapacity:
			fmt.Println("there is more load than capacity")
		}
	}
	// Output:
	// there is more load than capacity
}

package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// The example of the package documentation. A server is shut down before the
// dependencies that its requests use.
func Example() {
	dependencies := registry.New(bulk.WaitLimit(250 * time.Millisecond))
	payments, err := dependencies.Create("payments", 10, bulk.WaitingRoom(50))
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipt, err := bulk.Run(r.Context(), payments, func(context.Context) (string, error) { return "receipt", nil })
		fmt.Fprint(w, receipt, " ", err)
	}))
	answer, err := http.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	fmt.Println(string(text))

	err = dependencies.ApplyJSON([]byte(`{"payments": {"parallelism": 20}}`))
	fmt.Println(payments.Capacity(), err)

	server.Close() // waits for the requests
	err = dependencies.Shutdown(context.Background())
	fmt.Println(dependencies, err)
	// Output:
	// receipt <nil>
	// 20 slots, 50 places, 250ms <nil>
	// registry (1 member) <nil>
}

func ExampleNew() {
	r := registry.New(bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)) // defaults
	payments, _ := r.Create("payments", 10)
	search, _ := r.Create("search", 8, bulk.WaitLimit(time.Second)) // its own options win
	fmt.Println(payments.Capacity())
	fmt.Println(search.Capacity())
	// Output:
	// 10 slots, 50 places, 250ms
	// 8 slots, 50 places, 1s
}

func ExampleRegistry_Create() {
	r := registry.New()
	_, err := r.Create("payments", 10)
	fmt.Println(err)
	_, err = r.Create("payments", 20)
	fmt.Println(errors.Is(err, registry.ErrDuplicate), err)
	_, err = r.Create("search", 0)
	fmt.Println(errors.Is(err, bulk.ErrConfig), err)
	_ = r.Close()
	_, err = r.Create("search", 10)
	fmt.Println(errors.Is(err, registry.ErrClosed), err)
	// Output:
	// <nil>
	// true registry: bulkhead "payments": label is taken
	// true bulkhead "search": parallelism 0: must be at least 1
	// true registry: bulkhead "search": the registry is closed
}

// Partners are known at run time only. Each gets a bulkhead on first use.
func ExampleRegistry_GetOrCreate() {
	r := registry.New()
	first, _ := r.GetOrCreate("partner a", 10)
	second, _ := r.GetOrCreate("partner a", 99) // it exists, and keeps its capacity
	fmt.Println(first == second, second.Capacity().Parallelism)

	_, ok := r.Get("partner b") // Get creates none
	fmt.Println(ok)
	// Output:
	// true 10
	// false
}

func ExampleRegistry_Remove() {
	r := registry.New()
	b, _ := r.Create("partner", 2)
	slot, _ := b.TryAcquire()

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(r.Remove(ctx, "partner")) // an operation is in flight

	slot.Release()
	fmt.Println(r.Remove(context.Background(), "partner"))
	err := r.Remove(context.Background(), "partner")
	fmt.Println(errors.Is(err, registry.ErrUnknown), err)
	// Output:
	// bulkhead "partner": not drained, 1 in flight: context deadline exceeded
	// <nil>
	// true registry: bulkhead "partner": no such label
}

// A status page.
func ExampleRegistry_Statuses() {
	r := registry.New()
	payments, _ := r.Create("payments", 2)
	_, _ = r.Create("search", 8)
	slot, _ := payments.TryAcquire()
	defer slot.Release()
	for _, s := range r.Statuses() {
		fmt.Printf("%s: %d of %d slots in use\n", s.Label, s.InUse, s.Capacity.Parallelism)
	}
	// Output:
	// payments: 1 of 2 slots in use
	// search: 0 of 8 slots in use
}

// An incident: halve the parallelism of all dependencies.
func ExampleRegistry_All() {
	r := registry.New()
	_, _ = r.Create("payments", 10)
	_, _ = r.Create("search", 8)
	for label, b := range r.All() {
		err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
			c.Parallelism = max(1, c.Parallelism/2)
			return c
		})
		fmt.Println(label, b.Capacity().Parallelism, err)
	}
	// Output:
	// payments 5 <nil>
	// search 4 <nil>
}

// The dependencies that need attention.
func ExampleRegistry_Reports() {
	r := registry.New()
	for _, label := range []string{"payments", "search", "auth"} {
		_, _ = r.Create(label, 2)
	}
	search, _ := r.Get("search")
	slot, _ := search.TryAcquireN(2) // its operations hang
	defer slot.Release()
	for range 20 {
		_, _ = search.TryAcquire() // rejected
	}

	for _, rep := range r.Reports() {
		fmt.Println(rep.Status.Label, rep.Healthy())
		for _, f := range rep.Findings {
			fmt.Printf("  %v: %s: %s\n", f.Severity, f.Code, f.Message)
		}
	}
	// Output:
	// payments true
	// search false
	//   warning: execution_full: 2/2 slots in use, 0/0 waiting: the next arrival is rejected.
	//   critical: rejections: 20 of 21 operations were rejected (95.2 %): 20 saturated, 0 expired while waiting.
	// auth true
}

func ExampleRegistry_Apply() {
	r := registry.New()
	b, _ := r.Create("payments", 2)
	err := r.Apply(map[string]bulk.Capacity{"payments": {Parallelism: 20, WaitingRoom: 50}})
	fmt.Println(b.Capacity(), err)
	err = r.Apply(map[string]bulk.Capacity{"payments": {Parallelism: 30}, "paymens": {Parallelism: 30}})
	fmt.Println(b.Capacity(), err) // after an error nothing is set
	// Output:
	// 20 slots, 50 places <nil>
	// 20 slots, 50 places registry: bulkhead "paymens": no such label
}

// The capacities of all dependencies are in a configuration file. Fields that are
// absent keep their values.
func ExampleRegistry_ApplyJSON() {
	r := registry.New(bulk.WaitingRoom(50))
	_, _ = r.Create("payments", 10, bulk.WaitLimit(time.Second))
	_, _ = r.Create("search", 8)

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "capacities.json")
	_ = os.WriteFile(file, []byte(`{
		"payments": {"parallelism": 20, "wait_limit": "250ms"},
		"search": {"waiting_room": 0}
	}`), 0o600)

	data, err := os.ReadFile(file)
	if err == nil {
		err = r.ApplyJSON(data)
	}
	fmt.Println(err)
	for label, b := range r.All() {
		fmt.Println(label, b.Capacity())
	}

	fmt.Println(r.ApplyJSON([]byte(`{"search": {"parallelism": "many"}}`)))
	// Output:
	// <nil>
	// payments 20 slots, 50 places, 250ms
	// search 8 slots, 0 places
	// registry: bulkhead "search": parallelism "many": must be a whole number or "unlimited"
}

func ExampleRegistry_Shutdown() {
	r := registry.New()
	for _, label := range []string{"payments", "search", "auth"} {
		b, _ := r.Create(label, 10)
		if label != "search" {
			_, _ = b.TryAcquire() // never released
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// bulkhead "payments": not drained, 1 in flight: context deadline exceeded
	// bulkhead "auth": not drained, 1 in flight: context deadline exceeded
}

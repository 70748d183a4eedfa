package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// The first of these is the example of the package documentation.
func Example() {
	dependencies := registry.New(bulk.WaitLimit(250 * time.Millisecond))
	payments, err := dependencies.Create("payments", 10, bulk.WaitingRoom(50))
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := bulk.Run(context.Background(), payments, func(context.Context) (string, error) { return "receipt", nil })
	fmt.Println(receipt, err)

	err = dependencies.ApplyJSON([]byte(`{"payments": {"parallelism": 20}}`))
	fmt.Println(payments.Capacity(), err)
	err = dependencies.Shutdown(context.Background())
	fmt.Println(err)
	// Output:
	// receipt <nil>
	// {20 50 250ms} <nil>
	// <nil>
}

func ExampleNew() {
	r := registry.New(bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)) // for all
	b, _ := r.Create("search", 8, bulk.WaitLimit(time.Second))                    // but for this one
	fmt.Println(b.Capacity())
	// Output: {8 50 1s}
}

func ExampleRegistry_Create() {
	r := registry.New()
	_, err := r.Create("payments", 10)
	fmt.Println(err)
	_, err = r.Create("payments", 20)
	fmt.Println(errors.Is(err, registry.ErrDuplicate), err)
	_, err = r.Create("search", 0)
	fmt.Println(errors.Is(err, bulk.ErrConfig), err)
	// Output:
	// <nil>
	// true registry: bulkhead "payments": label is taken
	// true bulkhead "search": parallelism 0: must be at least 1
}

func ExampleRegistry_GetOrCreate() {
	r := registry.New()
	first, _ := r.GetOrCreate("payments", 10)
	second, _ := r.GetOrCreate("payments", 99) // it exists, and keeps its capacity
	fmt.Println(first == second, second.Capacity().Parallelism)
	// Output: true 10
}

func ExampleRegistry_Get() {
	r := registry.New()
	_, _ = r.Create("payments", 10)
	b, ok := r.Get("payments")
	fmt.Println(b.Label(), ok)
	_, ok = r.Get("nobody")
	fmt.Println(ok)
	// Output:
	// payments true
	// false
}

func ExampleRegistry_Remove() {
	r := registry.New()
	b, _ := r.Create("partner", 2)
	slot, _ := b.TryAcquire()

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no patience at all
	fmt.Println(r.Remove(ctx, "partner"))

	slot.Release()
	fmt.Println(r.Remove(context.Background(), "partner"))
	fmt.Println(r.Remove(context.Background(), "partner"))
	// Output:
	// bulkhead "partner": not drained, 1 in flight: context canceled
	// <nil>
	// registry: bulkhead "partner": no such label
}

func ExampleRegistry_All() {
	r := registry.New()
	for i, label := range []string{"payments", "search", "auth"} {
		_, _ = r.Create(label, i+1)
	}
	for label, b := range r.All() {
		fmt.Println(label, b.Capacity().Parallelism)
	}
	// Output:
	// payments 1
	// search 2
	// auth 3
}

func ExampleRegistry_Statuses() {
	r := registry.New()
	b, _ := r.Create("payments", 2)
	slot, _ := b.TryAcquire()
	defer slot.Release()
	for _, s := range r.Statuses() {
		fmt.Printf("%s: %d of %d slots in use\n", s.Label, s.InUse, s.Capacity.Parallelism)
	}
	// Output: payments: 1 of 2 slots in use
}

// What needs attention now, of all dependencies.
func ExampleRegistry_Reports() {
	r := registry.New()
	for _, label := range []string{"payments", "search", "auth"} {
		_, _ = r.Create(label, 2)
	}
	search, _ := r.Get("search")
	slot, _ := search.TryAcquireN(2) // it hangs
	defer slot.Release()
	for range 20 {
		_, _ = search.TryAcquire() // and everybody else is turned away
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
	fmt.Println(b.Capacity(), err) // nothing is set if anything is wrong
	// Output:
	// {20 50 0s} <nil>
	// {20 50 0s} registry: bulkhead "paymens": no such label
}

// A configuration file is one call. What it doesn't mention stays as it is.
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
	// payments {20 50 250ms}
	// search {8 0 0s}
	// registry: bulkhead "search": parallelism "many": must be a whole number
}

func ExampleRegistry_Close() {
	r := registry.New()
	b, _ := r.Create("payments", 10)
	_ = r.Close()
	_, err := b.Acquire(context.Background())
	fmt.Println(err)
	_, err = r.Create("search", 10)
	fmt.Println(err)
	// Output:
	// bulkhead "payments": closed
	// registry: bulkhead "search": the registry is closed
}

func ExampleRegistry_Shutdown() {
	r := registry.New()
	for _, label := range []string{"payments", "search", "auth"} {
		b, _ := r.Create(label, 10)
		if label != "search" {
			_, _ = b.TryAcquire() // and never released
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(r.Shutdown(ctx))
	// Output:
	// bulkhead "payments": not drained, 1 in flight: context deadline exceeded
	// bulkhead "auth": not drained, 1 in flight: context deadline exceeded
}

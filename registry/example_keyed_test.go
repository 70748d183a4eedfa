package registry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

func page(context.Context) (string, error) { return "page", nil }

func ExampleNewKeyed() {
	tenants, err := registry.NewKeyed[string]("tenants", 4, 10_000, // 4 slots for each tenant, at most 10,000 tenants
		registry.IdleAfter(10*time.Minute), // for EvictIdle
		registry.Each(bulk.WaitingRoom(8), bulk.WaitLimit(250*time.Millisecond)))
	fmt.Println(tenants.Status().MaxKeys, err)

	_, err = registry.NewKeyed[string]("tenants", 4, 0)
	fmt.Println(err)
	// Output:
	// 10000 <nil>
	// bulkhead "tenants": max_keys 0: must be at least 1
}

// The noisy tenant has its own compartment full; the quiet one doesn't notice.
func ExampleRunKey() {
	ctx := context.Background()
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 100)
	slot, _ := tenants.Acquire(ctx, "noisy")
	defer slot.Release()

	_, err := registry.RunKey(ctx, tenants, "noisy", page)
	fmt.Println(err)
	got, err := registry.RunKey(ctx, tenants, "quiet", page)
	fmt.Println(got, err)
	// Output:
	// bulkhead "tenants": saturated: 1/1 slots in use, 0/0 waiting
	// page <nil>
}

func ExampleGuardKey() {
	type request struct{ tenant, path string }
	tenants, _ := registry.NewKeyed[string]("tenants", 4, 100)
	render := registry.GuardKey(tenants, func(r request) string { return r.tenant },
		func(_ context.Context, r request) (string, error) { return "page " + r.path, nil })

	fmt.Println(render(context.Background(), request{"acme", "/a"}))
	fmt.Println(render(context.Background(), request{"umbrella", "/b"}))
	fmt.Println(tenants.Status().Keys, "keys")
	// Output:
	// page /a <nil>
	// page /b <nil>
	// 2 keys
}

func ExampleKeyed_Acquire() {
	hosts, _ := registry.NewKeyed[string]("hosts", 2, 100)
	slot, err := hosts.Acquire(context.Background(), "example.com")
	defer slot.Release() // may stand before the error is looked at
	if err != nil {
		fmt.Println("not started:", err)
		return
	}
	fmt.Println(hosts.Status().InFlight, "in flight")
	// Output: 1 in flight
}

// At the limit, the key that has been idle for the longest time makes room.
func ExampleNewKeyed_maxKeys() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 2)
	for _, tenant := range []string{"a", "b", "a", "c"} {
		_, _ = registry.RunKey(ctx, k, tenant, page)
	}
	fmt.Println(k.Evict("a"), k.Evict("b"), k.Evict("c"))
	// Output: true false true
}

func ExampleIdleAfter() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 100, registry.IdleAfter(time.Hour))
	_, _ = registry.RunKey(ctx, k, "a", page)
	fmt.Println(k.EvictIdle()) // it was used just now
	// Output: 0
}

func ExampleEach() {
	events := 0
	k, _ := registry.NewKeyed[string]("tenants", 1, 100,
		registry.Each(bulk.OnEvent(func(bulk.Event) { events++ }))) // of all keys
	_, _ = registry.RunKey(context.Background(), k, "a", page)
	_, _ = registry.RunKey(context.Background(), k, "b", page)
	fmt.Println(events) // admitted and released, twice
	// Output: 4
}

func ExampleTooManyKeysError() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 1)
	slot, _ := k.Acquire(ctx, "a")
	defer slot.Release()

	_, err := registry.RunKey(ctx, k, "b", page)
	fmt.Println(err)
	fmt.Println(errors.Is(err, registry.ErrTooManyKeys), errors.Is(err, bulk.ErrOverload), errors.Is(err, bulk.ErrNotStarted))
	// Output:
	// registry: keyed "tenants": too many keys: 1 of 1 in use
	// true true true
}

func ExampleKeyed_Status() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[int]("tenants", 1, 10)
	for tenant := range 100 {
		_, _ = registry.RunKey(ctx, k, tenant, page)
	}
	s := k.Status()
	fmt.Printf("%q: %d of %d keys, %d evicted, %d operations finished\n", s.Label, s.Keys, s.MaxKeys, s.Evicted, s.Totals.Finished)
	// Output: "tenants": 10 of 10 keys, 90 evicted, 100 operations finished
}

func ExampleKeyed_Evict() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 10)
	slot, _ := k.Acquire(ctx, "a")
	fmt.Println(k.Evict("a"), "in use")
	slot.Release()
	fmt.Println(k.Evict("a"), "idle")
	fmt.Println(k.Evict("a"), "unknown")
	// Output:
	// false in use
	// true idle
	// false unknown
}

func ExampleKeyed_EvictIdle() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 10)
	_, _ = registry.RunKey(ctx, k, "a", page)
	_, _ = registry.RunKey(ctx, k, "b", page)
	slot, _ := k.Acquire(ctx, "c")
	defer slot.Release()
	fmt.Println(k.EvictIdle())
	// Output: 2
}

func ExampleKeyed_Close() {
	k, _ := registry.NewKeyed[string]("tenants", 1, 10)
	_ = k.Close()
	_, err := registry.RunKey(context.Background(), k, "a", page)
	fmt.Println(err)
	// Output: bulkhead "tenants": closed
}

func ExampleKeyed_Shutdown() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 2, 10)
	for _, tenant := range []string{"a", "a", "b"} {
		_, _ = k.Acquire(ctx, tenant) // and never released
	}
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	fmt.Println(k.Shutdown(ctx))
	// Output: bulkhead "tenants": not drained, 3 in flight: context deadline exceeded
}

// Options can be kept together as a preset.
func ExampleKeyedOption() {
	small := option.Join(registry.IdleAfter(time.Hour), registry.Each(bulk.WaitingRoom(2)))
	for _, label := range []string{"tenants", "hosts"} {
		k, err := registry.NewKeyed[string](label, 4, 100, small)
		fmt.Println(k.Status().Label, k.Status().MaxKeys, err)
	}
	// Output:
	// tenants 100 <nil>
	// hosts 100 <nil>
}

// A status has counts only: no key leaves.
func ExampleKeyedStatus() {
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 2)
	for _, tenant := range []string{"ada", "ada", "bob", "eve"} {
		_, err := tenants.Acquire(context.Background(), tenant)
		fmt.Println(err)
	}
	s := tenants.Status()
	fmt.Println(s.Keys, "keys,", s.InFlight, "in flight,", s.Totals.Saturated, "saturated,", s.TooManyKeys, "keys too many")
	// Output:
	// <nil>
	// bulkhead "tenants": saturated: 1/1 slots in use, 0/0 waiting
	// <nil>
	// registry: keyed "tenants": too many keys: 2 of 2 in use
	// 2 keys, 2 in flight, 1 saturated, 1 keys too many
}

// Printing a Keyed shows no key, and printing a Registry shows how many members
// it has. Their numbers are in their statuses.
func ExampleKeyed_String() {
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 10)
	_, _ = registry.RunKey(context.Background(), tenants, "ada", page)
	fmt.Printf("%v, %d keys\n", tenants, tenants.Status().Keys)
	fmt.Println(registry.New())
	// Output:
	// keyed "tenants", 1 keys
	// registry (0 members)
}

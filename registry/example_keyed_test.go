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

// A tenant uses two dependencies. Each pair of tenant and dependency is a failure
// domain of its own: slow payments of a tenant leave its searches alone.
func ExampleKeyed() {
	type domain struct{ tenant, dependency string }
	ctx := context.Background()
	domains, err := registry.NewKeyed[domain]("tenants", 1, 20_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	slow, _ := domains.Acquire(ctx, domain{"acme", "payments"}) // occupies all slots of its domain
	defer slow.Release()

	_, err = registry.RunKey(ctx, domains, domain{"acme", "payments"}, page)
	fmt.Println(err)
	got, err := registry.RunKey(ctx, domains, domain{"acme", "search"}, page)
	fmt.Println(got, err)
	// Output:
	// bulkhead "tenants": saturated: 1/1 slots in use, 0/0 waiting
	// page <nil>
}

func ExampleNewKeyed() {
	preset := option.Join( // for several of them
		registry.IdleAfter(10*time.Minute), // for EvictIdle
		registry.Each(bulk.WaitingRoom(8), bulk.WaitLimit(250*time.Millisecond)))

	// 4 slots for each tenant, and at most 10,000 tenants.
	tenants, err := registry.NewKeyed[string]("tenants", 4, 10_000, preset)
	fmt.Println(tenants, err)

	_, err = registry.NewKeyed[string]("hosts", 2, 0, preset)
	fmt.Println(errors.Is(err, bulk.ErrConfig), err)
	// Output:
	// keyed "tenants" <nil>
	// true bulkhead "hosts": max_keys 0: must be at least 1
}

// An option can read its value from a setting, and fail.
func ExampleKeyedOption() {
	idleAfter := func(setting string) registry.KeyedOption {
		return func(c *registry.KeyedConfig) error {
			d, err := time.ParseDuration(setting)
			if err != nil {
				return err
			}
			return registry.IdleAfter(d)(c)
		}
	}
	_, err := registry.NewKeyed[string]("tenants", 4, 100, idleAfter("10m"))
	fmt.Println(err)
	_, err = registry.NewKeyed[string]("tenants", 4, 100, idleAfter("soon"))
	fmt.Println(err)
	// Output:
	// <nil>
	// bulkhead "tenants": option <nil>: time: invalid duration "soon"
}

// At the limit, a new key evicts the key that has been idle for the longest time.
func ExampleNewKeyed_maxKeys() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 2)
	for _, tenant := range []string{"a", "b", "a", "c"} {
		_, _ = registry.RunKey(ctx, k, tenant, page)
	}
	fmt.Println(k.Evict("a"), k.Evict("b"), k.Evict("c")) // b is evicted already
	// Output: true false true
}

// A tenant that sends too many requests uses only its own slots.
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

// A large report needs two slots of its tenant.
func ExampleRunKeyN() {
	ctx := context.Background()
	tenants, _ := registry.NewKeyed[string]("tenants", 3, 100)
	slots, _ := tenants.AcquireN(ctx, "acme", 2) // a large report
	defer slots.Release()

	_, err := registry.RunKeyN(ctx, tenants, "acme", 2, page)
	fmt.Println(err)
	got, err := registry.RunKeyN(ctx, tenants, "acme", 1, page)
	fmt.Println(got, err)
	// Output:
	// bulkhead "tenants": saturated: 2/3 slots in use, 0/0 waiting
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
	defer slot.Release() // may stand before the error check
	if err != nil {
		fmt.Println("not started:", err)
		return
	}
	fmt.Println(hosts.Status().InFlight, "in flight")
	// Output: 1 in flight
}

// An operation that was rejected did not run, so it can be done again. An operation
// that ran and failed cannot, even if it failed because of a nested rejection.
func ExampleKeyed_NotStarted() {
	ctx := context.Background()
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 1)
	charge := func(ctx context.Context) (string, error) {
		// The same Keyed under another key, which is one too many.
		return registry.RunKey(ctx, tenants, "shared", page)
	}

	_, err := registry.RunKey(ctx, tenants, "acme", charge)
	fmt.Println(tenants.NotStarted(err), err) // charge ran

	slot, _ := tenants.Acquire(ctx, "umbrella")
	defer slot.Release()
	_, err = registry.RunKey(ctx, tenants, "acme", charge)
	fmt.Println(tenants.NotStarted(err), err) // charge did not run
	// Output:
	// false registry: keyed "tenants": too many keys: 1 of 1 in use
	// true registry: keyed "tenants": too many keys: 1 of 1 in use
}

func ExampleTooManyKeysError() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 1)
	slot, _ := k.Acquire(ctx, "a")
	defer slot.Release()

	_, err := registry.RunKey(ctx, k, "b", page)
	fmt.Println(errors.Is(err, registry.ErrTooManyKeys), errors.Is(err, bulk.ErrOverload), errors.Is(err, bulk.ErrNotStarted))
	if e := (*registry.TooManyKeysError)(nil); errors.As(err, &e) {
		fmt.Println("raise maxKeys of", e.Label, "above", e.MaxKeys)
	}
	// Output:
	// true true true
	// raise maxKeys of tenants above 1
}

// Event handlers get the events of all keys.
func ExampleEach() {
	rejected := 0
	k, _ := registry.NewKeyed[string]("tenants", 1, 100,
		registry.Each(bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated {
				rejected++
			}
		})))
	for _, tenant := range []string{"a", "a", "b", "b", "b"} {
		_, _ = k.Acquire(context.Background(), tenant)
	}
	fmt.Println(rejected, "rejected")
	// Output: 3 rejected
}

// A status has counts only: no key leaves the Keyed.
func ExampleKeyedStatus() {
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 2)
	for _, tenant := range []string{"ada", "ada", "bob", "eve"} {
		_, _ = tenants.Acquire(context.Background(), tenant)
	}
	s := tenants.Status()
	fmt.Printf("%d of %d keys, %d in flight, %d saturated, %d too many keys\n", s.Keys, s.MaxKeys, s.InFlight, s.Totals.Saturated, s.TooManyKeys)
	// Output: 2 of 2 keys, 2 in flight, 1 saturated, 1 too many keys
}

// Call EvictIdle regularly to free memory.
func ExampleKeyed_EvictIdle() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 100, registry.IdleAfter(5*time.Millisecond))
	slot, _ := k.Acquire(ctx, "in use")
	defer slot.Release()
	_, _ = registry.RunKey(ctx, k, "idle", page)

	ticker := time.NewTicker(10 * time.Millisecond) // in a program: a minute or more
	defer ticker.Stop()
	<-ticker.C
	fmt.Println(k.EvictIdle(), "evicted,", k.Status().Keys, "in use")
	// Output: 1 evicted, 1 in use
}

// One error for all keys.
func ExampleKeyed_Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	k, _ := registry.NewKeyed[string]("tenants", 2, 10)
	for _, tenant := range []string{"a", "a", "b"} {
		_, _ = k.Acquire(context.Background(), tenant) // never released
	}
	fmt.Println(k.Shutdown(ctx))
	_, err := registry.RunKey(context.Background(), k, "a", page)
	fmt.Println(err)
	// Output:
	// bulkhead "tenants": not drained, 3 in flight: context deadline exceeded
	// bulkhead "tenants": closed
}

// Some tenants have another capacity than the common one.
func ExampleCapacityOf() {
	ctx := context.Background()
	k, err := registry.NewKeyed[string]("tenants", 4, 100,
		registry.CapacityOf(func(tenant string, common bulk.Capacity) bulk.Capacity {
			switch tenant {
			case "premium":
				common.Parallelism *= 5
			case "blocked":
				common.Parallelism = 0 // paused
			}
			return common
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tenant := range []string{"premium", "trial", "blocked"} {
		_, err := registry.RunKey(ctx, k, tenant, page)
		fmt.Println(tenant, err)
	}
	for tenant, s := range k.Statuses() {
		if tenant == "premium" {
			fmt.Println(s.Capacity)
		}
	}
	// Output:
	// premium <nil>
	// trial <nil>
	// blocked bulkhead "tenants": saturated: 0/0 slots in use, 0/0 waiting
	// 20 slots, 0 places
}

// The capacity changes for the keys that there are and for those to come.
func ExampleKeyed_SetCapacity() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 4, 100)
	_, _ = registry.RunKey(ctx, k, "known", page)

	fmt.Println(k.SetCapacity(bulk.Capacity{Parallelism: 2, WaitingRoom: 10}))
	fmt.Println(k.Resize(3)) // the waiting room stays
	_, _ = registry.RunKey(ctx, k, "new", page)
	for _, s := range k.Statuses() {
		fmt.Println(s.Capacity)
	}
	fmt.Println(k.Resize(-1))
	// Output:
	// <nil>
	// <nil>
	// 3 slots, 10 places
	// 3 slots, 10 places
	// bulkhead "tenants": parallelism -1: must be 0 (paused) or more
}

func ExampleKeyed_UpdateCapacity() {
	k, _ := registry.NewKeyed[string]("tenants", 4, 100)
	_ = k.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.Parallelism *= 2
		return c
	})
	fmt.Println(k.Capacity())
	// Output: 8 slots, 0 places
}

// Which tenants are saturated?
func ExampleKeyed_Statuses() {
	k, _ := registry.NewKeyed[string]("tenants", 1, 100)
	slot, _ := k.Acquire(context.Background(), "acme")
	defer slot.Release()
	_, _ = registry.RunKey(context.Background(), k, "umbrella", page)
	for tenant, s := range k.Statuses() {
		if s.Saturated() {
			fmt.Println(tenant)
		}
	}
	// Output: acme
}

// A report of all keys together says whether too many came at the same time.
func ExampleKeyed_Report() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 2)
	for _, tenant := range []string{"a", "b", "c"} {
		_, _ = k.Acquire(ctx, tenant)
	}
	for _, f := range k.Report().Findings {
		fmt.Println(f.Severity, f.Code)
		fmt.Println(f.Message)
	}
	// Output:
	// warning too_many_keys
	// 1 operation was rejected because 2 keys were in use, which is the maximum. Now 2 are known.
}

func ExampleKeyedStatus_Since() {
	ctx := context.Background()
	k, _ := registry.NewKeyed[string]("tenants", 1, 100)
	_, _ = registry.RunKey(ctx, k, "a", page)
	before := k.Status()
	_, _ = registry.RunKey(ctx, k, "a", page)
	_, _ = registry.RunKey(ctx, k, "b", page)

	interval, err := k.Status().Since(before)
	fmt.Println(interval.Totals.Admitted, "admitted,", interval.Created, "new key,", err)
	fmt.Println(interval.ArrivalRate() > 1, interval.RejectedShare(), interval.QueuedShare(), interval.MeanWait())
	fmt.Println(interval.Report().Healthy())
	// Output:
	// 2 admitted, 1 new key, <nil>
	// true 0 0 0s
	// true
}

// A Keyed that is a member of a registry gets new capacities from the configuration
// file, and is shut down with the bulkheads.
func ExampleCreateKeyed() {
	ctx := context.Background()
	r := registry.New(bulk.WaitLimit(250 * time.Millisecond))
	_, _ = r.Create("payments", 10)
	tenants, err := registry.CreateKeyed[string](r, "tenants", 4, 10_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = registry.RunKey(ctx, tenants, "acme", page)

	fmt.Println(r.ApplyJSON([]byte(`{"payments": {"parallelism": 20}, "tenants": {"parallelism": 2, "waiting_room": 8}}`)))
	fmt.Println(tenants.Capacity())
	for _, s := range r.KeyedStatuses() {
		fmt.Println(s.Label, s.Keys, "key")
	}
	fmt.Println(r.Shutdown(ctx))
	_, err = registry.RunKey(ctx, tenants, "acme", page)
	fmt.Println(err)
	// Output:
	// <nil>
	// 2 slots, 8 places, 250ms
	// tenants 1 key
	// <nil>
	// bulkhead "tenants": closed
}

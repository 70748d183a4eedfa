package bulkprom_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/fleet"
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

// Three shadows show which number of slots would do. With 2 slots no operation would have
// been rejected.
func ExampleShadows() {
	payments := bulk.Must(bulk.New("payments", 1))
	shadows := map[string]*sizing.Shadow{}
	for name, n := range map[string]int{"1 slot": 1, "2 slots": 2, "4 slots": 4} {
		shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: n})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer shadow.Close()
		shadows[name] = shadow
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Shadows(func() map[string]*sizing.Shadow { return shadows })))
	_ = bulk.Do(context.Background(), payments, func(ctx context.Context) error {
		_ = bulk.Do(ctx, payments, func(context.Context) error { return nil }) // arrives meanwhile
		return nil
	})
	printMetrics(metrics, `bulkhead_shadow_operations_rejected_total{bulkhead="payments",reason="saturated"`)
	// Output:
	// bulkhead_shadow_operations_rejected_total{bulkhead="payments",reason="saturated",shadow="1 slot",waited="no"} 1
	// bulkhead_shadow_operations_rejected_total{bulkhead="payments",reason="saturated",shadow="2 slots",waited="no"} 0
	// bulkhead_shadow_operations_rejected_total{bulkhead="payments",reason="saturated",shadow="4 slots",waited="no"} 0
}

// A member shows its share of the budget and whether it has a lease. Each process has a
// collector of its own.
func ExampleMember() {
	ctx := context.Background()
	var store fleet.Memory // a real fleet uses the package fleet/natskv or fleet/etcd
	if err := fleet.Create(ctx, &store, "smtp"); err != nil {
		fmt.Println(err)
		return
	}
	granted := make(chan fleet.Change, 10)
	member, err := fleet.Join(ctx, &store, "smtp", 10, bulk.Must(bulk.New("mail", 1)), fleet.OnChange(func(c fleet.Change) {
		if c.Reason == fleet.Granted {
			granted <- c
		}
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer member.Leave(ctx)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Bulkhead(member.Bulkhead()), bulkprom.Member(member)))
	<-granted
	printMetrics(metrics, "bulkhead_slots{", "bulkhead_fleet_share_slots", "bulkhead_fleet_losses_total", `bulkhead_fleet_state{budget="smtp",bulkhead="mail",state="holding"`)
	// Output:
	// bulkhead_fleet_losses_total{budget="smtp",bulkhead="mail"} 0
	// bulkhead_fleet_share_slots{budget="smtp",bulkhead="mail"} 10
	// bulkhead_fleet_state{budget="smtp",bulkhead="mail",state="holding"} 1
	// bulkhead_slots{bulkhead="mail"} 10
}

// A gateway adds providers while it runs. For each one it has a share of a budget, and
// within that share an adaptive limiter.
func ExampleMembers() {
	ctx := context.Background()
	var store fleet.Memory
	var mu sync.Mutex
	var members []*fleet.Member
	var limiters []*adaptive.Limiter
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(
		bulkprom.Members(func() []*fleet.Member {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(members)
		}),
		bulkprom.Limiters(func() []*adaptive.Limiter {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(limiters)
		})))
	add := func(provider string) error {
		mu.Lock()
		defer mu.Unlock()
		member, err := fleet.Join(ctx, &store, provider, 100, bulk.Must(bulk.New(provider, 1)))
		if err != nil {
			return err
		}
		members = append(members, member)
		limiter, err := adaptive.New(member.Bulkhead(), 1, 100, adaptive.Observe(),
			adaptive.OnDecision(func(d adaptive.Decision) { _ = member.Follow(d.To) }))
		if err != nil {
			return err
		}
		limiters = append(limiters, limiter)
		return nil
	}
	for _, provider := range []string{"acme", "globex"} {
		if err := add(provider); err != nil {
			fmt.Println(err)
			return
		}
	}
	printMetrics(metrics, "bulkhead_fleet_budget_slots", "bulkhead_limiter_observing")
	for _, member := range members {
		_ = member.Leave(ctx)
	}
	// Output:
	// bulkhead_fleet_budget_slots{budget="acme",bulkhead="acme"} 100
	// bulkhead_fleet_budget_slots{budget="globex",bulkhead="globex"} 100
	// bulkhead_limiter_observing{bulkhead="acme"} 1
	// bulkhead_limiter_observing{bulkhead="globex"} 1
}

// The limit moves between the minimum and the maximum.
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

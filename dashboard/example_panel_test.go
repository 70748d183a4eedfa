package dashboard_test

import (
	"context"
	"fmt"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/sizing"
)

// The limit, with the reasons of the last decisions, is shown with the bulkhead.
func ExampleAdaptive() {
	payments := bulk.Must(bulk.New("payments", 10))
	limiter, err := adaptive.New(payments, 1, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer limiter.Close()
	page := dashboard.Handler(payments, dashboard.Adaptive(limiter))
	_ = page // serve it on an internal address
	fmt.Println(limiter.Bulkhead().Label())
	// Output: payments
}

// Would 8 slots be enough? The page shows it beside the real figures.
func ExampleShadow() {
	payments := bulk.Must(bulk.New("payments", 10))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 8, WaitingRoom: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()
	page := dashboard.Handler(payments, dashboard.Shadow(shadow))
	_ = page // serve it on an internal address
	fmt.Println(shadow.Bulkhead().Label())
	// Output: payments
}

// Each replica shows its share of the budget, and those of the others.
func ExampleFleet() {
	ctx := context.Background()
	var store fleet.Memory // a real fleet uses fleet/natskv or fleet/etcd
	if err := fleet.Create(ctx, &store, "payments"); err != nil {
		fmt.Println(err)
		return
	}
	payments := bulk.Must(bulk.New("payments", 1))
	member, err := fleet.Join(ctx, &store, "payments", 100, payments, fleet.Name("pod-1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer member.Leave(ctx)
	page := dashboard.Handler(payments, dashboard.Fleet(member))
	_ = page // serve it on an internal address
	fmt.Println(member.Bulkhead().Label())
	// Output: payments
}

package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

// Two members of one process share ten slots. The store of a real fleet is one of the
// packages fleet/natskv and fleet/etcd.
func Example() {
	ctx := context.Background()
	var store fleet.Memory
	if err := fleet.Create(ctx, &store, "payments"); err != nil { // once, with the deployment
		panic(err)
	}
	granted := make(chan fleet.Change, 10)
	b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(50)))
	m, err := fleet.Join(ctx, &store, "payments", 10, b, fleet.Name("pod-1"),
		fleet.OnChange(func(c fleet.Change) { granted <- c }))
	if err != nil {
		panic(err)
	}
	for c := range granted {
		fmt.Println(c)
		if c.Reason == fleet.Granted {
			break
		}
	}
	text, err := bulk.Run(ctx, b, func(context.Context) (string, error) { return "charged", nil })
	fmt.Println(text, err)
	fmt.Println(m.Leave(ctx), b.Capacity().Parallelism)
	// Output:
	// fleet "payments": member "pod-1": joined: from 1 to 0
	// fleet "payments": member "pod-1": granted: from 0 to 10
	// charged <nil>
	// <nil> 0
}

// A replica that must work also while the store is away falls back to a fixed share. With
// at most 20 replicas, 5 slots each are the budget.
func ExampleOnLost() {
	b := bulk.Must(bulk.New("payments", 1))
	var store fleet.Memory
	m, err := fleet.Join(context.Background(), &store, "payments", 100, b,
		fleet.OnLost(fleet.Safe(5)), fleet.TTL(30*time.Second), fleet.Refresh(5*time.Second),
		fleet.Grace(15*time.Second), fleet.MinShare(2))
	if err != nil {
		panic(err)
	}
	defer m.Leave(context.Background())
	fmt.Println(fleet.Stop(), fleet.Safe(5), fleet.Keep())
	// Output: stop safe(5) keep
}

// A limit is for everything else that decides on the parallelism. The bulkhead itself must
// not be resized: its share would be set again within a second.
func ExampleMember_SetLimit() {
	b := bulk.Must(bulk.New("payments", 1))
	var store fleet.Memory
	m, err := fleet.Join(context.Background(), &store, "payments", 100, b)
	if err != nil {
		panic(err)
	}
	defer m.Leave(context.Background())
	fmt.Println(m.SetLimit(12), m.Status().Limit) // tonight the dependency is maintained
	fmt.Println(m.SetLimit(bulk.Unlimited), m.SetTotal(80))
	// Output:
	// <nil> 12
	// <nil> <nil>
}

// An adaptive limiter finds out what the dependency can take now. The share is its
// maximum: the parallelism is the smaller one.
func ExampleMember_Follow() {
	b := bulk.Must(bulk.New("payments", 1))
	var store fleet.Memory
	m, err := fleet.Join(context.Background(), &store, "payments", 100, b)
	if err != nil {
		panic(err)
	}
	defer m.Leave(context.Background())
	limiter, err := adaptive.New(b, 1, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) {
		if err := m.Follow(d.To); err != nil {
			slog.Warn("decision not followed", "error", err)
		}
	}))
	if err != nil {
		panic(err)
	}
	defer limiter.Close()
	charge := adaptive.Measure(limiter, func(context.Context) (string, error) { return "paid", nil })
	fmt.Println(charge(context.Background())) // in bulk.Run(ctx, b, charge)
	// Output: paid <nil>
}

// A bulkhead has one member. Its parallelism would change all the time with two.
func ExampleJoin() {
	ctx := context.Background()
	b := bulk.Must(bulk.New("payments", 1))
	var store fleet.Memory
	m, err := fleet.Join(ctx, &store, "payments", 100, b)
	if err != nil {
		panic(err)
	}
	_, err = fleet.Join(ctx, &store, "refunds", 20, b)
	fmt.Println(errors.Is(err, fleet.ErrJoined), err)
	fmt.Println(m.Leave(ctx))
	// Output:
	// true fleet: bulkhead "payments": another member sets its parallelism: leave first
	// <nil>
}

// Create is for the deployment of a new budget. It never replaces a record.
func ExampleCreate() {
	ctx := context.Background()
	var store fleet.Memory
	fmt.Println(fleet.Create(ctx, &store, "payments"))
	fmt.Println(errors.Is(fleet.Create(ctx, &store, "payments"), fleet.ErrConflict))
	store.Delete("payments") // as an engine does that loses its data
	record, revision, err := store.Load(ctx, "payments")
	fmt.Println(record == nil, revision, err)
	// Output:
	// <nil>
	// true
	// true 0 <nil>
}

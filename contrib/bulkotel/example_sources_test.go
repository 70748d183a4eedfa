package bulkotel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/bulklink/bulklink-go/sizing"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A shadow has instruments of its own beside those of the bulkhead.
func ExampleShadow() {
	payments := bulk.Must(bulk.New("payments", bulk.Unlimited))
	shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shadow.Close()
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(payments), bulkotel.Shadow("8 slots", shadow)); err != nil {
		fmt.Println(err)
		return
	}
	_ = bulk.Do(context.Background(), payments, func(context.Context) error { return nil })
	printPoints(reader, "bulkhead.operation.admitted", "bulkhead.shadow.operation.admitted")
	// Output:
	// bulkhead.operation.admitted{bulkhead.name=payments} 1
	// bulkhead.shadow.operation.admitted{bulkhead.name=payments,bulkhead.shadow.name=8 slots} 1
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
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter, bulkotel.Shadows(func() map[string]*sizing.Shadow { return shadows })); err != nil {
		fmt.Println(err)
		return
	}
	_ = bulk.Do(context.Background(), payments, func(ctx context.Context) error {
		_ = bulk.Do(ctx, payments, func(context.Context) error { return nil }) // arrives meanwhile
		return nil
	})
	printPoints(reader, "bulkhead.shadow.operation.arrived", "bulkhead.shadow.operation.admitted")
	// Output:
	// bulkhead.shadow.operation.admitted{bulkhead.name=payments,bulkhead.shadow.name=1 slot} 1
	// bulkhead.shadow.operation.admitted{bulkhead.name=payments,bulkhead.shadow.name=2 slots} 2
	// bulkhead.shadow.operation.admitted{bulkhead.name=payments,bulkhead.shadow.name=4 slots} 2
	// bulkhead.shadow.operation.arrived{bulkhead.name=payments,bulkhead.shadow.name=1 slot} 2
	// bulkhead.shadow.operation.arrived{bulkhead.name=payments,bulkhead.shadow.name=2 slots} 2
	// bulkhead.shadow.operation.arrived{bulkhead.name=payments,bulkhead.shadow.name=4 slots} 2
}

// The limit moves between the minimum and the maximum.
func ExampleLimiter() {
	limiter, err := adaptive.New(bulk.Must(bulk.New("search", 4)), 2, 50)
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter, bulkotel.Limiter(limiter)); err != nil {
		fmt.Println(err)
		return
	}
	printPoints(reader, "bulkhead.limiter.limit", "bulkhead.limiter.limit.min", "bulkhead.limiter.limit.max")
	// Output:
	// bulkhead.limiter.limit.max{bulkhead.name=search} 50
	// bulkhead.limiter.limit.min{bulkhead.name=search} 2
	// bulkhead.limiter.limit{bulkhead.name=search} 4
}

// A member shows its share of the budget. Each process observes its own member.
func ExampleMember() {
	ctx := context.Background()
	var store fleet.Memory // a real fleet uses the package fleet/natskv or fleet/etcd
	if err := fleet.Create(ctx, &store, "smtp"); err != nil {
		fmt.Println(err)
		return
	}
	granted := make(chan fleet.Change, 10)
	member, err := fleet.Join(ctx, &store, "smtp", 10, bulk.Must(bulk.New("mail", 1)), fleet.Name("pod-1"),
		fleet.OnChange(func(c fleet.Change) {
			if c.Reason == fleet.Granted {
				granted <- c
			}
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer member.Leave(ctx)
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(member.Bulkhead()), bulkotel.Member(member)); err != nil {
		fmt.Println(err)
		return
	}
	<-granted
	printPoints(reader, "bulkhead.slot.limit", "bulkhead.fleet.slot.share", "bulkhead.fleet.lease.lost")
	// Output:
	// bulkhead.fleet.lease.lost{bulkhead.fleet.budget=smtp,bulkhead.fleet.member.name=pod-1,bulkhead.name=mail} 0
	// bulkhead.fleet.slot.share{bulkhead.fleet.budget=smtp,bulkhead.fleet.member.name=pod-1,bulkhead.name=mail} 10
	// bulkhead.slot.limit{bulkhead.name=mail} 10
}

// A gateway adds providers while it runs. For each one it has a share of a budget, and
// within that share an adaptive limiter.
func ExampleMembers() {
	ctx := context.Background()
	var store fleet.Memory
	var mu sync.Mutex
	var members []*fleet.Member
	var limiters []*adaptive.Limiter
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter,
		bulkotel.Members(func() []*fleet.Member {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(members)
		}),
		bulkotel.Limiters(func() []*adaptive.Limiter {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(limiters)
		})); err != nil {
		fmt.Println(err)
		return
	}
	add := func(provider string) error {
		mu.Lock()
		defer mu.Unlock()
		member, err := fleet.Join(ctx, &store, provider, 100, bulk.Must(bulk.New(provider, 1)), fleet.Name("pod-1"))
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
	printPoints(reader, "bulkhead.fleet.slot.limit", "bulkhead.limiter.observing")
	for _, member := range members {
		_ = member.Leave(ctx)
	}
	// Output:
	// bulkhead.fleet.slot.limit{bulkhead.fleet.budget=acme,bulkhead.fleet.member.name=pod-1,bulkhead.name=acme} 100
	// bulkhead.fleet.slot.limit{bulkhead.fleet.budget=globex,bulkhead.fleet.member.name=pod-1,bulkhead.name=globex} 100
	// bulkhead.limiter.observing{bulkhead.name=acme} 1
	// bulkhead.limiter.observing{bulkhead.name=globex} 1
}

// Only the bulkheads and Keyeds of one team are observed.
func ExampleKeyedStatuses() {
	bulkheads := registry.New()
	_ = bulk.Must(bulkheads.Create("shop/payments", 2))
	_ = bulk.Must(bulkheads.Create("mail/smtp", 5))
	if _, err := registry.CreateKeyed[string](bulkheads, "shop/tenants", 1, 1000); err != nil {
		fmt.Println(err)
		return
	}
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	if _, err := bulkotel.Register(meter,
		bulkotel.Statuses(func() []bulk.Status {
			return slices.DeleteFunc(bulkheads.Statuses(), func(s bulk.Status) bool { return !strings.HasPrefix(s.Label, "shop/") })
		}),
		bulkotel.KeyedStatuses(func() []registry.KeyedStatus {
			return slices.DeleteFunc(bulkheads.KeyedStatuses(), func(s registry.KeyedStatus) bool { return !strings.HasPrefix(s.Label, "shop/") })
		})); err != nil {
		fmt.Println(err)
		return
	}
	printPoints(reader, "bulkhead.slot.usage", "bulkhead.key.limit")
	// Output:
	// bulkhead.key.limit{bulkhead.name=shop/tenants} 1000
	// bulkhead.slot.usage{bulkhead.name=shop/payments} 0
	// bulkhead.slot.usage{bulkhead.name=shop/tenants} 0
}

// printPoints makes one collection and prints the values of the metrics with the names,
// sorted, without the attributes that are numbers of bulkheads and others.
func printPoints(reader sdk.Reader, names ...string) {
	var collection metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collection); err != nil {
		fmt.Println(err)
		return
	}
	var texts []string
	for _, m := range collection.ScopeMetrics[0].Metrics {
		var points []metricdata.DataPoint[int64]
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			points = data.DataPoints
		case metricdata.Gauge[int64]:
			points = data.DataPoints
		}
		for _, p := range points {
			if slices.Contains(names, m.Name) {
				set, _ := p.Attributes.Filter(func(a attribute.KeyValue) bool { return !strings.HasSuffix(string(a.Key), ".id") })
				texts = append(texts, fmt.Sprintf("%s{%s} %d", m.Name, set.Encoded(attribute.DefaultEncoder()), p.Value))
			}
		}
	}
	slices.Sort(texts)
	fmt.Println(strings.Join(texts, "\n"))
}

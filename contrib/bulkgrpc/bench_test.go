package bulkgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
	"google.golang.org/grpc"
)

func TestAdmissionOfAUnaryCallAllocatesNothing(t *testing.T) {
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	within := bulkgrpc.Limits(deadline.Within(time.Second))
	info := &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	for name, limit := range map[string]*bulkgrpc.Interceptors{
		"New":      bulkgrpc.New(bulk.Must(bulk.New("orders", 1))),
		"options":  bulkgrpc.New(bulk.Must(bulk.New("orders", 1)), within, bulkgrpc.Slots(func(context.Context, string) int { return 1 })),
		"NewKeyed": bulkgrpc.NewKeyed(tenants, bulkgrpc.Service, within),
	} {
		if n := testing.AllocsPerRun(1000, func() { _, _ = limit.UnaryServer(t.Context(), nil, info, handler) }); n > 0 {
			t.Errorf("%s: %v allocations for each call of a server", name, n)
		}
		if n := testing.AllocsPerRun(1000, func() { _ = limit.UnaryClient(t.Context(), info.FullMethod, nil, nil, nil, invoke) }); n > 0 {
			t.Errorf("%s: %v allocations for each call of a client", name, n)
		}
	}
}

func BenchmarkUnaryServer(b *testing.B) {
	limit := bulkgrpc.New(bulk.Must(bulk.New("orders", 1)))
	handler := func(context.Context, any) (any, error) { return nil, nil }
	info := &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := limit.UnaryServer(b.Context(), nil, info, handler); err != nil {
			b.Fatal(err)
		}
	}
}

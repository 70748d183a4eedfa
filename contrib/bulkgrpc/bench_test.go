package bulkgrpc_test

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"google.golang.org/grpc"
)

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

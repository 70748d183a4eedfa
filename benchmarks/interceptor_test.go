package benchmarks

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/failsafegrpc"
	"google.golang.org/grpc"
	pb "google.golang.org/grpc/health/grpc_health_v1"
)

// BenchmarkInterceptor measures what an interceptor of a gRPC server adds to a unary call
// that is admitted without a wait. peer=none calls the handler without an interceptor.
// crowd=yes makes calls on all processors; no call is rejected.
func BenchmarkInterceptor(b *testing.B) {
	const slots = 1000
	reply := &pb.HealthCheckResponse{}
	handler := func(context.Context, any) (any, error) { return reply, nil }
	limit := bulkgrpc.New(bulk.Must(bulk.New("orders", slots, bulk.WaitingRoom(slots))))
	for _, peer := range []struct {
		name      string
		intercept grpc.UnaryServerInterceptor
	}{
		{"none", func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			return handler(ctx, request)
		}},
		{"bulklink", limit.UnaryServer},
		{"failsafe", failsafegrpc.NewUnaryServerInterceptor[any](bulkhead.New[any](slots))},
	} {
		serve := func(b *testing.B, next func() bool) {
			ctx, request, info := context.Background(), &pb.HealthCheckRequest{}, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"}
			for next() {
				if _, err := peer.intercept(ctx, request, info, handler); err != nil {
					b.Error(err)
					return
				}
			}
		}
		b.Run("crowd=no/peer="+peer.name, func(b *testing.B) {
			b.ReportAllocs()
			serve(b, b.Loop)
		})
		b.Run("crowd=yes/peer="+peer.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) { serve(b, pb.Next) })
		})
	}
}

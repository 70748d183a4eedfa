package bulkgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A server with one slot, which is in use, rejects a call.
func Example() {
	orders := bulk.Must(bulk.New("orders", 1, bulk.WaitingRoom(100), bulk.WaitLimit(20*time.Millisecond)))
	limit := bulkgrpc.New(orders)
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(limit.UnaryServer),
		grpc.ChainStreamInterceptor(limit.StreamServer),
	)
	pb.RegisterTestServiceServer(server, pb.UnimplementedTestServiceServer{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(l)
	defer server.Stop()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	slot, _ := orders.TryAcquire()
	_, err = pb.NewTestServiceClient(conn).EmptyCall(context.Background(), &pb.Empty{})
	fmt.Println(status.Code(err))
	slot.Release()
	_, err = pb.NewTestServiceClient(conn).EmptyCall(context.Background(), &pb.Empty{})
	fmt.Println(status.Code(err)) // from the service
	// Output:
	// ResourceExhausted
	// Unimplemented
}

// Each tenant has ten slots. The tenant comes from the metadata, which another
// interceptor has authenticated.
func ExampleNewKeyed() {
	tenants, err := registry.NewKeyed[string]("tenants", 10, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	limit := bulkgrpc.NewKeyed(tenants, func(ctx context.Context, method string) (string, bool) {
		names := metadata.ValueFromIncomingContext(ctx, "tenant")
		if len(names) == 0 {
			return "", false // not limited
		}
		return names[0], true
	})
	_ = grpc.NewServer(grpc.ChainUnaryInterceptor(limit.UnaryServer), grpc.ChainStreamInterceptor(limit.StreamServer))
	fmt.Println(tenants)
	// Output: keyed "tenants"
}

// Each service of a backend has its own ten slots on the client. Another label and
// another parallelism for each service need NewSelected.
func ExampleService() {
	services, err := registry.NewKeyed[string]("services", 10, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	limit := bulkgrpc.NewKeyed(services, bulkgrpc.Service)
	conn, err := grpc.NewClient("dns:///backend:443",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(limit.UnaryClient),
		grpc.WithChainStreamInterceptor(limit.StreamClient))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(bulkgrpc.Service(context.Background(), "/shop.Orders/Place"))
	// Output: shop.Orders true
}

// Reports and orders are isolated from each other. The other methods are not limited.
func ExampleNewSelected() {
	bulkheads := map[string]*bulk.Bulkhead{
		"/shop.Orders/Place":   bulk.Must(bulk.New("place", 50, bulk.WaitingRoom(100), bulk.WaitLimit(200*time.Millisecond))),
		"/shop.Reports/Yearly": bulk.Must(bulk.New("yearly report", 2)),
	}
	limit := bulkgrpc.NewSelected(func(_ context.Context, method string) *bulk.Bulkhead { return bulkheads[method] })
	_ = grpc.NewServer(grpc.ChainUnaryInterceptor(limit.UnaryServer), grpc.ChainStreamInterceptor(limit.StreamServer))
	fmt.Println(bulkheads["/shop.Reports/Yearly"])
	// Output: bulkhead "yearly report"
}

// An export needs four slots, and any other method one.
func ExampleSlots() {
	archive := bulk.Must(bulk.New("archive", 5))
	limit := bulkgrpc.New(archive, bulkgrpc.Slots(func(_ context.Context, method string) int {
		if method == "/shop.Archive/Export" {
			return 4
		}
		return 1
	}))
	for _, method := range []string{"/shop.Archive/Search", "/shop.Archive/Export"} {
		_, _ = limit.UnaryServer(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: method},
			func(context.Context, any) (any, error) {
				fmt.Println(method, archive.Status().InUse)
				return nil, nil
			})
	}
	// Output:
	// /shop.Archive/Search 1
	// /shop.Archive/Export 4
}

// A call whose client would not wait for the answer is rejected immediately.
func ExampleLimits() {
	orders := bulk.Must(bulk.New("orders", 50, bulk.WaitingRoom(100)))
	limit := bulkgrpc.New(orders, bulkgrpc.Limits(deadline.Within(200*time.Millisecond), deadline.Reserve(50*time.Millisecond)))

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond) // of the client
	defer cancel()
	_, err := limit.UnaryServer(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"},
		func(context.Context, any) (any, error) { return nil, nil })
	fmt.Println(status.Code(err), errors.Is(err, bulk.ErrExpired))
	// Output: ResourceExhausted true
}

// The clients of a public server see neither labels nor numbers.
func ExampleOnReject() {
	orders := bulk.Must(bulk.New("orders", 1))
	limit := bulkgrpc.New(orders, bulkgrpc.OnReject(func(_ context.Context, method string, err error) error {
		fmt.Println(method, "rejected:", err)
		return status.Error(status.Code(bulkgrpc.Rejection(err)), "try again later")
	}))
	orders.TryAcquire()
	_, err := limit.UnaryServer(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Place"},
		func(context.Context, any) (any, error) { return nil, status.Error(codes.OK, "") })
	fmt.Println(err)
	// Output:
	// /shop.Orders/Place rejected: bulkhead "orders": saturated: 1/1 slots in use, 0/0 waiting
	// rpc error: code = ResourceExhausted desc = try again later
}

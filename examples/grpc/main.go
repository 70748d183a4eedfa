// Grpc puts the methods of a gRPC server behind a bulkhead, with the interceptors of
// contrib/bulkgrpc. The service is the test service of gRPC.
//
//	go run .
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

const about = `Grpc makes five calls to a gRPC server on loopback that serves one at a time and
lets two wait. The others are answered ResourceExhausted.`

func main() {
	command.Main("grpc", about, func(out io.Writer) error { return run(context.Background(), out) })
}

// slow is a service that answers when ready is closed.
type slow struct {
	pb.UnimplementedTestServiceServer
	ready chan struct{}
}

func (s slow) EmptyCall(context.Context, *pb.Empty) (*pb.Empty, error) {
	<-s.ready
	return &pb.Empty{}, nil
}

// run makes five calls to a server with one slot and a waiting room for two.
func run(ctx context.Context, out io.Writer) error {
	events := make(chan bulk.Event, 16) // large enough for all events: a handler must not block
	b := bulk.Must(bulk.New("orders", 1, bulk.WaitingRoom(2), bulk.OnEvent(func(e bulk.Event) { events <- e })))
	limit := bulkgrpc.New(b)
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(limit.UnaryServer), grpc.ChainStreamInterceptor(limit.StreamServer))
	service := slow{ready: make(chan struct{})}
	pb.RegisterTestServiceServer(server, service)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go server.Serve(l)
	defer server.GracefulStop()

	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	var calls sync.WaitGroup
	var answers [5]error
	for i := range answers {
		calls.Go(func() {
			_, answers[i] = pb.NewTestServiceClient(conn).EmptyCall(ctx, &pb.Empty{})
		})
		<-events // the call was admitted, queued or rejected; only then make the next one
	}
	close(service.ready)
	calls.Wait()
	for i, err := range answers {
		answer := "answered"
		if s, ok := status.FromError(err); ok && err != nil {
			answer = fmt.Sprintf("%v: %s", s.Code(), s.Message())
		}
		fmt.Fprintf(out, "call %d: %s\n", i+1, answer)
	}
	return nil
}

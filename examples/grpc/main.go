// Grpc puts the methods of a gRPC server behind a bulkhead, with interceptors for
// unary calls and streams. interceptors.go also has interceptors for clients.
//
//	go run .
//
// The file to copy is interceptors.go. The service is the test service of gRPC.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
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

// newServer returns a server whose methods go through b, except health checks.
func newServer(b *bulk.Bulkhead, service pb.TestServiceServer, outer ...grpc.ServerOption) *grpc.Server {
	of := func(fullMethod string) *bulk.Bulkhead {
		if strings.HasPrefix(fullMethod, "/grpc.health.v1.Health/") {
			return nil
		}
		return b
	}
	server := grpc.NewServer(append(outer,
		grpc.ChainUnaryInterceptor(limitUnary(of)),
		grpc.ChainStreamInterceptor(limitStream(of)))...)
	pb.RegisterTestServiceServer(server, service)
	return server
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
	service := slow{ready: make(chan struct{})}
	server := newServer(b, service)
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

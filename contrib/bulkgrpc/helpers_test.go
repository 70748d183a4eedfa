package bulkgrpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
)

type (
	echoServer = grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]
	echoClient = grpc.BidiStreamingClient[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]
)

// service is a test service whose methods call its function fields.
type service struct {
	pb.UnimplementedTestServiceServer
	unary  func(context.Context) error
	stream func(echoServer) error
}

func (s service) EmptyCall(ctx context.Context, _ *pb.Empty) (*pb.Empty, error) {
	return &pb.Empty{}, s.unary(ctx)
}

func (s service) FullDuplexCall(stream echoServer) error { return s.stream(stream) }

// echo is a stream handler that answers each message until the client closes its side.
func echo(s echoServer) error {
	for {
		if _, err := s.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(&pb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
}

// start starts a real server on loopback and returns its address.
func start(t *testing.T, s service, opts ...grpc.ServerOption) (address string) {
	t.Helper()
	server := grpc.NewServer(opts...)
	pb.RegisterTestServiceServer(server, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// connect returns a client of the server at the address.
func connect(t *testing.T, address string, opts ...grpc.DialOption) pb.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(address, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewTestServiceClient(conn)
}

// watched returns a bulkhead and its events. The test fails if an operation is left in
// it. A test calls leaktest.Goroutines first.
func watched(t *testing.T, slots int, opts ...bulk.Option) (*bulk.Bulkhead, <-chan bulk.Event) {
	events := make(chan bulk.Event, 1024)
	b := bulk.Must(bulk.New("orders", slots, append(opts, bulk.OnEvent(func(e bulk.Event) { events <- e }))...))
	leaktest.Slots(t, b)
	return b, events
}

// occupied returns a bulkhead without a free slot until the test ends.
func occupied(t *testing.T, opts ...bulk.Option) (*bulk.Bulkhead, <-chan bulk.Event) {
	b, events := watched(t, 1, opts...)
	slot, ok := b.TryAcquire()
	if !ok {
		t.Fatal("no slot")
	}
	t.Cleanup(slot.Release)
	return b, events
}

func await(t *testing.T, events <-chan bulk.Event, kind bulk.EventKind) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return
			}
		case <-timeout:
			t.Fatalf("no %v", kind)
		}
	}
}

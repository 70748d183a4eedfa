package bulkgrpc_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// dial returns a client behind the interceptors.
func dial(t *testing.T, limit *bulkgrpc.Interceptors, address string) pb.TestServiceClient {
	return connect(t, address, grpc.WithChainUnaryInterceptor(limit.UnaryClient), grpc.WithChainStreamInterceptor(limit.StreamClient))
}

func TestClientStreamHoldsItsSlotUntilGRPCFinishesIt(t *testing.T) {
	leaktest.Goroutines(t)
	address := start(t, service{
		unary:  func(context.Context) error { return status.Error(codes.NotFound, "no such order") },
		stream: echo,
	})
	b, events := watched(t, 1)
	client := dial(t, bulkgrpc.New(b), address)
	for name, finish := range map[string]func(echoClient, context.CancelFunc){
		"read to its end": func(s echoClient, _ context.CancelFunc) {
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := s.Recv(); err != io.EOF {
				t.Error(err)
			}
		},
		"canceled":           func(_ echoClient, cancel context.CancelFunc) { cancel() },
		"wrong message type": func(s echoClient, _ context.CancelFunc) { _ = s.SendMsg("not a message") },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		first, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := first.Send(&pb.StreamingOutputCallRequest{}); err != nil {
			t.Fatal(name, err)
		}
		if _, err := first.Recv(); err != nil {
			t.Fatal(name, err)
		}
		_, streamErr := client.FullDuplexCall(t.Context())
		_, unaryErr := client.EmptyCall(t.Context(), &pb.Empty{})
		for _, err := range []error{streamErr, unaryErr} {
			if status.Code(err) != codes.ResourceExhausted || !errors.Is(err, bulk.ErrSaturated) || !bulk.NotStarted(err, b) {
				t.Errorf("%s: second call: %v", name, err)
			}
		}
		finish(first, cancel)
		await(t, events, bulk.EventReleased)
		cancel()
	}
	_, err := client.EmptyCall(t.Context(), &pb.Empty{})
	if status.Code(err) != codes.NotFound || bulk.NotStarted(err, b) {
		t.Errorf("got %v, want the answer of the server", err)
	}
}

func TestClientStreamThatFailsToOpenReleasesItsSlot(t *testing.T) {
	b, _ := watched(t, 1)
	limit := bulkgrpc.New(b)
	failed := errors.New("no connection")
	for range 3 {
		_, err := limit.StreamClient(t.Context(), nil, nil, "", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			return nil, failed
		})
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = limit.StreamClient(t.Context(), nil, nil, "", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				panic("bug")
			})
		}()
	}
	if n := b.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

// The connection is closed under a call and a stream.
func TestClosedConnectionReleasesTheSlotsOfTheClient(t *testing.T) {
	leaktest.Goroutines(t)
	begun := make(chan struct{})
	address := start(t, service{unary: func(ctx context.Context) error { close(begun); <-ctx.Done(); return nil }, stream: echo})
	b, events := watched(t, 2)
	t.Run("client", func(t *testing.T) {
		client := dial(t, bulkgrpc.New(b), address)
		if _, err := client.FullDuplexCall(context.Background()); err != nil {
			t.Fatal(err)
		}
		go client.EmptyCall(context.Background(), &pb.Empty{})
		<-begun
	}) // closes the connection
	await(t, events, bulk.EventReleased)
	await(t, events, bulk.EventReleased)
}

// Several calls use the same slice of call options.
func TestCallOptionsOfTheCallerAreNotChanged(t *testing.T) {
	b, _ := watched(t, 1)
	opts := make([]grpc.CallOption, 1, 2)
	opts[0] = grpc.WaitForReady(true)
	_, err := bulkgrpc.New(b).StreamClient(t.Context(), nil, nil, "", func(_ context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, got ...grpc.CallOption) (grpc.ClientStream, error) {
		if len(got) != 2 {
			t.Errorf("%d options", len(got))
		}
		return nil, errors.New("no connection")
	}, opts...)
	if err == nil || opts[:2][1] != nil {
		t.Errorf("%v, options %v", err, opts[:2])
	}
}

package bulkgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// serve starts a server behind the interceptors and returns a client of it.
func serve(t *testing.T, limit *bulkgrpc.Interceptors, s service, outer ...grpc.ServerOption) pb.TestServiceClient {
	return connect(t, start(t, s, append(outer,
		grpc.ChainUnaryInterceptor(limit.UnaryServer), grpc.ChainStreamInterceptor(limit.StreamServer))...))
}

// The test offers twice the load that the handler can serve, for 1.5 seconds.
func TestEveryCallIsAnsweredUnderTwiceTheLoad(t *testing.T) {
	leaktest.Goroutines(t)
	const slots, calls = 4, 600
	// The first calls last until one is rejected, so that there is overload on any
	// machine, also on one too slow to offer twice the load.
	overload := make(chan struct{})
	var once sync.Once
	b := bulk.Must(bulk.New("orders", slots, bulk.WaitingRoom(4), bulk.WaitLimit(100*time.Millisecond),
		bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
				once.Do(func() { close(overload) })
			}
		})))
	leaktest.Slots(t, b)
	var inside, most atomic.Int64
	client := serve(t, bulkgrpc.New(b), service{unary: func(context.Context) error {
		n := inside.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-overload
		time.Sleep(20 * time.Millisecond) // the work: 4 slots serve 200 calls per second
		inside.Add(-1)
		return nil
	}})
	var mu sync.Mutex
	got := map[codes.Code]int{}
	ticks := time.NewTicker(2500 * time.Microsecond)
	defer ticks.Stop()
	var users sync.WaitGroup
	for range calls {
		<-ticks.C
		users.Go(func() {
			_, err := client.EmptyCall(t.Context(), &pb.Empty{})
			mu.Lock()
			defer mu.Unlock()
			got[status.Code(err)]++
		})
	}
	users.Wait()
	totals := b.Status().Totals
	t.Logf("%v; %d finished, %d saturated, %d expired", got, totals.Finished, totals.Saturated, totals.Expired)
	if got[codes.OK] == 0 || got[codes.ResourceExhausted] == 0 || got[codes.OK]+got[codes.ResourceExhausted] != calls {
		t.Errorf("codes %v", got)
	}
	if uint64(got[codes.OK]) != totals.Finished || uint64(got[codes.ResourceExhausted]) != totals.Rejected() {
		t.Errorf("%v, but %d finished and %d rejected", got, totals.Finished, totals.Rejected())
	}
	if most.Load() > slots {
		t.Errorf("%d concurrent handlers, want at most %d", most.Load(), slots)
	}
}

func TestServerStreamHoldsItsSlotUntilTheHandlerReturns(t *testing.T) {
	leaktest.Goroutines(t)
	b, events := watched(t, 1)
	client := serve(t, bulkgrpc.New(b), service{stream: echo})
	open := func() echoClient {
		stream, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	first := open()
	for range 3 {
		if err := first.Send(&pb.StreamingOutputCallRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := first.Recv(); err != nil {
			t.Fatal(err)
		}
		if _, err := open().Recv(); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("second stream: %v", err)
		}
	}
	if err := first.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Recv(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	await(t, events, bulk.EventReleased)
	next := open()
	if err := next.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Recv(); err != io.EOF {
		t.Errorf("after the end of the first stream: %v", err)
	}
}

func TestServerStreamReleasesItsSlotWhenTheClientLeaves(t *testing.T) {
	leaktest.Goroutines(t)
	b, events := watched(t, 1)
	client := serve(t, bulkgrpc.New(b), service{stream: echo})
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := client.FullDuplexCall(ctx); err != nil {
			t.Fatal(err)
		}
		await(t, events, bulk.EventAdmitted)
		cancel()
		await(t, events, bulk.EventReleased)
	}
}

func TestCanceledCallLeavesTheWaitingRoom(t *testing.T) {
	leaktest.Goroutines(t)
	b, events := occupied(t, bulk.WaitingRoom(1))
	client := serve(t, bulkgrpc.New(b), service{
		unary:  func(context.Context) error { t.Error("the handler was called"); return nil },
		stream: func(echoServer) error { t.Error("the handler was called"); return nil },
	})
	for name, call := range map[string]func(context.Context) error{
		"unary": func(ctx context.Context) error {
			_, err := client.EmptyCall(ctx, &pb.Empty{})
			return err
		},
		"stream": func(ctx context.Context) error {
			stream, err := client.FullDuplexCall(ctx)
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- call(ctx) }()
		await(t, events, bulk.EventQueued)
		cancel()
		await(t, events, bulk.EventCanceled)
		if err := <-done; status.Code(err) != codes.Canceled {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecoveredPanicReleasesTheSlot(t *testing.T) {
	leaktest.Goroutines(t)
	b, _ := watched(t, 1)
	recovered := func(err *error) {
		if r := recover(); r != nil {
			*err = status.Error(codes.Internal, "panic")
		}
	}
	client := serve(t, bulkgrpc.New(b),
		service{unary: func(context.Context) error { panic("bug") }, stream: func(echoServer) error { panic("bug") }},
		grpc.ChainUnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
			defer recovered(&err)
			return handler(ctx, request)
		}),
		grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
			defer recovered(&err)
			return handler(server, stream)
		}))
	for range 3 {
		if _, err := client.EmptyCall(t.Context(), &pb.Empty{}); status.Code(err) != codes.Internal {
			t.Errorf("unary: %v, want the panic each time", err)
		}
		stream, err := client.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Internal {
			t.Errorf("stream: %v, want the panic each time", err)
		}
	}
}

func TestHandlerThatEndsItsGoroutineReleasesTheSlot(t *testing.T) {
	leaktest.Goroutines(t)
	b, _ := watched(t, 1)
	limit := bulkgrpc.New(b)
	for form, call := range map[string]func(){
		"unary": func() {
			_, _ = limit.UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil })
		},
		"stream": func() {
			_ = limit.StreamServer(nil, fakeStream{ctx: t.Context()}, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { runtime.Goexit(); return nil })
		},
	} {
		ended := make(chan struct{})
		go func() { defer close(ended); call() }()
		<-ended
		if s := b.Status(); s.InFlight != 0 {
			t.Errorf("%s: %d in flight", form, s.InFlight)
		}
	}
}

// The handler is given the request and the ctx of the call, and its reply and error
// are returned, both.
func TestHandlerIsCalledAsWithoutTheInterceptor(t *testing.T) {
	b, _ := watched(t, 1)
	failed := status.Error(codes.NotFound, "no such order")
	type name struct{}
	ctx := context.WithValue(t.Context(), name{}, "value")
	reply, err := bulkgrpc.New(b).UnaryServer(ctx, "request", &grpc.UnaryServerInfo{}, func(got context.Context, request any) (any, error) {
		if got.Value(name{}) != "value" || request != "request" {
			t.Errorf("the handler was given %v, %v", got, request)
		}
		return "reply", failed
	})
	if reply != "reply" || !errors.Is(err, failed) {
		t.Errorf("got %v, %v", reply, err)
	}
}

// A handler that uses another bulkhead can answer its rejection with the right status.
// The error of the handler's own bulkhead, in a nested call, does not say that the
// call was not started.
func TestRejectionInsideTheHandlerIsNotTheRejectionOfTheCall(t *testing.T) {
	leaktest.Goroutines(t)
	b, _ := watched(t, 1)
	database, _ := occupied(t)
	nested := func(context.Context, any) (any, error) {
		_, err := b.Acquire(t.Context())
		return nil, err
	}
	_, err := bulkgrpc.New(b).UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{}, nested)
	if err == nil || bulk.NotStarted(err, b) || status.Code(err) != codes.Unknown {
		t.Errorf("a nested call: %v, not started %v", err, bulk.NotStarted(err, b))
	}
	client := serve(t, bulkgrpc.New(b), service{unary: func(ctx context.Context) error {
		if _, err := database.Acquire(ctx); err != nil {
			return bulkgrpc.Rejection(err)
		}
		return nil
	}})
	if _, err := client.EmptyCall(t.Context(), &pb.Empty{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("another bulkhead: %v", err)
	}
}

// The handler makes a nested call in its own bulkhead, and returns the Rejection of it.
// The client sees the same status as for a rejection by another bulkhead.
func TestRejectionByTheBulkheadOfTheHandlerKeepsItsStatus(t *testing.T) {
	leaktest.Goroutines(t)
	b, _ := watched(t, 1)
	for form, wrap := range map[string]func(error) error{
		"as it is": func(err error) error { return err },
		"wrapped":  func(err error) error { return fmt.Errorf("orders: %w", err) },
	} {
		var want, got *status.Status
		_, err := bulkgrpc.New(b).UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{}, func(ctx context.Context, _ any) (any, error) {
			_, err := b.Acquire(ctx)
			err = wrap(bulkgrpc.Rejection(err))
			want = status.Convert(err)
			return nil, err
		})
		if got = status.Convert(err); !proto.Equal(got.Proto(), want.Proto()) {
			t.Errorf("%s: %v, want %v", form, got.Proto(), want.Proto())
		}
		if bulk.NotStarted(err, b) || errors.Is(err, bulk.ErrNotStarted) {
			t.Errorf("%s: %v says that the call was not started", form, err)
		}
	}
}

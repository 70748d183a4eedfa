package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// service is a test service whose methods are functions.
type service struct {
	pb.UnimplementedTestServiceServer
	unary  func(context.Context) error
	stream func(grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error
}

func (s service) EmptyCall(ctx context.Context, _ *pb.Empty) (*pb.Empty, error) {
	return &pb.Empty{}, s.unary(ctx)
}

func (s service) FullDuplexCall(stream grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	return s.stream(stream)
}

// start starts a real server on loopback and returns a client of it.
func start(t *testing.T, b *bulk.Bulkhead, s service, outer ...grpc.ServerOption) pb.TestServiceClient {
	server := newServer(b, s, outer...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewTestServiceClient(conn)
}

// watched returns a bulkhead and what happens to it.
func watched(slots, room int) (*bulk.Bulkhead, <-chan bulk.Event) {
	events := make(chan bulk.Event, 64)
	return bulk.Must(bulk.New("orders", slots, bulk.WaitingRoom(room), bulk.OnEvent(func(e bulk.Event) { events <- e }))), events
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

// Twice as many calls as the handler can serve, for a second and a half, as
// they come.
func TestUnderTwiceTheLoadEveryoneIsAnswered(t *testing.T) {
	const slots, calls = 4, 600
	// The first ones take until somebody was turned away, so that there is an
	// overload on any machine, also on one too slow to offer twice the load.
	overload := make(chan struct{})
	var once sync.Once
	b := bulk.Must(bulk.New("orders", slots, bulk.WaitingRoom(4), bulk.WaitLimit(100*time.Millisecond),
		bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventSaturated || e.Kind == bulk.EventExpired {
				once.Do(func() { close(overload) })
			}
		})))
	var inside, most atomic.Int64
	client := start(t, b, service{unary: func(context.Context) error {
		n := inside.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-overload
		time.Sleep(20 * time.Millisecond) // the work: 4 slots do 200 of it a second
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
		t.Errorf("%d handlers at once", most.Load())
	}
}

func TestAStreamHoldsItsSlotForItsLife(t *testing.T) {
	b, events := watched(1, 0)
	client := start(t, b, service{stream: func(s grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
		for { // echo, until the client has nothing more to say
			if _, err := s.Recv(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if err := s.Send(&pb.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
	}})
	open := func() grpc.BidiStreamingClient[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse] {
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
			t.Errorf("a second stream: %v", err)
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
		t.Errorf("after the first one's end: %v", err)
	}
}

func TestACallerWhoGivesUpLeavesTheWaitingRoom(t *testing.T) {
	b, events := watched(1, 1)
	client := start(t, b, service{
		unary:  func(context.Context) error { t.Error("it was called"); return nil },
		stream: nil, // would crash
	})
	slot, _ := b.TryAcquire()
	defer slot.Release()
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
		ctx, giveUp := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- call(ctx) }()
		await(t, events, bulk.EventQueued)
		giveUp()
		await(t, events, bulk.EventCanceled)
		if err := <-done; status.Code(err) != codes.Canceled {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPanicThatSomebodyRecoversCostsNoSlot(t *testing.T) {
	b, _ := watched(1, 0)
	client := start(t, b, service{unary: func(context.Context) error { panic("bug") }},
		grpc.ChainUnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
			defer func() {
				if r := recover(); r != nil {
					err = status.Error(codes.Internal, "panic")
				}
			}()
			return handler(ctx, request)
		}))
	for range 3 {
		if _, err := client.EmptyCall(t.Context(), &pb.Empty{}); status.Code(err) != codes.Internal {
			t.Errorf("want the panic each time: %v", err)
		}
	}
}

func TestCodes(t *testing.T) {
	full, _ := watched(1, 0)
	full.TryAcquire()
	waits := bulk.Must(bulk.New("waits", 1, bulk.WaitingRoom(1), bulk.WaitLimit(1)))
	waits.TryAcquire()
	closed, _ := watched(1, 0)
	closed.Close()
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded) // a cause is no deadline
	late, cancelLate := context.WithTimeout(t.Context(), 0)
	defer cancelLate()
	for _, tt := range []struct {
		why  string
		ctx  context.Context
		b    *bulk.Bulkhead
		want codes.Code
	}{
		{"saturated", t.Context(), full, codes.ResourceExhausted},
		{"expired", t.Context(), waits, codes.ResourceExhausted},
		{"closed", t.Context(), closed, codes.Unavailable},
		{"the caller gave up", canceled, full, codes.Canceled},
		{"the caller's time is over", late, full, codes.DeadlineExceeded},
		{"outside any compartment", t.Context(), nil, codes.OK},
	} {
		compartment := func(string) *bulk.Bulkhead { return tt.b }
		called := false
		_, err := limitUnary(compartment)(tt.ctx, nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) {
			called = true
			return nil, nil
		})
		streamErr := limitStream(compartment)(nil, stream{ctx: tt.ctx}, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { return nil })
		if status.Code(err) != tt.want || status.Code(streamErr) != tt.want || called != (tt.want == codes.OK) {
			t.Errorf("%s: unary %v, stream %v, want %v; called %v", tt.why, err, streamErr, tt.want, called)
		}
		hint := false
		for _, d := range status.Convert(err).Details() {
			info, ok := d.(*errdetails.RetryInfo)
			hint = ok && info.GetRetryDelay().AsDuration() >= time.Second
		}
		if hint != (tt.want == codes.ResourceExhausted) {
			t.Errorf("%s: says when to come back: %v", tt.why, hint)
		}
	}
	if err := refusal(t.Context(), errors.New("oversized")); status.Code(err) != codes.Internal {
		t.Error(err)
	}
}

type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func Example() {
	main()
	// Output:
	// call 1: answered
	// call 2: answered
	// call 3: answered
	// call 4: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
	// call 5: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
}

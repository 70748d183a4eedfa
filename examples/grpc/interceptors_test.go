package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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
	"google.golang.org/protobuf/proto"
)

// service is a test service whose methods call its function fields.
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

// client is a client of a real server on loopback, with the address of that server.
type client struct {
	pb.TestServiceClient
	address string
}

// start starts a real server on loopback and returns a client of it.
func start(t *testing.T, b *bulk.Bulkhead, s service, outer ...grpc.ServerOption) client {
	server := newServer(b, s, outer...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return client{pb.NewTestServiceClient(dial(t, l.Addr().String())), l.Addr().String()}
}

func dial(t *testing.T, address string, opts ...grpc.DialOption) *grpc.ClientConn {
	conn, err := grpc.NewClient(address, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// watched returns a bulkhead and its events.
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

// The test offers twice the load that the handler can serve, for 1.5 seconds.
func TestEveryCallIsAnsweredUnderTwiceTheLoad(t *testing.T) {
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
	var inside, most atomic.Int64
	client := start(t, b, service{unary: func(context.Context) error {
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

func TestStreamHoldsItsSlotUntilTheHandlerReturns(t *testing.T) {
	b, events := watched(1, 0)
	client := start(t, b, service{stream: func(s grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
		for { // echo until the client closes its side
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

func TestClientStreamHoldsItsSlotUntilGRPCFinishesIt(t *testing.T) {
	server, _ := watched(100, 0)
	echo := start(t, server, service{
		unary: func(context.Context) error { return status.Error(codes.NotFound, "no such order") },
		stream: func(s grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
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
		},
	})
	b, events := watched(1, 0)
	of := func(string) *bulk.Bulkhead { return b }
	client := pb.NewTestServiceClient(dial(t, echo.address,
		grpc.WithUnaryInterceptor(limitUnaryClient(of)), grpc.WithStreamInterceptor(limitStreamClient(of))))
	type open = grpc.BidiStreamingClient[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]
	for name, finish := range map[string]func(open, context.CancelFunc){
		"read to its end": func(s open, _ context.CancelFunc) {
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := s.Recv(); err != io.EOF {
				t.Error(err)
			}
		},
		"canceled":           func(_ open, cancel context.CancelFunc) { cancel() },
		"wrong message type": func(s open, _ context.CancelFunc) { _ = s.SendMsg("not a message") },
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
			if status.Code(err) != codes.ResourceExhausted || !errors.Is(err, bulk.ErrSaturated) {
				t.Errorf("%s: second call: %v", name, err)
			}
		}
		finish(first, cancel)
		await(t, events, bulk.EventReleased)
		cancel()
	}
	if _, err := client.EmptyCall(t.Context(), &pb.Empty{}); status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want the answer of the server", err)
	}
	if n := b.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestClientStreamThatFailsToOpenReleasesItsSlot(t *testing.T) {
	b, _ := watched(1, 0)
	open := limitStreamClient(func(string) *bulk.Bulkhead { return b })
	failed := errors.New("no connection")
	for range 3 {
		if _, err := open(t.Context(), nil, nil, "", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			return nil, failed
		}); !errors.Is(err, failed) {
			t.Error(err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = open(t.Context(), nil, nil, "", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				panic("bug")
			})
		}()
	}
	if n := b.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestCanceledCallLeavesTheWaitingRoom(t *testing.T) {
	b, events := watched(1, 1)
	client := start(t, b, service{
		unary:  func(context.Context) error { t.Error("the handler was called"); return nil },
		stream: nil, // a call would panic
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
			t.Errorf("got %v, want the panic each time", err)
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
	cancel(errors.New("bad postcode"))
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
		{"canceled by the caller", canceled, full, codes.Canceled},
		{"deadline of the caller passed", late, full, codes.DeadlineExceeded},
		{"method without a bulkhead", t.Context(), nil, codes.OK},
	} {
		for form, o := range throughAll(tt.ctx, tt.b) {
			if status.Code(o.err) != tt.want || o.ran != (tt.want == codes.OK) {
				t.Errorf("%s: %s %v, want %v; ran %v", tt.why, form, o.err, tt.want, o.ran)
			}
			if tt.b != nil && !bulk.NotStarted(o.err, tt.b) {
				t.Errorf("%s: %s: %v does not match ErrNotStarted", tt.why, form, o.err)
			}
		}

		of := func(string) *bulk.Bulkhead { return tt.b }
		_, err := limitUnary(of)(tt.ctx, nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { return nil, nil })
		hint := false
		for _, d := range status.Convert(err).Details() {
			info, ok := d.(*errdetails.RetryInfo)
			hint = ok && info.GetRetryDelay().AsDuration() >= time.Second
		}
		if hint != (tt.want == codes.ResourceExhausted) {
			t.Errorf("%s: has RetryInfo: %v", tt.why, hint)
		}
	}
}

// errorOfAnyKind matches every target, and its gRPC status is OK.
type errorOfAnyKind struct{}

func (errorOfAnyKind) Error() string              { return "" }
func (errorOfAnyKind) Is(error) bool              { return true }
func (errorOfAnyKind) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

// endedWithoutError is a context that is done and whose Err is nil.
type endedWithoutError struct{ context.Context }

func (endedWithoutError) Done() <-chan struct{} { return closedChannel }
func (endedWithoutError) Err() error            { return nil }

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// The test takes every value of a Reason, by itself and wrapped and joined in errors.
func TestNoRejectionHasTheCodeOK(t *testing.T) {
	bases := []error{nil, errorOfAnyKind{}, errors.New(""), context.Canceled, context.DeadlineExceeded, status.New(codes.OK, "fine").Err(),
		bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrSaturated, bulk.ErrExpired, bulk.ErrClosed, bulk.ErrOversized, bulk.ErrCanceled}
	for reason := range 256 {
		bases = append(bases, &bulk.AdmissionError{Reason: bulk.Reason(reason)}, &bulk.AdmissionError{Label: "caf\xe9", Reason: bulk.Reason(reason)})
	}
	for _, base := range bases {
		for _, err := range []error{base, fmt.Errorf("call: %w", base), errors.Join(base, errorOfAnyKind{}), errors.Join(errorOfAnyKind{}, base),
			errors.Join(base, context.Canceled), errors.Join(base, context.DeadlineExceeded), errors.Join(nil, base)} {
			checkRejection(t, err)
		}
	}
}

func FuzzNoRejectionHasTheCodeOK(f *testing.F) {
	f.Add("payments", uint8(5), 1, int64(0), "left")
	f.Add("caf\xe9", uint8(0), 0, int64(-1), "\xff")
	f.Fuzz(func(t *testing.T, label string, reason uint8, slots int, limit int64, text string) {
		err := &bulk.AdmissionError{Label: label, Reason: bulk.Reason(reason), Slots: slots, Limit: time.Duration(limit)}
		checkRejection(t, err)
		checkRejection(t, fmt.Errorf("%s: %w", text, err))
		checkRejection(t, errors.Join(errors.New(text), err))
	})
}

func checkRejection(t *testing.T, err error) {
	t.Helper()
	got := rejection(err)
	if got == nil || status.Code(got) == codes.OK || status.Convert(got).Err() == nil {
		t.Errorf("%#v has the code OK", err)
	}
	if _, err := proto.Marshal(status.Convert(got).Proto()); err != nil {
		t.Errorf("%#v can't be sent: %v", err, err)
	}
	if err != nil && !errors.Is(got, err) {
		t.Errorf("%v does not match %v", got, err)
	}
}

// None of the four interceptors answers OK unless the call ran, however the context
// ended.
func TestOKMeansThatTheCallRanForEveryEndOfAContext(t *testing.T) {
	wide, _ := watched(1000, 0)
	full, _ := watched(1, 1)
	full.TryAcquire()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelLate()
	contexts := map[string]context.Context{
		"canceled": canceled, "late": late, "without an error": endedWithoutError{t.Context()},
	}
	for i, cause := range []error{nil, context.Canceled, context.DeadlineExceeded, errorOfAnyKind{}, &bulk.AdmissionError{}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		contexts[fmt.Sprint("cause ", i)] = ctx
		ctx, cancelLate := context.WithTimeoutCause(t.Context(), time.Nanosecond, cause) // perhaps not done yet
		defer cancelLate()
		contexts[fmt.Sprint("deadline with cause ", i)] = ctx
	}
	for name, ctx := range contexts {
		for _, b := range []*bulk.Bulkhead{wide, full} {
			for form, err := range throughAll(ctx, b) {
				if err.err == nil && !err.ran || err.err != nil && (status.Code(err.err) == codes.OK || err.ran) {
					t.Errorf("%s, %s: %v, ran %v", name, form, err.err, err.ran)
				}
			}
		}
	}
}

type outcome struct {
	err error
	ran bool
}

// throughAll makes one call through each of the interceptors.
func throughAll(ctx context.Context, b *bulk.Bulkhead) map[string]outcome {
	of := func(string) *bulk.Bulkhead { return b }
	all := map[string]outcome{}
	for form, call := range map[string]func(ran *bool) error{
		"unary server": func(ran *bool) error {
			_, err := limitUnary(of)(ctx, nil, &grpc.UnaryServerInfo{}, func(context.Context, any) (any, error) { *ran = true; return nil, nil })
			return err
		},
		"stream server": func(ran *bool) error {
			return limitStream(of)(nil, stream{ctx: ctx}, &grpc.StreamServerInfo{}, func(any, grpc.ServerStream) error { *ran = true; return nil })
		},
		"unary client": func(ran *bool) error {
			return limitUnaryClient(of)(ctx, "", nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				*ran = true
				return nil
			})
		},
		"stream client": func(ran *bool) error {
			_, err := limitStreamClient(of)(ctx, nil, nil, "", func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				*ran = true
				return nil, nil
			})
			return err
		},
	} {
		o := outcome{}
		o.err = call(&o.ran)
		all[form] = o
	}
	return all
}

// The deadlines of the callers equal the wait limit, on a busy machine, so the bulkhead
// and the context decide at the same instant, in either order.
func TestRejectionAtTheDeadlineIsNotAnsweredWithOK(t *testing.T) {
	const wait = 2 * time.Millisecond
	b := bulk.Must(bulk.New("orders", 1, bulk.WaitingRoom(1000), bulk.WaitLimit(wait)))
	b.TryAcquire()
	var callers sync.WaitGroup
	for range 500 {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			for form, o := range throughAll(ctx, b) {
				if code := status.Code(o.err); code != codes.ResourceExhausted && code != codes.DeadlineExceeded {
					t.Errorf("%s: %v", form, o.err)
				}
			}
		})
	}
	callers.Wait()
}

type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// call 1: answered
	// call 2: answered
	// call 3: answered
	// call 4: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
	// call 5: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
}

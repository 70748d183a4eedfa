package bulkgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func TestEachReasonHasItsCode(t *testing.T) {
	full, _ := occupied(t)
	waits, _ := occupied(t, bulk.WaitingRoom(1), bulk.WaitLimit(1))
	closed, _ := watched(t, 1)
	closed.Close()
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("bad postcode"))
	late, cancelLate := context.WithTimeout(t.Context(), 0)
	defer cancelLate()
	for _, c := range []struct {
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
	} {
		for form, o := range throughAll(c.ctx, bulkgrpc.New(c.b), "") {
			if status.Code(o.err) != c.want || o.ran || !bulk.NotStarted(o.err, c.b) {
				t.Errorf("%s: %s: %v, want %v; ran %v", c.why, form, o.err, c.want, o.ran)
			}
			hint := false
			for _, d := range status.Convert(o.err).Details() {
				info, ok := d.(*errdetails.RetryInfo)
				hint = ok && info.GetRetryDelay().AsDuration() >= time.Second
			}
			if hint != (c.want == codes.ResourceExhausted) {
				t.Errorf("%s: %s: has RetryInfo: %v", c.why, form, hint)
			}
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
	got := bulkgrpc.Rejection(err)
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
	wide, _ := watched(t, 1000)
	full, _ := occupied(t, bulk.WaitingRoom(1))
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
			for form, o := range throughAll(ctx, bulkgrpc.New(b), "") {
				if o.err == nil && !o.ran || o.err != nil && (status.Code(o.err) == codes.OK || o.ran) {
					t.Errorf("%s, %s: %v, ran %v", name, form, o.err, o.ran)
				}
			}
		}
	}
}

// The deadlines of the callers equal the wait limit, on a busy machine, so the bulkhead
// and the context decide at the same instant, in either order.
func TestRejectionAtTheDeadlineIsNotAnsweredWithOK(t *testing.T) {
	const wait = 2 * time.Millisecond
	b := bulk.Must(bulk.New("orders", 1, bulk.WaitingRoom(1000), bulk.WaitLimit(wait)))
	b.TryAcquire()
	limit := bulkgrpc.New(b)
	var callers sync.WaitGroup
	for range 500 {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			for form, o := range throughAll(ctx, limit, "") {
				if code := status.Code(o.err); code != codes.ResourceExhausted && code != codes.DeadlineExceeded {
					t.Errorf("%s: %v", form, o.err)
				}
			}
		})
	}
	callers.Wait()
}

type outcome struct {
	err error
	ran bool
}

// throughAll makes one call through each of the interceptors. The calls end immediately
// without an error.
func throughAll(ctx context.Context, limit *bulkgrpc.Interceptors, method string) map[string]outcome {
	all := map[string]outcome{}
	for form, call := range map[string]func(ran *bool) error{
		"unary server": func(ran *bool) error {
			_, err := limit.UnaryServer(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { *ran = true; return nil, nil })
			return err
		},
		"stream server": func(ran *bool) error {
			return limit.StreamServer(nil, fakeStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: method}, func(any, grpc.ServerStream) error { *ran = true; return nil })
		},
		"unary client": func(ran *bool) error {
			return limit.UnaryClient(ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				*ran = true
				return nil
			})
		},
		"stream client": func(ran *bool) error {
			_, err := limit.StreamClient(ctx, nil, nil, method, func(_ context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				*ran = true
				for _, opt := range opts {
					if finish, ok := opt.(grpc.OnFinishCallOption); ok {
						finish.OnFinish(nil)
					}
				}
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

type fakeStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s fakeStream) Context() context.Context { return s.ctx }

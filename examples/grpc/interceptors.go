package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// bulkheadOf returns the bulkhead of a method, such as "/shop.Orders/Place",
// or nil if the method is not limited. Do not limit health checks: a busy server is
// healthy.
type bulkheadOf func(fullMethod string) *bulk.Bulkhead

// limitUnary returns a server interceptor whose calls hold a slot until the
// handler returns or panics.
func limitUnary(of bulkheadOf) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		b := of(info.FullMethod)
		if b == nil {
			return handler(ctx, request)
		}
		slot, err := b.Acquire(ctx)
		if err != nil {
			return nil, rejection(err)
		}
		defer slot.Release()
		return handler(ctx, request)
	}
}

// limitStream is limitUnary for streams. A stream holds its slot from before its
// first message until the handler returns. Give streams that stay open for hours a
// separate bulkhead, with one slot for each stream that may be open.
func limitStream(of bulkheadOf) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		b := of(info.FullMethod)
		if b == nil {
			return handler(server, stream)
		}
		slot, err := b.Acquire(stream.Context())
		if err != nil {
			return rejection(err)
		}
		defer slot.Release()
		return handler(server, stream)
	}
}

// limitUnaryClient returns a client interceptor whose calls hold a slot until the
// answer has arrived. A rejected call is not sent.
func limitUnaryClient(of bulkheadOf) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		b := of(method)
		if b == nil {
			return invoke(ctx, method, request, reply, conn, opts...)
		}
		slot, err := b.Acquire(ctx)
		if err != nil {
			return rejection(err)
		}
		defer slot.Release()
		return invoke(ctx, method, request, reply, conn, opts...)
	}
}

// limitStreamClient is limitUnaryClient for streams. A stream holds its slot
// until gRPC finishes it: when it was read to its end, when it fails, or when its
// context ends. A stream that is abandoned without one of these holds its slot, like
// its other resources, until the connection is closed.
func limitStreamClient(of bulkheadOf) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		b := of(method)
		if b == nil {
			return open(ctx, desc, conn, method, opts...)
		}
		slot, err := b.Acquire(ctx)
		if err != nil {
			return nil, rejection(err)
		}
		opened := false
		defer func() {
			if !opened { // an error, or a panic of an interceptor inside this one
				slot.Release()
			}
		}()
		release := grpc.OnFinish(func(error) { slot.Release() })
		stream, err := open(ctx, desc, conn, method, append(opts[:len(opts):len(opts)], release)...)
		opened = err == nil
		return stream, err
	}
}

// rejected is the error of a call that was not admitted. It has a gRPC status, and
// wraps the error of the bulkhead for errors.Is and bulk.NotStarted.
type rejected struct {
	status *status.Status
	err    error
}

func (r *rejected) Error() string              { return r.status.Err().Error() }
func (r *rejected) GRPCStatus() *status.Status { return r.status }
func (r *rejected) Unwrap() error              { return r.err }

// rejection returns the error of a call that was not admitted. err is the error that
// Acquire returned.
//
//	saturated, expired   RESOURCE_EXHAUSTED, with RetryInfo
//	closed               UNAVAILABLE
//	canceled             DEADLINE_EXCEEDED if err matches context.DeadlineExceeded, else CANCELLED
//	anything else        INTERNAL
//
// The code depends on err alone, and is never OK. Do not derive it from the context:
// status.FromContextError(ctx.Err()) is OK for a context that is not done, and the
// client would take a call that never started for one that succeeded.
//
// Overload is RESOURCE_EXHAUSTED. UNAVAILABLE is defensible, but clients and meshes
// are commonly configured to retry UNAVAILABLE automatically and immediately, which
// adds load to an overloaded server. For a server that shuts down such a retry is
// right: the call was never started, and another server can serve it.
// DEADLINE_EXCEEDED would be wrong, because a limit of the server passed, not the
// deadline of the caller.
func rejection(err error) error {
	text := "bulkhead: rejected without an error"
	if err != nil {
		text = strings.ToValidUTF8(err.Error(), "\uFFFD") // a status with other bytes can't be sent
	}
	switch {
	case errors.Is(err, bulk.ErrCanceled):
		code := codes.Canceled
		if errors.Is(err, context.DeadlineExceeded) {
			code = codes.DeadlineExceeded
		}
		return &rejected{status.New(code, text), err}
	case errors.Is(err, bulk.ErrClosed):
		return &rejected{status.New(codes.Unavailable, text), err}
	case errors.Is(err, bulk.ErrOverload):
		s := status.New(codes.ResourceExhausted, text)
		// It is unknown when the load falls. The delay is random so that callers
		// rejected together do not return together.
		after := time.Second + rand.N(2*time.Second)
		if detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			s = detailed
		}
		return &rejected{s, err}
	default:
		return &rejected{status.New(codes.Internal, text), err}
	}
}

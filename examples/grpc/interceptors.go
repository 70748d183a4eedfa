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

// compartmentOf returns the bulkhead of a method, such as "/shop.Orders/Place",
// or nil if the method is not limited. Do not limit health checks: a busy server
// is not ill.
type compartmentOf func(fullMethod string) *bulk.Bulkhead

// limitUnary returns a server interceptor whose calls hold a slot until the
// handler returns. gRPC lets a panic end the process; if an interceptor around
// this one recovers the panic, the slot is free again.
func limitUnary(compartment compartmentOf) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		b := compartment(info.FullMethod)
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

// limitStream is limitUnary for streams: a stream holds its slot for its whole
// life, from before its first message until the handler returns. Give streams
// that stay open for hours a bulkhead of their own, with one slot for each
// stream that may be open.
func limitStream(compartment compartmentOf) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		b := compartment(info.FullMethod)
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

// limitUnaryClient returns a client interceptor whose calls hold a slot until
// the answer is there. A rejected call is not sent.
func limitUnaryClient(compartment compartmentOf) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		b := compartment(method)
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
// until gRPC has finished it: it was read to its end, it failed, or its ctx
// ended. A stream that is dropped without one of these holds its slot until the
// connection is closed, as it holds its other resources.
func limitStreamClient(compartment compartmentOf) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		b := compartment(method)
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

// rejected is the error of a call that was not admitted: a gRPC status for
// those who ask for its code, and the error of the bulkhead for errors.Is and
// bulk.NotStarted.
type rejected struct {
	status *status.Status
	err    error
}

func (r *rejected) Error() string              { return r.status.Err().Error() }
func (r *rejected) GRPCStatus() *status.Status { return r.status }
func (r *rejected) Unwrap() error              { return r.err }

// rejection returns the error of a call that was not admitted, from what the
// bulkhead's Acquire returned.
//
//	saturated, expired   RESOURCE_EXHAUSTED, with RetryInfo
//	closed               UNAVAILABLE
//	canceled             DEADLINE_EXCEEDED if err matches context.DeadlineExceeded, else CANCELLED
//	anything else        INTERNAL
//
// The code comes from err alone, and each path names a code that is not OK.
// Never ask the context instead: status.FromContextError(ctx.Err()) is OK for a
// context that is not done, and the client would take a call that never started
// for one that succeeded.
//
// Overload is not UNAVAILABLE, although that is defensible too, because clients
// and meshes are commonly set to retry UNAVAILABLE immediately and without being
// asked, which adds load to a server that has too much. A server that shuts down
// wants exactly that: the call was never started, and another server takes it.
// Overload is not DEADLINE_EXCEEDED either: the server's limit passed, not the
// caller's.
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
		// Nobody knows when the load will be lower. The delay is random so that
		// callers rejected together do not return together.
		after := time.Second + rand.N(2*time.Second)
		if detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			s = detailed
		}
		return &rejected{s, err}
	default:
		return &rejected{status.New(codes.Internal, text), err}
	}
}

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// compartmentOf says through which bulkhead a method goes, such as
// "/shop.Orders/Place"; nil: through none. Keep health checks out: a server that
// is busy is not ill.
type compartmentOf func(fullMethod string) *bulk.Bulkhead

// limitUnary returns an interceptor whose calls hold a slot until the handler
// returns. gRPC lets a panic end the process; if an interceptor around this one
// recovers it, the slot is free again.
func limitUnary(compartment compartmentOf) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		b := compartment(info.FullMethod)
		if b == nil {
			return handler(ctx, request)
		}
		slot, err := b.Acquire(ctx)
		if err != nil {
			return nil, refusal(ctx, err)
		}
		defer slot.Release()
		return handler(ctx, request)
	}
}

// limitStream is limitUnary for streams: a stream holds its slot for its whole
// life, from before its first message until the handler returns. Streams that
// stay open for hours want a bulkhead of their own, with as many slots as there
// may be streams.
func limitStream(compartment compartmentOf) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		b := compartment(info.FullMethod)
		if b == nil {
			return handler(server, stream)
		}
		slot, err := b.Acquire(stream.Context())
		if err != nil {
			return refusal(stream.Context(), err)
		}
		defer slot.Release()
		return handler(server, stream)
	}
}

// refusal returns the status of a call that was turned away.
//
//	saturated, expired   RESOURCE_EXHAUSTED, with RetryInfo
//	closed               UNAVAILABLE
//	canceled            CANCELLED or DEADLINE_EXCEEDED, as the context says
//	oversized            INTERNAL: these interceptors ask for one slot
//
// Overload is not UNAVAILABLE, although that too is defensible, because it is
// the code that clients and meshes are commonly set to retry, at once and by
// themselves: the last thing that an overloaded server needs. Of a server that
// shuts down the same is welcome: the call was never started, and another
// server will take it. Overload is not DEADLINE_EXCEEDED either: it was our
// limit that passed, not the caller's.
func refusal(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, bulk.ErrCanceled):
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, bulk.ErrClosed):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, bulk.ErrOverload):
		s := status.New(codes.ResourceExhausted, err.Error())
		// Nobody knows when the load will be lower. It is the chance in it that
		// matters: those who came together should not come back together.
		after := time.Second + rand.N(2*time.Second)
		if detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			s = detailed
		}
		return s.Err()
	default:
		return status.Error(codes.Internal, err.Error())
	}
}

package bulkgrpc

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// reject returns the error of a call that was rejected with err.
func (i *Interceptors) reject(ctx context.Context, method string, err error) error {
	if f := i.config.onReject; f != nil {
		if replaced := f(ctx, method, err); status.Code(replaced) != codes.OK {
			return replaced
		}
	}
	return Rejection(err)
}

// Rejection returns the error of a call that a bulkhead rejected with err. It wraps err
// and has a gRPC status:
//
//	saturated, expired, too many keys   RESOURCE_EXHAUSTED, with RetryInfo
//	closed                              UNAVAILABLE
//	canceled                            DEADLINE_EXCEEDED if err matches context.DeadlineExceeded, else CANCELLED
//	anything else                       INTERNAL
//
// Handlers can return it when a bulkhead inside the handler rejected an operation:
// gRPC answers UNKNOWN for an error without a status.
//
// The code depends on err alone, and is never OK, also for a nil err. Do not derive a
// code from the context: status.FromContextError(ctx.Err()) is OK for a context that is
// not done, and the client would take a call that never started for one that succeeded.
//
// Overload is RESOURCE_EXHAUSTED. UNAVAILABLE is defensible, but clients and meshes
// are commonly configured to retry UNAVAILABLE automatically and immediately, which
// adds load to an overloaded server. For a server that shuts down such a retry is
// right: the call was never started, and another server can serve it.
// DEADLINE_EXCEEDED would be wrong, because a limit of the server passed, not the
// deadline of the caller.
//
// The delay of RetryInfo is random, between one and three seconds: it is unknown when
// the load falls, and callers rejected together must not return together.
func Rejection(err error) error {
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
		after := time.Second + rand.N(2*time.Second)
		if detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			s = detailed
		}
		return &rejected{s, err}
	default:
		return &rejected{status.New(codes.Internal, text), err}
	}
}

// rejected is the error of a call that was not admitted. It has a gRPC status, and
// wraps the error of the bulkhead for errors.Is and bulk.NotStarted.
type rejected struct {
	status *status.Status
	err    error
}

func (r *rejected) Error() string { return r.status.Err().Error() }

// GRPCStatus returns the status that package status of gRPC finds in an error.
func (r *rejected) GRPCStatus() *status.Status { return r.status }

// Unwrap returns the error of the bulkhead.
func (r *rejected) Unwrap() error { return r.err }

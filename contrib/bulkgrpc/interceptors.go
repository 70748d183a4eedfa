package bulkgrpc

import (
	"context"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/registry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Interceptors has an interceptor for each of the four kinds of calls. Create it with
// [New], [NewSelected] or [NewKeyed]. It may be used concurrently, by any number of
// servers and clients. Calls of a server and of a client that use the same Interceptors
// share its bulkheads.
type Interceptors struct {
	admission admission
	config    Config
}

// admission admits calls by their method, such as "/shop.Orders/Place". A call that is
// not limited gets the zero Slot.
type admission interface {
	acquire(ctx context.Context, method string, c Config) (bulk.Slot, error)
}

// New returns interceptors that put all methods behind b, except those of the health
// service, because a busy server is healthy. A nil b panics, and so does a nil option.
func New(b *bulk.Bulkhead, opts ...Option) *Interceptors {
	mustHave(b != nil, "New: nil bulkhead")
	return newInterceptors(selected(func(_ context.Context, method string) *bulk.Bulkhead {
		if isHealth(method) {
			return nil
		}
		return b
	}), opts)
}

// NewSelected returns interceptors that put each call behind the bulkhead that of
// returns for it. A call for which of returns nil is not limited.
//
// The method has the form "/shop.Orders/Place". On a server, ctx has the metadata and
// the peer of the call. Do not limit health checks: a busy server is healthy. of runs
// on the goroutine of the call, so it should return quickly. A nil of panics, and so
// does a nil option.
func NewSelected(of func(ctx context.Context, method string) *bulk.Bulkhead, opts ...Option) *Interceptors {
	mustHave(of != nil, "NewSelected: nil function")
	return newInterceptors(selected(of), opts)
}

// NewKeyed returns interceptors that put each call behind the bulkhead of its key in k.
// A call for which keyOf returns false is not limited. See [NewSelected] for the
// arguments of keyOf. [Service] is a keyOf.
//
// A key that comes from the client, such as a tenant in the metadata, must be
// authenticated first: an interceptor before this one can do that. A nil k or keyOf
// panics, and so does a nil option.
func NewKeyed[K comparable](k *registry.Keyed[K], keyOf func(ctx context.Context, method string) (key K, limited bool), opts ...Option) *Interceptors {
	mustHave(k != nil, "NewKeyed: nil Keyed")
	mustHave(keyOf != nil, "NewKeyed: nil function")
	return newInterceptors(keyed[K]{k, keyOf}, opts)
}

func newInterceptors(a admission, opts []Option) *Interceptors {
	return &Interceptors{a, newConfig(opts)}
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("bulkgrpc: " + what)
	}
}

// Service returns the service of a method, such as "shop.Orders" for
// "/shop.Orders/Place", and false for the health service. With [NewKeyed], each service
// gets a bulkhead of its own.
func Service(_ context.Context, method string) (service string, limited bool) {
	service = strings.TrimPrefix(method, "/")
	if i := strings.LastIndexByte(service, '/'); i >= 0 {
		service = service[:i]
	}
	return service, !isHealth(method)
}

func isHealth(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }

// UnaryServer is a [grpc.UnaryServerInterceptor].
func (i *Interceptors) UnaryServer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	slot, err := i.acquire(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	reply, err := handler(ctx, request)
	return reply, ran(ctx, slot, err)
}

// StreamServer is a [grpc.StreamServerInterceptor].
func (i *Interceptors) StreamServer(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := stream.Context()
	slot, err := i.acquire(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	defer slot.Release()
	return ran(ctx, slot, handler(server, stream))
}

// UnaryClient is a [grpc.UnaryClientInterceptor].
func (i *Interceptors) UnaryClient(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	slot, err := i.acquire(ctx, method)
	if err != nil {
		return err
	}
	defer slot.Release()
	return ran(ctx, slot, invoke(ctx, method, request, reply, conn, opts...))
}

// StreamClient is a [grpc.StreamClientInterceptor].
func (i *Interceptors) StreamClient(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	slot, err := i.acquire(ctx, method)
	if err != nil {
		return nil, err
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
	return stream, ran(ctx, slot, err)
}

// acquire returns the slots of a call, or the error of the call if it is rejected.
func (i *Interceptors) acquire(ctx context.Context, method string) (bulk.Slot, error) {
	slot, err := i.admission.acquire(ctx, method, i.config)
	if err != nil {
		return bulk.Slot{}, i.reject(ctx, method, err)
	}
	return slot, nil
}

// ran returns the error of a call that ran, so that it does not say that the call was not
// started: see [bulk.Run].
func ran(ctx context.Context, slot bulk.Slot, err error) error {
	if err == nil || slot == (bulk.Slot{}) {
		return err
	}
	marked := hooks.Ran(ctx, slot, err)
	if original, ok := err.(withStatus); ok {
		if _, kept := marked.(withStatus); !kept {
			return &markedStatus{marked, original}
		}
	}
	return marked
}

// withStatus is an error with a gRPC status.
type withStatus interface{ GRPCStatus() *status.Status }

// markedStatus is an error of ran that has the status of the original error itself.
// gRPC puts the text of the outer error into the message of a status that it unwraps.
type markedStatus struct {
	error
	withStatus
}

// Unwrap returns the error that says nothing about an operation that was not started.
func (m *markedStatus) Unwrap() error { return m.error }

// selected is the admission by a function that chooses the bulkhead; nil is no limit.
type selected func(ctx context.Context, method string) *bulk.Bulkhead

func (of selected) acquire(ctx context.Context, method string, c Config) (bulk.Slot, error) {
	b := of(ctx, method)
	if b == nil {
		return bulk.Slot{}, nil
	}
	return b.AcquireN(ctx, c.slotsOf(ctx, method), c.limit)
}

// keyed is the admission by a key.
type keyed[K comparable] struct {
	keyed *registry.Keyed[K]
	keyOf func(ctx context.Context, method string) (K, bool)
}

func (a keyed[K]) acquire(ctx context.Context, method string, c Config) (bulk.Slot, error) {
	key, limited := a.keyOf(ctx, method)
	if !limited {
		return bulk.Slot{}, nil
	}
	return a.keyed.AcquireN(ctx, key, c.slotsOf(ctx, method), c.limit)
}

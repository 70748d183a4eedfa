package bulkgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkgrpc"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestHealthChecksAreNotLimitedByNewAndService(t *testing.T) {
	b, _ := occupied(t)
	services, err := registry.NewKeyed[string]("services", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := services.Acquire(t.Context(), "shop.Orders")
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	for name, limit := range map[string]*bulkgrpc.Interceptors{"New": bulkgrpc.New(b), "Service": bulkgrpc.NewKeyed(services, bulkgrpc.Service)} {
		for method, want := range map[string]codes.Code{
			"/grpc.health.v1.Health/Check": codes.OK,
			"/grpc.health.v1.Health/Watch": codes.OK,
			"/shop.Orders/Place":           codes.ResourceExhausted,
		} {
			for form, o := range throughAll(t.Context(), limit, method) {
				if status.Code(o.err) != want || o.ran != (want == codes.OK) {
					t.Errorf("%s: %s of %s: %v", name, form, method, o.err)
				}
			}
		}
	}
	if s := services.Status(); s.Keys != 1 {
		t.Errorf("health checks made a key: %v", s)
	}
}

func TestEachCallIsInTheBulkheadThatIsSelectedForIt(t *testing.T) {
	full, _ := occupied(t)
	free, _ := watched(t, 1)
	limit := bulkgrpc.NewSelected(func(_ context.Context, method string) *bulk.Bulkhead {
		return map[string]*bulk.Bulkhead{"/a/full": full, "/a/free": free}[method]
	})
	for method, want := range map[string]codes.Code{"/a/full": codes.ResourceExhausted, "/a/free": codes.OK, "/a/other": codes.OK} {
		for form, o := range throughAll(t.Context(), limit, method) {
			if status.Code(o.err) != want || o.ran != (want == codes.OK) {
				t.Errorf("%s of %s: %v", form, method, o.err)
			}
		}
	}
	if n := free.Status().Totals.Admitted; n != 4 {
		t.Errorf("%d admitted, want 4", n)
	}
}

// The key comes from the metadata, through a real server. A busy tenant does not harm
// another one, and a call without a tenant is not limited.
func TestEachKeyHasItsOwnSlots(t *testing.T) {
	leaktest.Goroutines(t)
	tenants, err := registry.NewKeyed[string]("tenants", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	tenantOf := func(ctx context.Context, _ string) (string, bool) {
		names := metadata.ValueFromIncomingContext(ctx, "tenant")
		if len(names) == 0 {
			return "", false
		}
		return names[0], true
	}
	client := serve(t, bulkgrpc.NewKeyed(tenants, tenantOf), service{unary: func(context.Context) error { return nil }, stream: echo})
	as := func(tenant string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "tenant", tenant)
	}
	busy, cancel := context.WithCancel(as("busy"))
	defer cancel()
	stream, err := client.FullDuplexCall(busy)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pb.StreamingOutputCallRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	call := func(ctx context.Context, want codes.Code) {
		t.Helper()
		if _, err := client.EmptyCall(ctx, &pb.Empty{}); status.Code(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	call(as("busy"), codes.ResourceExhausted)
	call(as("quiet"), codes.OK)
	call(t.Context(), codes.OK)
	slot, err := tenants.Acquire(t.Context(), "quiet")
	if err != nil {
		t.Fatal(err)
	}
	call(as("third"), codes.ResourceExhausted) // too many keys
	slot.Release()
	call(as("third"), codes.OK)
	cancel()
	for tenants.Status().InFlight != 0 {
		time.Sleep(time.Millisecond) // the server sees that the client left
	}
	if s := tenants.Status(); s.TooManyKeys != 1 || s.Totals.Saturated != 1 {
		t.Errorf("%v", s)
	}
}

func TestRejectionsOfAKeyedAreExact(t *testing.T) {
	tenants, err := registry.NewKeyed[string]("tenants", 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	limit := bulkgrpc.NewKeyed(tenants, func(_ context.Context, method string) (string, bool) { return method, true })
	for _, nested := range []string{"same", "other"} { // saturated, too many keys
		_, err = limit.UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "same"}, func(ctx context.Context, _ any) (any, error) {
			return limit.UnaryServer(ctx, nil, &grpc.UnaryServerInfo{FullMethod: nested}, func(context.Context, any) (any, error) {
				t.Error("the nested call was admitted")
				return nil, nil
			})
		})
		if status.Code(err) != codes.ResourceExhausted || tenants.NotStarted(err) {
			t.Errorf("%s: %v, not started %v", nested, err, tenants.NotStarted(err))
		}
	}
	if err := tenants.Close(); err != nil {
		t.Fatal(err)
	}
	for form, o := range throughAll(t.Context(), limit, "same") {
		if status.Code(o.err) != codes.Unavailable || !tenants.NotStarted(o.err) {
			t.Errorf("%s after Close: %v", form, o.err)
		}
	}
}

func TestLimitsBoundTheWaitOfEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := occupied(t, bulk.WaitingRoom(1))
		limit := bulkgrpc.New(b, bulkgrpc.Limits(deadline.Within(time.Minute)), bulkgrpc.Limits(deadline.Within(time.Second), deadline.Within(time.Hour)))
		for form, o := range throughAll(t.Context(), limit, "") {
			var rejection *bulk.AdmissionError
			if !errors.As(o.err, &rejection) || rejection.Reason != bulk.Expired || rejection.Limit != time.Second || o.ran {
				t.Errorf("%s: %v", form, o.err)
			}
		}
	})
}

func TestCallHoldsTheSlotsThatItNeeds(t *testing.T) {
	weight := map[string]int{"/shop.Orders/Place": 1, "/shop.Orders/Export": 3, "/shop.Orders/All": 5, "/shop.Orders/None": 0, "/shop.Orders/Less": -1}
	slots := bulkgrpc.Slots(func(_ context.Context, method string) int { return weight[method] })
	b, _ := watched(t, 4)
	services, err := registry.NewKeyed[string]("services", 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]*bulkgrpc.Interceptors{"New": bulkgrpc.New(b, slots), "NewKeyed": bulkgrpc.NewKeyed(services, bulkgrpc.Service, slots)} {
		_, err := limit.UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/Export"}, func(context.Context, any) (any, error) {
			if n := b.Status().InUse + services.Status().InUse; n != 3 {
				t.Errorf("%s: %d slots in use", name, n)
			}
			for method, want := range map[string]error{
				"/shop.Orders/Place": nil, "/shop.Orders/Export": bulk.ErrSaturated, "/shop.Orders/All": bulk.ErrOversized,
				"/shop.Orders/None": bulk.ErrConfig, "/shop.Orders/Less": bulk.ErrConfig,
			} {
				for form, o := range throughAll(t.Context(), limit, method) {
					code := map[error]codes.Code{bulk.ErrSaturated: codes.ResourceExhausted, bulk.ErrOversized: codes.Internal, bulk.ErrConfig: codes.Internal}[want]
					if o.ran != (want == nil) || !errors.Is(o.err, want) || status.Code(o.err) != code {
						t.Errorf("%s: %s: %s: %v, ran %v", name, form, method, o.err, o.ran)
					}
					if errors.Is(o.err, bulk.ErrNotStarted) != (want == bulk.ErrSaturated || want == bulk.ErrOversized) {
						t.Errorf("%s: %s: %s: not started: %v", name, form, method, o.err)
					}
				}
			}
			return nil, nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := services.Status().InUse; n != 0 {
		t.Errorf("%d slots of services in use at the end", n)
	}
}

func TestOnRejectReplacesTheErrorButNotWithOK(t *testing.T) {
	b, _ := occupied(t)
	own := status.Error(codes.Aborted, "busy")
	for name, c := range map[string]struct {
		replaced error
		want     codes.Code
	}{
		"own error": {own, codes.Aborted}, "no status": {errors.New("busy"), codes.Unknown},
		"nil": {nil, codes.ResourceExhausted}, "OK": {errorOfAnyKind{}, codes.ResourceExhausted},
		"OK inside": {fmt.Errorf("busy: %w", errorOfAnyKind{}), codes.ResourceExhausted},
	} {
		calls := 0
		limit := bulkgrpc.New(b, bulkgrpc.OnReject(func(ctx context.Context, method string, err error) error {
			calls++
			if method != "/shop.Orders/Place" || ctx.Err() != nil || !bulk.NotStarted(err, b) {
				t.Errorf("%s: given %v, %q, %v", name, ctx, method, err)
			}
			return c.replaced
		}))
		for form, o := range throughAll(t.Context(), limit, "/shop.Orders/Place") {
			if status.Code(o.err) != c.want || o.err == nil || o.ran {
				t.Errorf("%s: %s: %v, want %v", name, form, o.err, c.want)
			}
		}
		if calls != 4 {
			t.Errorf("%s: called %d times, want 4", name, calls)
		}
	}
}

func TestBadArgumentsPanic(t *testing.T) {
	b, _ := watched(t, 1)
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 1)
	for want, f := range map[string]func(){
		"bulkgrpc: New: nil bulkhead":         func() { bulkgrpc.New(nil) },
		"bulkgrpc: option: nil option":        func() { bulkgrpc.New(b, nil) },
		"bulkgrpc: NewSelected: nil function": func() { bulkgrpc.NewSelected(nil) },
		"bulkgrpc: NewKeyed: nil Keyed":       func() { bulkgrpc.NewKeyed[string](nil, bulkgrpc.Service) },
		"bulkgrpc: NewKeyed: nil function":    func() { bulkgrpc.NewKeyed(tenants, nil) },
		"bulkgrpc: OnReject: nil function":    func() { bulkgrpc.OnReject(nil) },
		"bulkgrpc: Slots: nil function":       func() { bulkgrpc.Slots(nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			f()
		}()
	}
}

func TestServiceIsTheMethodWithoutItsLastPart(t *testing.T) {
	for method, want := range map[string]string{
		"/shop.Orders/Place": "shop.Orders", "shop.Orders/Place": "shop.Orders", "/a/b/c": "a/b", "/": "", "": "", "alone": "alone",
	} {
		if got, limited := bulkgrpc.Service(t.Context(), method); got != want || !limited {
			t.Errorf("Service(%q) = %q, %v, want %q, true", method, got, limited, want)
		}
	}
}

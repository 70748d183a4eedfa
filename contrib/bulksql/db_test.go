package bulksql_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

// All callers arrive while the connections are in use. They wait in the bulkhead, which
// has a bound, and none waits in database/sql: openPool checks that.
func TestNoCallerWaitsForAConnection(t *testing.T) {
	const conns, room, callers = 2, 3, 20
	d, pool := open(t, conns, bulk.WaitingRoom(room))
	busy, err := d.Bulkhead().AcquireN(t.Context(), conns)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			_, err := bulksql.Query(t.Context(), d, bulksql.Value[int], "SELECT n FROM numbers")
			errs <- err
		})
	}
	for range callers - room {
		if err := <-errs; !errors.Is(err, bulk.ErrSaturated) || !bulk.NotStarted(err, d.Bulkhead()) {
			t.Error(err)
		}
	}
	busy.Release()
	for range room {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	checkFree(t, "at the end", d, pool)
}

func TestCallerWhoseCtxEndsWhileItWaitsDoesNotStart(t *testing.T) {
	d, _ := open(t, 1, bulk.WaitingRoom(1))
	slot, err := d.Bulkhead().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	_, err = bulksql.Exec(soon(t), d, "DELETE FROM numbers")
	if !errors.Is(err, bulk.ErrCanceled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestPoolMustBeAsLargeAsTheParallelism(t *testing.T) {
	pool := openPool(t, 10)
	unbounded := openPool(t, 0)
	of := func(n int) *bulk.Bulkhead { return bulk.Must(bulk.New("orders", n)) }
	for _, c := range []struct {
		pool *sql.DB
		b    *bulk.Bulkhead
		opts []bulksql.Option
		want string
	}{
		{pool, of(9), nil, ""},
		{pool, of(10), nil, ""},
		{pool, of(11), nil, `bulkhead "orders": parallelism 11: must be at most 10, the MaxOpenConns of the pool`},
		{unbounded, of(1000), nil, ""},
		{pool, of(bulk.Unlimited), nil, ""},
		{pool, of(5), []bulksql.Option{bulksql.SharedWith(of(5))}, ""},
		{pool, of(5), []bulksql.Option{bulksql.SharedWith(of(2), of(3))}, ""},
		{pool, of(5), []bulksql.Option{bulksql.SharedWith(of(2)), bulksql.SharedWith(of(4))},
			`bulkhead "orders": parallelism 11: must be at most 10, the MaxOpenConns of the pool, for this bulkhead and 2 others together`},
		{pool, of(5), []bulksql.Option{bulksql.SharedWith(of(bulk.Unlimited), of(5))}, ""},
	} {
		_, err := bulksql.New(c.pool, c.b, c.opts...)
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var config *bulk.ConfigError
		if !errors.As(err, &config) || !errors.Is(err, bulk.ErrConfig) || config.Field != "parallelism" || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestCheckPoolFindsAChangeThatNewDidNotSee(t *testing.T) {
	pool := openPool(t, 2)
	d := wrap(t, pool, 2)
	if err := d.Bulkhead().Resize(3); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckPool(); !errors.Is(err, bulk.ErrConfig) {
		t.Error(err)
	}
	pool.SetMaxOpenConns(3)
	if err := d.CheckPool(); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfWithBoundTheWaitAndLeaveTheDBUnchanged(t *testing.T) {
	d, _ := open(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Millisecond))
	slot, err := d.Bulkhead().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	limited := d.With(deadline.Within(time.Hour)).With(deadline.NoWait())
	if _, err := bulksql.Exec(t.Context(), limited, "DELETE FROM numbers"); !errors.Is(err, bulk.ErrSaturated) {
		t.Errorf("with NoWait: %v", err)
	}
	if _, err := bulksql.Exec(t.Context(), d, "DELETE FROM numbers"); !errors.Is(err, bulk.ErrExpired) {
		t.Errorf("without it: %v", err)
	}
}

type tenant struct{}

func TestNoKeyUsesTheConnectionsOfTheOthers(t *testing.T) {
	pool := openPool(t, 2)
	b := bulk.Must(bulk.New("orders", 2, bulk.WaitingRoom(1)))
	leaktest.Slots(t, b)
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	d, err := bulksql.New(pool, b, bulksql.PerKey(tenants, func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(tenant{}).(string)
		return name, ok
	}))
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string) context.Context { return context.WithValue(t.Context(), tenant{}, name) }
	get := func(ctx context.Context, d *bulksql.DB) error {
		_, err := bulksql.QueryRow(ctx, d, bulksql.Value[int], "SELECT 1")
		return err
	}
	err = bulksql.Conn(as("busy"), d, func(context.Context, *sql.Conn) error {
		if err := get(as("busy"), d); !tenants.NotStarted(err) || bulk.NotStarted(err, b) {
			t.Errorf("the busy tenant: %v", err)
		}
		if err := get(as("quiet"), d); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		if err := get(t.Context(), d); err != nil {
			t.Errorf("no tenant: %v", err)
		}
		slot, ok := b.TryAcquire()
		if !ok {
			t.Fatal("no slot")
		}
		defer slot.Release()
		if err := get(as("quiet"), d.With(deadline.NoWait())); !bulk.NotStarted(err, b) {
			t.Errorf("no connection: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if s := tenants.Status(); s.InFlight != 0 || s.Totals.Admitted != 3 {
		t.Errorf("%v", s)
	}
}

// The operation waits for the slot of its key for 600 ms, and then for a connection.
func TestLimitBoundsTheWaitForTheKeyAndForTheConnectionTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := sql.Open("sqlite", ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		b := bulk.Must(bulk.New("orders", 1, bulk.WaitingRoom(1)))
		tenants, err := registry.NewKeyed[string]("tenants", 1, 10, registry.Each(bulk.WaitingRoom(1)))
		if err != nil {
			t.Fatal(err)
		}
		d, err := bulksql.New(pool, b, bulksql.PerKey(tenants, func(context.Context) (string, bool) { return "busy", true }))
		if err != nil {
			t.Fatal(err)
		}
		b.TryAcquire()
		slot, err := tenants.Acquire(t.Context(), "busy")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(600*time.Millisecond, slot.Release)
		start := time.Now()
		_, err = bulksql.Exec(t.Context(), d.With(deadline.Within(time.Second)), "SELECT 1")
		if !bulk.NotStarted(err, b) || !errors.Is(err, bulk.ErrExpired) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestBadOptionsAreErrorsAndBadArgumentsPanic(t *testing.T) {
	pool := openPool(t, 1)
	b := bulk.Must(bulk.New("orders", 1))
	if _, err := bulksql.New(pool, b, nil); !errors.Is(err, bulk.ErrConfig) || !errors.Is(err, option.ErrNil) || !strings.Contains(err.Error(), `bulksql: bulkhead "orders": `) {
		t.Errorf("nil option: %v", err)
	}
	d := wrap(t, pool, 1)
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 1)
	for want, f := range map[string]func(){
		"bulksql: New: nil pool":            func() { _, _ = bulksql.New(nil, b) },
		"bulksql: New: nil bulkhead":        func() { _, _ = bulksql.New(pool, nil) },
		"bulksql: SharedWith: nil bulkhead": func() { bulksql.SharedWith(b, nil) },
		"bulksql: PerKey: nil Keyed":        func() { bulksql.PerKey[string](nil, nil) },
		"bulksql: PerKey: nil function":     func() { bulksql.PerKey(tenants, nil) },
		"bulksql: Query: nil function":      func() { _, _ = bulksql.Query[int](t.Context(), d, nil, "") },
		"bulksql: QueryRow: nil function":   func() { _, _ = bulksql.QueryRow[int](t.Context(), d, nil, "") },
		"bulksql: Each: nil function":       func() { _ = bulksql.Each(t.Context(), d, nil, "") },
		"bulksql: Tx: nil function":         func() { _ = bulksql.Tx(t.Context(), d, nil, nil) },
		"bulksql: Conn: nil function":       func() { _ = bulksql.Conn(t.Context(), d, nil) },
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
	if n := d.Bulkhead().Status().Totals.Arrivals(); n != 0 {
		t.Errorf("%d arrivals, want 0", n)
	}
}

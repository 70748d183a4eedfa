package bulkpgx_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestPoolMustBeAsLargeAsTheParallelism(t *testing.T) {
	pool := openPool(t, 10)
	of := func(n int) *bulk.Bulkhead { return bulk.Must(bulk.New("orders", n)) }
	for _, c := range []struct {
		b    *bulk.Bulkhead
		opts []bulkpgx.Option
		want string
	}{
		{of(10), nil, ""},
		{of(11), nil, `bulkhead "orders": parallelism 11: must be at most 10, the MaxConns of the pool`},
		{of(bulk.Unlimited), nil, ""},
		{of(5), []bulkpgx.Option{bulkpgx.SharedWith(of(2), of(3))}, ""},
		{of(5), []bulkpgx.Option{bulkpgx.SharedWith(of(6))}, `bulkhead "orders": parallelism 11: must be at most 10, the MaxConns of the pool, for this bulkhead and 1 others together`},
	} {
		_, err := bulkpgx.New(pool, c.b, c.opts...)
		if c.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		var config *bulk.ConfigError
		if !errors.As(err, &config) || config.Field != "parallelism" || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestLimitsOfWithBoundTheWaitAndLeaveTheDBUnchanged(t *testing.T) {
	d, _ := open(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Millisecond))
	slot, err := d.Bulkhead().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	limited := d.With(deadline.NoWait())
	if _, err := limited.Exec(t.Context(), "DELETE FROM numbers"); !errors.Is(err, bulk.ErrSaturated) {
		t.Errorf("Exec with NoWait: %v", err)
	}
	if _, err := limited.Begin(t.Context()); !errors.Is(err, bulk.ErrSaturated) {
		t.Errorf("Begin with NoWait: %v", err)
	}
	if _, err := d.Begin(t.Context()); !errors.Is(err, bulk.ErrExpired) {
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
	d, err := bulkpgx.New(pool, b, bulkpgx.PerKey(tenants, func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(tenant{}).(string)
		return name, ok
	}))
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string) context.Context { return context.WithValue(t.Context(), tenant{}, name) }
	tx, err := d.Begin(as("busy"))
	if err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]func(context.Context, *bulkpgx.DB) error{
		"function": func(ctx context.Context, d *bulkpgx.DB) error {
			_, err := bulkpgx.QueryRow(ctx, d, pgx.RowTo[int], "SELECT 1")
			return err
		},
		"method": func(ctx context.Context, d *bulkpgx.DB) error { return d.QueryRow(ctx, "SELECT 1").Scan(nil) },
	} {
		if err := get(as("busy"), d); !tenants.NotStarted(err) || bulk.NotStarted(err, b) {
			t.Errorf("%s: the busy tenant: %v", name, err)
		}
		if err := get(as("quiet"), d); err != nil {
			t.Errorf("%s: another tenant: %v", name, err)
		}
		if err := get(t.Context(), d); err != nil {
			t.Errorf("%s: no tenant: %v", name, err)
		}
		slot, ok := b.TryAcquire()
		if !ok {
			t.Fatal("no slot")
		}
		if err := get(as("quiet"), d.With(deadline.NoWait())); !bulk.NotStarted(err, b) {
			t.Errorf("%s: no connection: %v", name, err)
		}
		slot.Release()
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if s := tenants.Status(); s.InFlight != 0 {
		t.Errorf("%v", s)
	}
}

func TestBadOptionsAreErrorsAndBadArgumentsPanic(t *testing.T) {
	pool := openPool(t, 1)
	b := bulk.Must(bulk.New("orders", 1))
	if _, err := bulkpgx.New(pool, b, nil); !errors.Is(err, bulk.ErrConfig) || !errors.Is(err, option.ErrNil) || !strings.Contains(err.Error(), `bulkpgx: bulkhead "orders": `) {
		t.Errorf("nil option: %v", err)
	}
	d := wrap(t, pool, 1)
	tenants, _ := registry.NewKeyed[string]("tenants", 1, 1)
	for want, f := range map[string]func(){
		"bulkpgx: New: nil pool":            func() { _, _ = bulkpgx.New(nil, b) },
		"bulkpgx: New: nil bulkhead":        func() { _, _ = bulkpgx.New(pool, nil) },
		"bulkpgx: SharedWith: nil bulkhead": func() { bulkpgx.SharedWith(b, nil) },
		"bulkpgx: PerKey: nil Keyed":        func() { bulkpgx.PerKey[string](nil, nil) },
		"bulkpgx: PerKey: nil function":     func() { bulkpgx.PerKey(tenants, nil) },
		"bulkpgx: Query: nil function":      func() { _, _ = bulkpgx.Query[int](t.Context(), d, nil, "") },
		"bulkpgx: QueryRow: nil function":   func() { _, _ = bulkpgx.QueryRow[int](t.Context(), d, nil, "") },
		"bulkpgx: Each: nil function":       func() { _ = bulkpgx.Each(t.Context(), d, nil, "") },
		"bulkpgx: Tx: nil function":         func() { _ = bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, nil) },
		"bulkpgx: Conn: nil function":       func() { _ = bulkpgx.Conn(t.Context(), d, (func(context.Context, *pgxpool.Conn) error)(nil)) },
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

package bulkpgx_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// All callers arrive while the connections are in use. They wait in the bulkhead, which
// has a bound, and none waits in the pool.
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
			_, err := bulkpgx.Query(t.Context(), d, pgx.RowTo[int], "SELECT n FROM numbers")
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

func TestQueriesReturnRows(t *testing.T) {
	d, pool := open(t, 1)
	all, err := bulkpgx.Query(t.Context(), d, pgx.RowTo[int], "SELECT n FROM numbers WHERE n > $1 ORDER BY n", 2)
	if err != nil || !slices.Equal(all, []int{3, 4, 5}) {
		t.Errorf("%v, %v", all, err)
	}
	first, err := bulkpgx.QueryRow(t.Context(), d, pgx.RowTo[int], "SELECT n FROM numbers ORDER BY n DESC")
	if err != nil || first != 5 {
		t.Errorf("%v, %v", first, err)
	}
	if n, err := bulkpgx.QueryRow(t.Context(), d, pgx.RowTo[int], "SELECT n FROM numbers WHERE n > 5"); n != 0 || !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no rows: %v, %v", n, err)
	}
	enough := errors.New("enough")
	var some []int
	err = bulkpgx.Each(t.Context(), d, func(row pgx.CollectableRow) error {
		n, err := pgx.RowTo[int](row)
		if n == 3 {
			return enough
		}
		some = append(some, n)
		return err
	}, "SELECT n FROM numbers ORDER BY n")
	if err != enough || !slices.Equal(some, []int{1, 2}) {
		t.Errorf("Each: %v, %v", some, err)
	}
	checkFree(t, "after queries", d, pool)
}

// Each of the queries fails in a different place.
func TestFailedQueryReturnsNoRowsAndReleasesItsSlotAndConnection(t *testing.T) {
	d, pool := open(t, 1)
	for name, c := range map[string]struct {
		scan        pgx.RowToFunc[int]
		query, want string
	}{
		"no such column": {pgx.RowTo[int], "SELECT nonsense FROM numbers", "nonsense"},
		"scan":           {func(pgx.CollectableRow) (int, error) { return 7, errors.New("scan fails") }, "SELECT n FROM numbers", "scan fails"},
		"wrong type":     {pgx.RowTo[int], "SELECT 'tea' FROM numbers", "cannot scan"},
		"a later row":    {pgx.RowTo[int], "SELECT 1/(3-n) FROM (SELECT n FROM numbers ORDER BY n) x", "division by zero"},
	} {
		rows, err := bulkpgx.Query(t.Context(), d, c.scan, c.query)
		if rows != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Query: %v, %v", name, rows, err)
		}
		checkFree(t, name, d, pool)
		if _, err := bulkpgx.QueryRow(t.Context(), d, c.scan, c.query); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: QueryRow: %v", name, err)
		}
		checkFree(t, name, d, pool)
		if err := bulkpgx.Each(t.Context(), d, func(row pgx.CollectableRow) error { _, err := c.scan(row); return err }, c.query); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Each: %v", name, err)
		}
		checkFree(t, name, d, pool)
	}
	if _, err := d.Exec(t.Context(), "nonsense"); err == nil {
		t.Error("Exec: no error")
	}
	checkFree(t, "Exec", d, pool)
}

func TestFunctionThatDoesNotReturnReleasesItsSlotAndConnection(t *testing.T) {
	d, pool := open(t, 1)
	for name, exit := range exits {
		scan := func(pgx.CollectableRow) (int, error) { exit(); return 0, nil }
		for form, call := range map[string]func(){
			"Query":    func() { _, _ = bulkpgx.Query(t.Context(), d, scan, "SELECT n FROM numbers") },
			"QueryRow": func() { _, _ = bulkpgx.QueryRow(t.Context(), d, scan, "SELECT n FROM numbers") },
			"Each": func() {
				_ = bulkpgx.Each(t.Context(), d, func(pgx.CollectableRow) error { exit(); return nil }, "SELECT n FROM numbers")
			},
			"Conn": func() {
				_ = bulkpgx.Conn(t.Context(), d, func(context.Context, *pgxpool.Conn) error { exit(); return nil })
			},
			"Tx": func() {
				_ = bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
					if _, err := tx.Exec(ctx, "INSERT INTO numbers VALUES (6)"); err != nil {
						t.Error(err)
					}
					exit()
					return nil
				})
			},
		} {
			leave(call)
			checkFree(t, name+" in "+form, d, pool)
		}
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// awaitSleep returns when a query with the text sleeps.
func awaitSleep(t *testing.T, watcher *pgxpool.Pool, text string) {
	t.Helper()
	for n := 0; n == 0; {
		err := watcher.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query = $1", text).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCanceledQueryReturnsItsConnection(t *testing.T) {
	d, pool := open(t, 1)
	watcher := openPool(t, 1)
	const query = "SELECT pg_sleep(61)"
	for name, call := range map[string]func(context.Context) error{
		"Exec":     func(ctx context.Context) error { _, err := d.Exec(ctx, query); return err },
		"QueryRow": func(ctx context.Context) error { return d.QueryRow(ctx, query).Scan(nil) },
		"function": func(ctx context.Context) error {
			_, err := bulkpgx.Query(ctx, d, pgx.RowTo[any], query)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- call(ctx) }()
		awaitSleep(t, watcher, query)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, bulk.ErrNotStarted) {
			t.Errorf("%s: %v", name, err)
		}
		awaitFree(t, name, d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

func TestCallerWhoseCtxEndsWhileItWaitsDoesNotStart(t *testing.T) {
	d, _ := open(t, 1, bulk.WaitingRoom(1))
	slot, err := d.Bulkhead().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	if _, err := d.Exec(soon(t), "DELETE FROM numbers"); !errors.Is(err, bulk.ErrCanceled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Exec: %v", err)
	}
	if _, err := d.Query(soon(t), "DELETE FROM numbers"); !errors.Is(err, bulk.ErrCanceled) {
		t.Errorf("Query: %v", err)
	}
}

func TestTxCommitsOrRollsBack(t *testing.T) {
	d, pool := open(t, 1)
	insert := func(ctx context.Context, tx pgx.Tx) {
		if _, err := tx.Exec(ctx, "INSERT INTO numbers VALUES (6)"); err != nil {
			t.Error(err)
		}
	}
	if err := bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
		insert(ctx, tx)
		savepoint, err := tx.Begin(ctx)
		if err != nil {
			return err
		}
		insert(ctx, savepoint)
		return savepoint.Rollback(ctx)
	}); err != nil {
		t.Error(err)
	}
	checkFree(t, "commit", d, pool)
	abort := errors.New("abort")
	if err := bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error { insert(ctx, tx); return abort }); err != abort {
		t.Error(err)
	}
	checkFree(t, "rollback", d, pool)
	ctx, cancel := context.WithCancel(t.Context())
	if err := bulkpgx.Tx(ctx, d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error { insert(ctx, tx); cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	awaitFree(t, "canceled", d, pool)
	if err := bulkpgx.Tx(t.Context(), d, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO numbers VALUES (6)")
		return err
	}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
	checkFree(t, "read-only", d, pool)
	if n := count(t, d); n != 6 {
		t.Errorf("%d rows, want 6", n)
	}
}

// A nested call would wait for a slot that its caller holds. It is rejected immediately,
// also without a wait limit.
func TestCallInsideTxOrConnIsRejected(t *testing.T) {
	d, pool := open(t, 1, bulk.WaitingRoom(10))
	other := wrap(t, openPool(t, 1), 1)
	nested := func(ctx context.Context) {
		t.Helper()
		for form, call := range map[string]func(*bulkpgx.DB) error{
			"Exec":      func(d *bulkpgx.DB) error { _, err := d.Exec(ctx, "SELECT 1"); return err },
			"QueryRow":  func(d *bulkpgx.DB) error { return d.QueryRow(ctx, "SELECT 1").Scan(nil) },
			"function":  func(d *bulkpgx.DB) error { _, err := bulkpgx.Query(ctx, d, pgx.RowTo[int], "SELECT 1"); return err },
			"SendBatch": func(d *bulkpgx.DB) error { return d.SendBatch(ctx, &pgx.Batch{}).Close() },
			"BeginFunc": func(d *bulkpgx.DB) error { return pgx.BeginFunc(ctx, d, func(pgx.Tx) error { return nil }) },
		} {
			for _, same := range []*bulkpgx.DB{d, d.With(deadline.NoWait())} {
				if err := call(same); !errors.Is(err, bulkpgx.ErrNested) || errors.Is(err, bulk.ErrNotStarted) {
					t.Errorf("%s: %v, want ErrNested", form, err)
				}
			}
			if err := call(other); err != nil {
				t.Errorf("%s of another pool: %v", form, err)
			}
		}
	}
	if err := bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, func(ctx context.Context, _ pgx.Tx) error { nested(ctx); return nil }); err != nil {
		t.Error(err)
	}
	if err := bulkpgx.Conn(t.Context(), d, func(ctx context.Context, _ *pgxpool.Conn) error { nested(ctx); return nil }); err != nil {
		t.Error(err)
	}
	checkFree(t, "nested", d, pool)
}

// The comments of Each and Query say so: the call is not taken for a nested one.
func TestCallInARowFunctionNeedsASecondSlot(t *testing.T) {
	for slots, want := range map[int]error{1: bulk.ErrSaturated, 2: nil} {
		d, pool := open(t, slots)
		nested := func() {
			t.Helper()
			if _, err := d.Exec(t.Context(), "SELECT 1"); !errors.Is(err, want) || errors.Is(err, bulkpgx.ErrNested) {
				t.Errorf("%d slots: %v, want %v", slots, err, want)
			}
		}
		const query = "SELECT n FROM numbers"
		if err := bulkpgx.Each(t.Context(), d, func(pgx.CollectableRow) error { nested(); return nil }, query); err != nil {
			t.Error(err)
		}
		if _, err := bulkpgx.Query(t.Context(), d, func(pgx.CollectableRow) (int, error) { nested(); return 0, nil }, query); err != nil {
			t.Error(err)
		}
		checkFree(t, "at the end", d, pool)
	}
}

func TestConnClosesAConnectionThatIsLeftInUse(t *testing.T) {
	d, pool := open(t, 1)
	for name, f := range map[string]func(context.Context, *pgxpool.Conn) error{
		"rows": func(ctx context.Context, conn *pgxpool.Conn) error {
			rows, err := conn.Query(ctx, "SELECT n FROM numbers")
			rows.Next()
			return err
		},
		"transaction": func(ctx context.Context, conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, "BEGIN; INSERT INTO numbers VALUES (6)")
			return err
		},
		"closed": func(ctx context.Context, conn *pgxpool.Conn) error { return conn.Conn().Close(ctx) },
	} {
		if err := bulkpgx.Conn(t.Context(), d, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkFree(t, name, d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// The function must not do so. After the release of a copy, the connection itself seems to
// be in use, and another method of the pool panics.
func TestConnWhoseFunctionReleasesItsConnectionPanicsAndReleasesItsSlot(t *testing.T) {
	d, pool := open(t, 1)
	for name, give := range map[string]func(*pgxpool.Conn){
		"release":        (*pgxpool.Conn).Release,
		"hijack":         func(conn *pgxpool.Conn) { _ = conn.Hijack().Close(t.Context()) },
		"release a copy": func(conn *pgxpool.Conn) { other := *conn; other.Release() },
		"hijack a copy": func(conn *pgxpool.Conn) {
			other := *conn
			removed := other.Hijack()
			t.Cleanup(func() { _ = removed.Close(context.Background()) })
		},
		"close, release":   func(conn *pgxpool.Conn) { _ = conn.Conn().Close(t.Context()); conn.Release() },
		"release, and use": func(conn *pgxpool.Conn) { conn.Release(); _ = conn.Ping(t.Context()) },
	} {
		panicked := false
		func() {
			defer func() { panicked = recover() != nil }()
			_ = bulkpgx.Conn(t.Context(), d, func(_ context.Context, conn *pgxpool.Conn) error { give(conn); return nil })
		}()
		if !panicked {
			t.Errorf("%s: no panic", name)
		}
		if slots := d.Bulkhead().Status().InUse; slots != 0 {
			t.Fatalf("%s: %d slots are in use", name, slots)
		}
		checkFree(t, name, d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

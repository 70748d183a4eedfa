package bulkpgx_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A hole is a network that can stop answering to new connections. pgx cancels a query on
// a new connection.
type hole struct {
	open    atomic.Bool
	healed  chan struct{}
	entered chan struct{} // receives a value for each connection that gets no answer
}

func newHole() *hole { return &hole{healed: make(chan struct{}), entered: make(chan struct{}, 10)} }

func (h *hole) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if h.open.Load() {
		h.entered <- struct{}{}
		<-h.healed
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// openBehind returns a DB with one slot and one connection through the hole. The test must
// heal it.
func openBehind(t *testing.T, h *hole, opts ...bulk.Option) (*bulkpgx.DB, *pgxpool.Pool) {
	t.Helper()
	leaktest.Goroutines(t)
	config, err := pgxpool.ParseConfig(server.Source + " pool_max_conns=1")
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DialFunc = h.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return wrap(t, pool, 1, opts...), pool
}

// The request to cancel the query gets no answer. The call returns nevertheless, and its
// slot stays in use until the connection is given back.
func TestCallReturnsWhenItsCtxEndsAndHoldsItsSlotUntilTheConnectionIsBack(t *testing.T) {
	bulkpgx.SetCleanupWait(t, time.Hour)
	watcher := openPool(t, 1)
	const query = "SELECT pg_sleep(63)"
	batch := &pgx.Batch{}
	batch.Queue(query)
	begin := func(d *bulkpgx.DB, ctx, end context.Context) error {
		tx, err := d.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(ctx, query)
		_ = tx.Rollback(end)
		return err
	}
	for name, call := range map[string]func(context.Context, *bulkpgx.DB) error{
		"Exec":     func(ctx context.Context, d *bulkpgx.DB) error { _, err := d.Exec(ctx, query); return err },
		"QueryRow": func(ctx context.Context, d *bulkpgx.DB) error { return d.QueryRow(ctx, query).Scan(nil) },
		"Query": func(ctx context.Context, d *bulkpgx.DB) error {
			rows, err := d.Query(ctx, query)
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Err()
		},
		"SendBatch": func(ctx context.Context, d *bulkpgx.DB) error { return d.SendBatch(ctx, batch).Close() },
		"Begin":     func(ctx context.Context, d *bulkpgx.DB) error { return begin(d, ctx, ctx) },
		"Begin, rolled back without its ctx": func(ctx context.Context, d *bulkpgx.DB) error {
			return begin(d, ctx, context.WithoutCancel(ctx))
		},
		"Begin without ctx": func(ctx context.Context, d *bulkpgx.DB) error {
			tx, err := d.Begin(context.WithoutCancel(ctx))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tx.Exec(ctx, query)
			_ = tx.Rollback(ctx)
			return err
		},
		"function": func(ctx context.Context, d *bulkpgx.DB) error {
			_, err := bulkpgx.Query(ctx, d, pgx.RowTo[any], query)
			return err
		},
		"Tx": func(ctx context.Context, d *bulkpgx.DB) error {
			return bulkpgx.Tx(ctx, d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, query)
				return err
			})
		},
		"Conn": func(ctx context.Context, d *bulkpgx.DB) error {
			return bulkpgx.Conn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) error {
				_, err := conn.Exec(ctx, query)
				return err
			})
		},
	} {
		h := newHole()
		d, pool := openBehind(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- call(ctx, d) }()
		awaitSleep(t, watcher, query)
		h.open.Store(true)
		cancel()
		<-h.entered
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) || errors.Is(err, bulk.ErrNotStarted) {
				t.Errorf("%s: %v", name, err)
			}
			checkHeld(t, name, d, pool)
			close(h.healed)
		case <-time.After(time.Minute):
			t.Errorf("%s: it does not return", name)
			close(h.healed)
			<-done
		}
		if err := d.Bulkhead().Shutdown(t.Context()); err != nil { // waits for the slot
			t.Errorf("%s: %v", name, err)
		}
		checkFree(t, name, d, pool)
	}
}

// After cleanupWait, the slot is released without the connection, which has left the pool
// by then.
func TestSlotIsReleasedAfterTheConnectionHasLeftThePool(t *testing.T) {
	bulkpgx.SetCleanupWait(t, 10*time.Millisecond)
	watcher := openPool(t, 1)
	h := newHole()
	var pool *pgxpool.Pool
	acquired := make(chan int32, 1)
	d, pool := openBehind(t, h, bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventReleased {
			acquired <- pool.Stat().AcquiredConns()
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	const query = "SELECT pg_sleep(64)"
	go func() { _, err := d.Exec(ctx, query); done <- err }()
	awaitSleep(t, watcher, query)
	h.open.Store(true)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := <-acquired; n != 0 {
		t.Errorf("%d connections are in use when the slot is released", n)
	}
	awaitFree(t, "removed", d, pool)
	close(h.healed)
}

// The request to cancel the query gets no answer, so the query runs on. The next operation
// gets another connection. Without one it would wait until its ctx ends.
func TestConnectionThatDoesNotCloseIsRemovedFromThePool(t *testing.T) {
	watcher := openPool(t, 1)
	h := newHole()
	d, pool := openBehind(t, h, bulk.WaitingRoom(1))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	const query = "SELECT pg_sleep(62)"
	go func() { _, err := d.Exec(ctx, query); done <- err }()
	awaitSleep(t, watcher, query)
	h.open.Store(true)
	cancel()
	<-h.entered
	h.open.Store(false) // for the next connection
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	patient, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	one, err := bulkpgx.QueryRow(patient, d, pgx.RowTo[int], "SELECT 1")
	if err != nil || one != 1 {
		t.Errorf("the next operation: %d, %v", one, err)
	}
	checkFree(t, "removed", d, pool)
	close(h.healed)
}

// The ctx has not ended, so the call itself waits until the connection is given back: its
// caller can try again with the slot.
func TestCallWhoseConnectionTheServerClosesReleasesItsSlotFirst(t *testing.T) {
	d, pool := open(t, 1)
	for name, call := range map[string]func() error{
		"Exec": func() error {
			_, err := d.Exec(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
			return err
		},
		"Tx": func() error {
			return bulkpgx.Tx(t.Context(), d, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
				return err
			})
		},
		"QueryRow": func() error {
			return d.QueryRow(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())").Scan(nil)
		},
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", name)
		}
		checkFree(t, name, d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// pgxpool runs the hook AfterRelease on a goroutine of its own, after the slot has been
// released. The next operation waits for the connection in the pool: see the package
// comment.
func TestConnectionInTheHookAfterReleaseIsInUseWithoutASlot(t *testing.T) {
	leaktest.Goroutines(t)
	config, err := pgxpool.ParseConfig(server.Source + " pool_max_conns=1")
	if err != nil {
		t.Fatal(err)
	}
	release, inHook := make(chan struct{}), make(chan struct{}, 1)
	config.AfterRelease = func(*pgx.Conn) bool {
		inHook <- struct{}{}
		<-release
		return true
	}
	var d *bulkpgx.DB
	config.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
		if d.Bulkhead().Status().InUse != 1 {
			t.Error("PrepareConn runs without a slot")
		}
		return true, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d = wrap(t, pool, 1)
	exec(t, d, "SELECT 1")
	<-inHook
	if slots, conns := d.Bulkhead().Status().InUse, pool.Stat().AcquiredConns(); slots != 0 || conns != 1 {
		t.Errorf("%d slots and %d connections are in use, want 0 and 1", slots, conns)
	}
	if _, err := d.Exec(soon(t), "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, bulk.ErrNotStarted) {
		t.Errorf("the next operation: %v, want that it waits for the connection", err)
	}
	close(release)
	exec(t, d, "SELECT 1")
	checkFree(t, "at the end", d, pool)
}

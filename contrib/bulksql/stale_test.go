package bulksql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
)

// restarts is a driver of a server that restarts. A connection from before the last
// restart is bad, and says so when it begins a transaction, which did not begin.
type restarts struct {
	mu      sync.Mutex
	current int  // number of restarts
	down    bool // new connections are bad too
	begins  int  // attempts to begin a transaction
	onBegin func()
}

func (r *restarts) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current++
	r.begins = 0
}

func (r *restarts) Connect(context.Context) (driver.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &restartConn{r, r.current}, nil
}

func (r *restarts) Driver() driver.Driver { return nil }

type restartConn struct {
	server *restarts
	opened int // value of current
}

func (c *restartConn) Begin() (driver.Tx, error) {
	r := c.server
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begins++
	if r.onBegin != nil {
		r.onBegin()
	}
	if r.down || c.opened != r.current {
		return nil, driver.ErrBadConn
	}
	return c, nil
}

func (c *restartConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrBadConn }
func (c *restartConn) Close() error                        { return nil }
func (c *restartConn) Commit() error                       { return nil }
func (c *restartConn) Rollback() error                     { return nil }

// openRestarts returns a pool with idle connections, and its DB.
func openRestarts(t *testing.T, server *restarts, idle int) (*bulksql.DB, *sql.DB) {
	t.Helper()
	leaktest.Goroutines(t)
	pool := sql.OpenDB(server)
	t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(idle)
	pool.SetMaxIdleConns(idle)
	fill(t, pool, idle)
	b := bulk.Must(bulk.New("orders", idle))
	leaktest.Slots(t, b)
	d, err := bulksql.New(pool, b)
	if err != nil {
		t.Fatal(err)
	}
	return d, pool
}

// fill opens connections until so many are idle.
func fill(t *testing.T, pool *sql.DB, idle int) {
	t.Helper()
	var conns []*sql.Conn
	for range idle {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The server restarts while all connections are idle. sql.DB.BeginTx survives that, and
// Tx does too: with one admission, and one call of its function.
func TestTxSurvivesIdleConnectionsThatTheServerHasClosed(t *testing.T) {
	for _, idle := range []int{1, 2, 4, 30} {
		server := &restarts{}
		d, pool := openRestarts(t, server, idle)
		server.restart()
		tx, err := pool.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatalf("%d idle: BeginTx of the pool: %v", idle, err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		fill(t, pool, idle)
		server.restart()
		calls := 0
		if err := bulksql.Tx(t.Context(), d, nil, func(context.Context, *sql.Tx) error { calls++; return nil }); err != nil || calls != 1 {
			t.Errorf("%d idle: %d calls, %v", idle, calls, err)
		}
		if totals := d.Bulkhead().Status().Totals; totals.Arrivals() != 1 || totals.Finished != 1 {
			t.Errorf("%d idle: %d arrived, %d finished", idle, totals.Arrivals(), totals.Finished)
		}
		checkFree(t, "at the end", d, pool)
	}
}

// Tx tries as many connections as are open when the first one is bad, and at least three,
// as database/sql does.
func TestTxOnAServerThatIsDownReturnsErrBadConn(t *testing.T) {
	for idle, most := range map[int]int{1: 3, 2: 3, 4: 5, 10: 11} {
		server := &restarts{}
		d, pool := openRestarts(t, server, idle)
		server.down = true
		err := bulksql.Tx(t.Context(), d, nil, func(context.Context, *sql.Tx) error { t.Error("it began"); return nil })
		if !errors.Is(err, driver.ErrBadConn) || server.begins != most {
			t.Errorf("%d idle: %v after %d attempts, want %d", idle, err, server.begins, most)
		}
		checkFree(t, "at the end", d, pool)
	}
}

func TestTxDoesNotTryAgainAfterTheEndOfItsCtx(t *testing.T) {
	server := &restarts{}
	d, pool := openRestarts(t, server, 4)
	ctx, cancel := context.WithCancel(t.Context())
	server.down, server.onBegin = true, cancel
	err := bulksql.Tx(ctx, d, nil, func(context.Context, *sql.Tx) error { t.Error("it began"); return nil })
	if !errors.Is(err, context.Canceled) || server.begins != 1 {
		t.Errorf("%v after %d attempts", err, server.begins)
	}
	checkFree(t, "canceled", d, pool)
}

// What the function did can't be repeated.
func TestTxDoesNotTryAgainAfterItsFunctionBegan(t *testing.T) {
	server := &restarts{}
	d, pool := openRestarts(t, server, 4)
	calls := 0
	err := bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, tx *sql.Tx) error {
		calls++
		_, err := tx.ExecContext(ctx, "INSERT")
		return err
	})
	if !errors.Is(err, driver.ErrBadConn) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	checkFree(t, "bad during the transaction", d, pool)
}

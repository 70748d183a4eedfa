package bulksql_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	_ "modernc.org/sqlite" // the driver
)

// endless is a query that runs until it is interrupted.
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT COUNT(*) FROM n"

// openPool returns an empty SQLite database. A transaction takes the write lock when it
// begins, without waiting, so a lock that is held for too long is an error. The test
// fails if a connection or a goroutine is left at its end.
func openPool(t *testing.T, conns int) *sql.DB {
	t.Helper()
	leaktest.Goroutines(t)
	pool, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(t.TempDir(), "test.db"))+"?_txlock=immediate&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	t.Cleanup(func() {
		if s := pool.Stats(); s.InUse != 0 || s.WaitCount != 0 {
			t.Errorf("%d connections are in use, %d operations waited for one", s.InUse, s.WaitCount)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

// open returns an empty database behind a bulkhead with one slot for each connection,
// with a table of numbers that has the rows 1 to 5.
func open(t *testing.T, conns int, opts ...bulk.Option) (*bulksql.DB, *sql.DB) {
	t.Helper()
	pool := openPool(t, conns)
	d := wrap(t, pool, conns, opts...)
	exec(t, d, "CREATE TABLE numbers (n INTEGER)")
	exec(t, d, "INSERT INTO numbers VALUES (1), (2), (3), (4), (5)")
	return d, pool
}

func wrap(t *testing.T, pool *sql.DB, slots int, opts ...bulk.Option) *bulksql.DB {
	t.Helper()
	b := bulk.Must(bulk.New("numbers", slots, opts...))
	leaktest.Slots(t, b)
	d, err := bulksql.New(pool, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func exec(t *testing.T, d *bulksql.DB, query string) {
	t.Helper()
	if _, err := bulksql.Exec(t.Context(), d, query); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *bulksql.DB) int {
	t.Helper()
	n, err := bulksql.QueryRow(t.Context(), d, bulksql.Value[int], "SELECT COUNT(*) FROM numbers")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkFree fails the test if a slot or a connection is in use now.
func checkFree(t *testing.T, name string, d *bulksql.DB, pool *sql.DB) {
	t.Helper()
	if slots, conns := d.Bulkhead().Status().InUse, pool.Stats().InUse; slots != 0 || conns != 0 {
		t.Errorf("%s: %d slots and %d connections are in use", name, slots, conns)
	}
}

// exits are the ways to leave a function without returning.
var exits = map[string]func(){
	"panic":  func() { panic("bug") },
	"Goexit": runtime.Goexit,
}

// leave calls f on a goroutine and waits until it has ended. It recovers a panic.
func leave(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }()
		f()
	}()
	<-ended
}

// soon returns a ctx that ends after a moment.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

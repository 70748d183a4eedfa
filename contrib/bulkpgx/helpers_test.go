package bulkpgx_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/contrib/internal/leaktest"
	"github.com/bulklink/bulklink-go/internal/pgtest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var server *pgtest.Server

// TestMain runs all tests and examples with a server of their own.
func TestMain(m *testing.M) {
	var err error
	server, err = pgtest.Start(50)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		fmt.Println("SKIP: all tests of bulkpgx:", err)
		return
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// openPool returns a pool. The test fails if a connection or a goroutine is left at its
// end.
func openPool(t *testing.T, conns int) *pgxpool.Pool {
	t.Helper()
	leaktest.Goroutines(t)
	pool, err := pgxpool.New(t.Context(), fmt.Sprintf("%s pool_max_conns=%d", server.Source, conns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkNoneAcquired(t, "at the end", pool)
		pool.Close()
	})
	return pool
}

// open returns a DB with one slot for each connection, and a table of numbers for it,
// with the rows 1 to 5.
func open(t *testing.T, conns int, opts ...bulk.Option) (*bulkpgx.DB, *pgxpool.Pool) {
	t.Helper()
	pool := openPool(t, conns)
	d := wrap(t, pool, conns, opts...)
	exec(t, d, "DROP TABLE IF EXISTS numbers")
	exec(t, d, "CREATE TABLE numbers (n int)")
	exec(t, d, "INSERT INTO numbers VALUES (1), (2), (3), (4), (5)")
	return d, pool
}

func wrap(t *testing.T, pool *pgxpool.Pool, slots int, opts ...bulk.Option) *bulkpgx.DB {
	t.Helper()
	b := bulk.Must(bulk.New("numbers", slots, opts...))
	leaktest.Slots(t, b)
	d, err := bulkpgx.New(pool, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func exec(t *testing.T, d *bulkpgx.DB, query string) {
	t.Helper()
	if _, err := d.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *bulkpgx.DB) int {
	t.Helper()
	n, err := bulkpgx.QueryRow(t.Context(), d, pgx.RowTo[int], "SELECT COUNT(*) FROM numbers")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkFree fails the test if a slot is in use now, or a connection is not back soon: the
// pool removes a closed one on a goroutine of its own.
func checkFree(t *testing.T, name string, d *bulkpgx.DB, pool *pgxpool.Pool) {
	t.Helper()
	if slots := d.Bulkhead().Status().InUse; slots != 0 {
		t.Errorf("%s: %d slots are in use", name, slots)
	}
	checkNoneAcquired(t, name, pool)
}

// awaitFree is checkFree after the end of a ctx, when a goroutine releases the slot.
func awaitFree(t *testing.T, name string, d *bulkpgx.DB, pool *pgxpool.Pool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); d.Bulkhead().Status().InUse != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	checkFree(t, name, d, pool)
}

func checkNoneAcquired(t *testing.T, name string, pool *pgxpool.Pool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); pool.Stat().AcquiredConns() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: %d connections are in use", name, pool.Stat().AcquiredConns())
			return
		}
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

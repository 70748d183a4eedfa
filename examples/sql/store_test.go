package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
)

func openForTest(t *testing.T) *store {
	s, err := open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The test sends more orders and reports than the database can serve. Every admitted
// operation must succeed: none may find the database locked, and none may wait for a
// connection.
func TestAdmittedOperationsSucceedUnderLoad(t *testing.T) {
	s := openForTest(t)
	if err := fill(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	const duration = 2 * time.Second
	var operations int64
	var ordered, reported, rejected atomic.Int64
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	var users sync.WaitGroup
	for start := time.Now(); time.Since(start) < duration; operations++ {
		n := operations
		<-ticks.C
		users.Go(func() {
			var err error
			succeeded := &ordered
			if n%2 == 0 {
				err = s.order(t.Context(), "tea", 1)
			} else {
				succeeded = &reported
				var best []sales
				best, err = s.bestsellers(t.Context())
				if len(best) > 2 {
					t.Errorf("bestsellers: %v", best)
				}
			}
			switch {
			case err == nil:
				succeeded.Add(1)
			case errors.Is(err, bulk.ErrOverload):
				rejected.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	users.Wait()
	t.Logf("%d ordered, %d reported, %d rejected; at most %d wrote concurrently, %d read, %d waited to write", ordered.Load(), reported.Load(), rejected.Load(),
		s.writes.Bulkhead().Status().Peak.InFlight, s.reads.Bulkhead().Status().Peak.InFlight, s.writes.Bulkhead().Status().Totals.Queued)
	if ordered.Load() == 0 || reported.Load() == 0 || ordered.Load()+reported.Load()+rejected.Load() != operations {
		t.Error("some operations were neither ordered, reported nor rejected")
	}
	best, err := s.bestsellers(t.Context())
	if err != nil || len(best) != 2 || int64(best[0].amount) != ordered.Load() {
		t.Errorf("in the database %v, %v; want %d", best, err, ordered.Load())
	}
	if n := s.readPool.Stats().WaitCount + s.writePool.Stats().WaitCount; n != 0 {
		t.Errorf("%d operations waited for a connection", n)
	}
}

// A canceled reader loses its connection. If that was the last one, closing it writes
// the log back into the database under an exclusive lock, which takes long after a
// large transaction, and a writer that opens a connection meanwhile finds the database
// locked. So the connection for writers must stay open.
func TestCanceledReaderDoesNotLockWritersOut(t *testing.T) {
	canceled := 0
	for range 3 {
		s := openForTest(t)
		if err := bulksql.Tx(t.Context(), s.writes, nil, func(ctx context.Context, tx *sql.Tx) error {
			// No checkpoint before the connection is closed.
			if _, err := tx.ExecContext(ctx, "PRAGMA wal_autocheckpoint=0"); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000) "+
				"INSERT INTO orders (item, amount) SELECT printf('coffee %d %200s', i, 'with milk'), 0 FROM n")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := s.bestsellers(ctx)
			done <- err
		}()
		time.Sleep(10 * time.Millisecond) // let the reader start
		cancel()
		time.Sleep(5 * time.Millisecond) // let the reader lose its connection
		if err := s.order(t.Context(), "tea", 1); err != nil {
			t.Errorf("writer: %v", err)
		}
		if err := <-done; err != nil {
			canceled++
		}
	}
	if canceled == 0 {
		t.Error("no reader was canceled")
	}
}

// The contexts of readers end at any moment, also during a query, so their connections
// are interrupted and closed, and others are opened.
func TestCanceledReadersLockNoOperationOutUnderLoad(t *testing.T) {
	s := openForTest(t)
	if err := fill(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var canceled atomic.Int64
	var reading, writing sync.WaitGroup
	for range 2 * readers {
		reading.Go(func() {
			for ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
				_, err := s.bestsellers(ctx)
				if ctx.Err() != nil {
					canceled.Add(1)
				}
				cancel()
				if err != nil && strings.Contains(err.Error(), "locked") {
					t.Errorf("reader: %v", err)
				}
			}
		})
	}
	for range 2 {
		writing.Go(func() {
			for range 400 {
				if err := s.order(t.Context(), "tea", 1); err != nil && !errors.Is(err, bulk.ErrOverload) {
					t.Errorf("writer: %v", err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	reading.Wait()
	t.Logf("%d readers canceled", canceled.Load())
	if canceled.Load() == 0 {
		t.Error("no reader was canceled")
	}
	if n := s.readPool.Stats().WaitCount + s.writePool.Stats().WaitCount; n != 0 {
		t.Errorf("%d operations waited for a connection", n)
	}
}

// Another process, such as a backup, holds the write lock for 20 ms.
func TestWriterWaitsForTheLockOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	backup, err := openPool("file:"+filepath.ToSlash(filepath.Join(dir, "orders.db"))+"?_txlock=immediate", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close()
	tx, err := backup.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = tx.Rollback() })
	if err := s.order(t.Context(), "tea", 1); err != nil {
		t.Error(err)
	}
}

func TestCanceledReadersDoNotCloseTheConnectionForWriters(t *testing.T) {
	s := openForTest(t)
	if err := fill(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	connection := func() (found any) {
		conn, err := s.writePool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Raw(func(c any) error { found = c; return nil }); err != nil {
			t.Error(err)
		}
		return found
	}
	before := connection()
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(1000))*time.Microsecond)
		_, _ = s.bestsellers(ctx)
		cancel()
		if err := s.order(t.Context(), "tea", 1); err != nil {
			t.Error(err)
		}
	}
	if connection() != before {
		t.Error("the connection for writers was replaced")
	}
}

func TestQueriesCannotWrite(t *testing.T) {
	s := openForTest(t)
	if _, err := bulksql.Query(t.Context(), s.reads, func(*sql.Rows) (int, error) { return 0, nil }, "DELETE FROM orders RETURNING id"); err == nil {
		t.Error("a query deleted orders")
	}
}

// fill adds 3,000 orders, so that a report takes some time.
func fill(ctx context.Context, s *store) error {
	return bulksql.Tx(ctx, s.writes, nil, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 3000) "+
			"INSERT INTO orders (item, amount) SELECT 'coffee', 0 FROM n")
		return err
	})
}

// Without a bulkhead and a busy timeout, the second of two writers fails.
func TestWritersWithoutABulkheadLockEachOtherOut(t *testing.T) {
	db, err := openPool("file:"+filepath.ToSlash(filepath.Join(t.TempDir(), "orders.db"))+"?_txlock=immediate&_pragma=journal_mode(WAL)", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holder, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.BeginTx(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "database is locked") {
		t.Errorf("second writer: %v", err)
	}
	if err := holder.Rollback(); err != nil {
		t.Error(err)
	}
}

func TestOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), t.TempDir(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `one more report: bulkhead "reads": expired after 200ms: 4/4 slots in use, 0/16 waiting
one more order: <nil>
bestsellers: [{tea 5} {coffee 2}]
reads: 2 finished
writes: 5 finished
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func openForTest(t *testing.T) *store {
	s, err := open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Orders and reports as they come, also if they are more than the database can do. What
// was admitted succeeded: nobody was told that the database is locked, and
// nobody waited for a connection.
func TestUnderLoadWhatIsAdmittedSucceeds(t *testing.T) {
	s := openForTest(t)
	// Many orders of the past, so that a report takes its time.
	if err := s.transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 3000) "+
			"INSERT INTO orders (item, amount) SELECT 'coffee', 0 FROM n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	const forSoLong = 2 * time.Second
	var operations int64
	var ordered, reported, turnedAway atomic.Int64
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	var users sync.WaitGroup
	for start := time.Now(); time.Since(start) < forSoLong; operations++ {
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
				turnedAway.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	users.Wait()
	t.Logf("%d ordered, %d reported, %d turned away; %d wrote at once at most, %d read, %d waited to write", ordered.Load(), reported.Load(), turnedAway.Load(),
		s.writes.Status().Peak.InFlight, s.reads.Status().Peak.InFlight, s.writes.Status().Totals.Queued)
	if ordered.Load() == 0 || reported.Load() == 0 || ordered.Load()+reported.Load()+turnedAway.Load() != operations {
		t.Error("the sums are wrong")
	}
	best, err := s.bestsellers(t.Context())
	if err != nil || len(best) != 2 || int64(best[0].amount) != ordered.Load() {
		t.Errorf("in the database %v, %v; want %d", best, err, ordered.Load())
	}
	if n := s.db.Stats().WaitCount; n != 0 {
		t.Errorf("%d times somebody waited for a connection", n)
	}
}

// The same writers without a bulkhead: what it is for.
func TestWritersWithoutABulkheadLockEachOtherOut(t *testing.T) {
	s := openForTest(t)
	holder, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.BeginTx(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "database is locked") {
		t.Errorf("a second writer: %v", err)
	}
	if err := holder.Rollback(); err != nil {
		t.Error(err)
	}
}

func TestATransactionThatFailsOrPanicsLeavesNothing(t *testing.T) {
	s := openForTest(t)
	insert := func(ctx context.Context, tx *sql.Tx) {
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders (item, amount) VALUES ('tea', 1)"); err != nil {
			t.Error(err)
		}
	}
	changedMind := errors.New("changed my mind")
	if err := s.transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		insert(ctx, tx)
		return changedMind
	}); !errors.Is(err, changedMind) {
		t.Error(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			insert(ctx, tx)
			panic("bug")
		})
	}()
	if best, err := s.bestsellers(t.Context()); err != nil || len(best) != 0 {
		t.Errorf("%v, %v", best, err)
	}
	if err := s.order(t.Context(), "tea", 1); err != nil {
		t.Errorf("the next one: %v", err)
	}
	if s.writes.Status().InFlight != 0 || s.db.Stats().InUse != 0 {
		t.Errorf("%d in flight, %d connections in use", s.writes.Status().InFlight, s.db.Stats().InUse)
	}
}

// When ctx ends in the midst of a transaction, database/sql rolls it back on a
// goroutine of its own. The slot must not be free before that is over: the next
// writer would find the database locked.
func TestWhoGivesUpLeavesNoLockBehind(t *testing.T) {
	s := openForTest(t)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO orders (item, amount) VALUES ('tea', 1)")
			if err != nil {
				t.Error(err)
			}
			cancel()
			for !errors.Is(err, sql.ErrTxDone) { // until that goroutine has begun
				_, err = tx.ExecContext(context.WithoutCancel(ctx), "SELECT 1")
			}
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if n := s.db.Stats().InUse; n != 0 {
			t.Errorf("no slot, and %d connections in use", n)
		}
		if err := s.order(t.Context(), "tea", 1); err != nil {
			t.Errorf("the next one: %v", err)
		}
	}
}

func TestAQueryThatFailsCostsNeitherSlotNorConnection(t *testing.T) {
	s := openForTest(t)
	if err := s.order(t.Context(), "tea", 1); err != nil {
		t.Fatal(err)
	}
	for range 2 * readers {
		if _, err := query(t.Context(), s, func(rows *sql.Rows) (n int, err error) {
			return n, rows.Scan(&n) // tea is no number
		}, "SELECT item FROM orders"); err == nil {
			t.Error("no error")
		}
		if _, err := query(t.Context(), s, func(*sql.Rows) (int, error) { return 0, nil }, "SELECT nonsense"); err == nil {
			t.Error("no error")
		}
	}
	if s.reads.Status().InFlight != 0 || s.db.Stats().InUse != 0 {
		t.Errorf("%d in flight, %d connections in use", s.reads.Status().InFlight, s.db.Stats().InUse)
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

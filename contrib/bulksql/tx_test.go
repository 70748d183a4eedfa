package bulksql_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/deadline"
)

func insert(ctx context.Context, t *testing.T, tx *sql.Tx) {
	t.Helper()
	if _, err := tx.ExecContext(ctx, "INSERT INTO numbers VALUES (6)"); err != nil {
		t.Error(err)
	}
}

func TestTxCommitsWhenTheFunctionReturnsNil(t *testing.T) {
	d, pool := open(t, 1)
	err := bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, tx *sql.Tx) error {
		insert(ctx, t, tx)
		return nil
	})
	checkFree(t, "after the commit", d, pool)
	if n := count(t, d); err != nil || n != 6 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestTxRollsBackWhenTheFunctionFailsOrDoesNotReturn(t *testing.T) {
	d, pool := open(t, 1)
	errAbort := errors.New("abort")
	err := bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, tx *sql.Tx) error {
		insert(ctx, t, tx)
		return errAbort
	})
	if err != errAbort {
		t.Error(err)
	}
	checkFree(t, "error", d, pool)
	for name, exit := range exits {
		leave(func() {
			_ = bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, tx *sql.Tx) error {
				insert(ctx, t, tx)
				exit()
				return nil
			})
		})
		checkFree(t, name, d, pool)
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

// When ctx ends during a transaction, database/sql rolls it back on another goroutine.
// The slot must not be released before that goroutine is done; otherwise the next
// operation would wait for a connection, and find the database locked.
func TestCanceledTxReleasesItsLocksBeforeItsSlot(t *testing.T) {
	d, pool := open(t, 1)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		err := bulksql.Tx(ctx, d, nil, func(ctx context.Context, tx *sql.Tx) error {
			insert(ctx, t, tx)
			cancel()
			var err error
			for !errors.Is(err, sql.ErrTxDone) { // until the rollback has begun
				_, err = tx.ExecContext(context.WithoutCancel(ctx), "SELECT 1")
			}
			return err // does not contain the reason, context.Canceled
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		checkFree(t, "canceled", d, pool)
		exec(t, d, "UPDATE numbers SET n = n")
	}
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
}

func TestTxThatCannotBeginReturnsTheErrorOfTheDriver(t *testing.T) {
	d, pool := open(t, 2)
	err := bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, tx *sql.Tx) error {
		// SQLite has one writer. The ctx is not that of the function: this is a second
		// operation, which has a slot and a connection of its own.
		err := bulksql.Tx(t.Context(), d, nil, func(context.Context, *sql.Tx) error {
			t.Error("the second transaction began")
			return nil
		})
		if err == nil {
			t.Error("no error")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	checkFree(t, "locked", d, pool)
}

func TestFunctionThatCommitsItselfGetsErrTxDone(t *testing.T) {
	d, pool := open(t, 1)
	err := bulksql.Tx(t.Context(), d, nil, func(_ context.Context, tx *sql.Tx) error { return tx.Commit() })
	if !errors.Is(err, sql.ErrTxDone) {
		t.Error(err)
	}
	checkFree(t, "committed", d, pool)
}

// A nested call would wait for a slot that its caller holds. It is rejected immediately,
// also without a wait limit.
func TestCallInsideTxOrConnIsRejected(t *testing.T) {
	d, pool := open(t, 1, bulk.WaitingRoom(10))
	other := wrap(t, openPool(t, 1), 1)
	nested := func(ctx context.Context) {
		t.Helper()
		for form, call := range map[string]func(*bulksql.DB) error{
			"Exec":  func(d *bulksql.DB) error { _, err := bulksql.Exec(ctx, d, "SELECT 1"); return err },
			"Query": func(d *bulksql.DB) error { _, err := bulksql.Query(ctx, d, bulksql.Value[int], "SELECT 1"); return err },
			"QueryRow": func(d *bulksql.DB) error {
				_, err := bulksql.QueryRow(ctx, d, bulksql.Value[int], "SELECT 1")
				return err
			},
			"Each": func(d *bulksql.DB) error {
				return bulksql.Each(ctx, d, func(*sql.Rows) error { return nil }, "SELECT 1")
			},
			"Tx": func(d *bulksql.DB) error {
				return bulksql.Tx(ctx, d, nil, func(context.Context, *sql.Tx) error { return nil })
			},
			"Conn": func(d *bulksql.DB) error {
				return bulksql.Conn(ctx, d, func(context.Context, *sql.Conn) error { return nil })
			},
		} {
			for _, same := range []*bulksql.DB{d, d.With(deadline.NoWait())} {
				if err := call(same); !errors.Is(err, bulksql.ErrNested) || errors.Is(err, bulk.ErrNotStarted) {
					t.Errorf("%s: %v, want ErrNested", form, err)
				}
			}
			if err := call(other); err != nil {
				t.Errorf("%s of another database: %v", form, err)
			}
		}
	}
	if err := bulksql.Tx(t.Context(), d, nil, func(ctx context.Context, _ *sql.Tx) error { nested(ctx); return nil }); err != nil {
		t.Error(err)
	}
	if err := bulksql.Conn(t.Context(), d, func(ctx context.Context, _ *sql.Conn) error { nested(ctx); return nil }); err != nil {
		t.Error(err)
	}
	checkFree(t, "nested", d, pool)
}

func TestConnRunsAllStatementsInOneSession(t *testing.T) {
	d, pool := open(t, 2)
	err := bulksql.Conn(t.Context(), d, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "CREATE TEMP TABLE session (n INTEGER)"); err != nil {
			return err
		}
		for range 10 {
			if _, err := conn.ExecContext(ctx, "INSERT INTO session VALUES (1)"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	checkFree(t, "session", d, pool)
}

// Without that, closing the connection would wait forever.
func TestConnEndsWhatTheFunctionLeftOpen(t *testing.T) {
	d, pool := open(t, 1)
	if err := bulksql.Conn(t.Context(), d, func(ctx context.Context, conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, "SELECT n FROM numbers")
		rows.Next()
		return err
	}); err != nil {
		t.Error(err)
	}
	checkFree(t, "rows", d, pool)
	if err := bulksql.Conn(t.Context(), d, func(ctx context.Context, conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, nil)
		insert(ctx, t, tx)
		return err
	}); err != nil {
		t.Error(err)
	}
	checkFree(t, "transaction", d, pool)
	if err := bulksql.Conn(t.Context(), d, func(_ context.Context, conn *sql.Conn) error { return conn.Close() }); err != nil {
		t.Error(err)
	}
	checkFree(t, "closed", d, pool)
	if n := count(t, d); n != 5 {
		t.Errorf("%d rows, want 5", n)
	}
	for name, exit := range exits {
		leave(func() {
			_ = bulksql.Conn(t.Context(), d, func(context.Context, *sql.Conn) error { exit(); return nil })
		})
		checkFree(t, name, d, pool)
	}
}

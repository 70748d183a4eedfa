package bulkpgx

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Query runs a query and returns its rows, each as scan returns it. It returns no rows
// together with an error. All rows are read within the slot; see [Each] for results that
// are too large for that. [pgx.RowTo], [pgx.RowToStructByName] and others return a scan.
// A scan must not call d: it would wait for a second slot. Collect the rows first.
func Query[T any](ctx context.Context, d *DB, scan pgx.RowToFunc[T], query string, args ...any) ([]T, error) {
	mustHave(scan != nil, "Query: nil function")
	return withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) ([]T, error) {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, scan)
	})
}

// QueryRow runs a query and returns its first row, as scan returns it. The error is
// [pgx.ErrNoRows] if there is none. See [Query] for scan.
func QueryRow[T any](ctx context.Context, d *DB, scan pgx.RowToFunc[T], query string, args ...any) (T, error) {
	mustHave(scan != nil, "QueryRow: nil function")
	return withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) (T, error) {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			var zero T
			return zero, err
		}
		return pgx.CollectOneRow(rows, scan)
	})
}

// Each runs a query and calls f for each row, within the slot. f calls [pgx.Rows.Scan] and
// handles one row, so that the rows need not fit into memory. A slow f holds the slot and
// its connection. An error of f ends the query, and is returned.
//
// f must not call d: it would wait for a second slot. Collect the rows first, with
// [Query]. The call is not rejected with [ErrNested], because f has no ctx. Enough of such
// callers wait for each other until their limits pass or their ctx ends.
func Each(ctx context.Context, d *DB, f func(pgx.CollectableRow) error, query string, args ...any) error {
	mustHave(f != nil, "Each: nil function")
	_, err := withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) (struct{}, error) {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return struct{}{}, err
		}
		defer rows.Close()
		for rows.Next() {
			if err := f(rows); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, rows.Err()
	})
	return err
}

// Tx runs fn in a transaction while it holds one slot. It commits the transaction if fn
// returns nil, and rolls it back if fn returns an error, panics or ends its goroutine. It
// returns the error of fn, or that of beginning or committing the transaction.
//
// The slot is held for the whole transaction. With a slot for each statement, a
// transaction would wait for slots while it holds its connection and its locks. fn must
// use tx for all it does: a call with its ctx on a DB with the same bulkhead returns
// [ErrNested]. fn must not keep tx. For a savepoint, call [pgx.Tx.Begin].
func Tx(ctx context.Context, d *DB, opts pgx.TxOptions, fn func(ctx context.Context, tx pgx.Tx) error) error {
	mustHave(fn != nil, "Tx: nil function")
	return Conn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, opts, func(tx pgx.Tx) error { return fn(ctx, tx) })
	})
}

// Conn runs fn with a connection of its own while it holds one slot: for statements that
// need the same session, such as advisory locks and LISTEN. It returns the error of fn. A
// call with its ctx on a DB with the same bulkhead returns [ErrNested]. If fn leaves rows
// unread or a transaction open, the connection is closed. fn must not keep, release or
// hijack the connection: Conn panics if fn has released or hijacked it.
func Conn(ctx context.Context, d *DB, fn func(ctx context.Context, conn *pgxpool.Conn) error) error {
	mustHave(fn != nil, "Conn: nil function")
	_, err := withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) (struct{}, error) {
		return struct{}{}, fn(d.admission.Inside(ctx), conn)
	})
	return err
}

// withConn calls fn with a connection while it holds one slot.
func withConn[T any](ctx context.Context, d *DB, fn func(context.Context, *pgxpool.Conn) (T, error)) (T, error) {
	var zero T
	slots, conn, err := d.acquire(ctx)
	if err != nil {
		return zero, err
	}
	defer d.giveBack(conn, slots, ctx, ctx)
	value, err := fn(ctx, conn)
	return value, slots.Ran(ctx, err)
}

// acquire returns the slots and the connection of an operation.
func (d *DB) acquire(ctx context.Context) (admission.Slots, *pgxpool.Conn, error) {
	slots, err := d.admission.Acquire(ctx)
	if err != nil {
		return admission.Slots{}, nil, err
	}
	connected := false
	defer func() {
		if !connected { // an error, or a panic of a hook of the pool
			slots.Release()
		}
	}()
	conn, err := d.pool.Acquire(ctx)
	connected = err == nil
	return slots, conn, slots.Ran(ctx, err)
}

// cleanupWait is how long a slot is held for a connection that pgx closes in the
// background. If the server does not cancel the query, or does not answer, that takes pgx
// up to 15 seconds.
var cleanupWait = time.Second // changed by tests only

// giveBack returns a connection to the pool, and then releases the slots. The pool counts
// a closed connection until the server has canceled its query, and the next operation with
// the slots would wait for that. So a goroutine waits, at most for cleanupWait, and removes
// the connection from the pool then. giveBack returns when that goroutine is done, or when
// one of the contexts has ended.
func (d *DB) giveBack(conn *pgxpool.Conn, slots admission.Slots, one, other context.Context) {
	handedOver := false
	defer func() {
		if !handedOver {
			slots.Release()
		}
	}()
	pg := conn.Conn().PgConn() // panics if the function of Conn has released or hijacked conn
	if !pg.IsClosed() {
		conn.Release()
		return
	}
	handedOver = true
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer slots.Release()
		timeout := time.NewTimer(cleanupWait)
		defer timeout.Stop()
		select {
		case <-pg.CleanupDone():
			conn.Release()
		case <-timeout.C:
			d.remove(conn)
		}
	}()
	select {
	case <-done:
	case <-one.Done():
	case <-other.Done():
	}
}

// remove removes a closed connection from the pool.
func (d *DB) remove(conn *pgxpool.Conn) {
	removed := conn.Hijack()
	if f := d.pool.Config().BeforeClose; f != nil {
		f(removed)
	}
}

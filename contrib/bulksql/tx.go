package bulksql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/bulklink/bulklink-go/contrib/internal/admission"
)

// Tx runs fn in a transaction while it holds one slot. It commits the transaction if fn
// returns nil, and rolls it back if fn returns an error, panics or ends its goroutine. It
// returns the error of fn, or that of beginning or committing the transaction. If ctx
// ended it before the commit, it is the error of ctx. nil options are the defaults of the
// driver. As in [sql.DB.BeginTx], connections that the server has closed are replaced: fn
// is called when a transaction has begun, and at most once.
//
// The slot is held for the whole transaction. With a slot for each statement, a
// transaction would wait for slots while it holds its connection and its locks. fn must
// use tx for all it does: a call with its ctx on a DB with the same bulkhead returns
// [ErrNested]. fn must not commit or roll back, and must not keep tx. For a savepoint,
// execute SAVEPOINT on tx.
func Tx(ctx context.Context, d *DB, opts *sql.TxOptions, fn func(ctx context.Context, tx *sql.Tx) error) error {
	mustHave(fn != nil, "Tx: nil function")
	_, err := admission.Run(ctx, d.admission, func(ctx context.Context) (struct{}, error) {
		begun, err := d.tx(ctx, opts, fn)
		for left := d.attempts(err); left > 0 && !begun && errors.Is(err, driver.ErrBadConn); left-- {
			begun, err = d.tx(ctx, opts, fn)
		}
		return struct{}{}, err
	})
	return err
}

// attempts returns how often Tx may try again to begin a transaction after err. The
// driver returns driver.ErrBadConn for a connection that the server has closed, and
// sql.DB.BeginTx tries again then, but sql.Conn.BeginTx does not.
//
// A bad connection leaves the pool. So each attempt takes another connection, and one
// more than are open now reaches a new connection, also if all of them are bad. There are
// at least two, as in database/sql. The bound is for a server that makes new connections
// bad too.
func (d *DB) attempts(err error) int {
	if !errors.Is(err, driver.ErrBadConn) {
		return 0
	}
	return max(2, d.pool.Stats().OpenConnections+1)
}

// tx runs fn in a transaction on a connection of the pool. It reports whether the
// transaction began, so that fn was called.
func (d *DB) tx(ctx context.Context, opts *sql.TxOptions, fn func(context.Context, *sql.Tx) error) (begun bool, err error) {
	err = d.conn(ctx, func(ctx context.Context, conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, opts)
		if err != nil {
			return err
		}
		begun = true
		defer tx.Rollback() // after Commit it does nothing
		err = fn(ctx, tx)
		if err == nil {
			err = tx.Commit()
		}
		if ctx.Err() != nil && errors.Is(err, sql.ErrTxDone) {
			return ctx.Err() // database/sql rolled back when ctx ended; return the reason
		}
		return err
	})
	return begun, err
}

// Conn runs fn with a connection of its own while it holds one slot: for statements that
// need the same session, such as advisory locks, for [sql.Conn.Raw], and for code that
// takes a *sql.Conn. It returns the error of fn. A call with its ctx on a DB with the same
// bulkhead returns [ErrNested]. fn must not keep the connection. The ctx of fn is canceled
// when fn has returned, so that rows and transactions that fn left open with it end.
func Conn(ctx context.Context, d *DB, fn func(ctx context.Context, conn *sql.Conn) error) error {
	mustHave(fn != nil, "Conn: nil function")
	_, err := admission.Run(ctx, d.admission, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, d.conn(ctx, fn)
	})
	return err
}

// conn runs fn with a connection of the pool, within a slot.
func (d *DB) conn(ctx context.Context, fn func(context.Context, *sql.Conn) error) error {
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return err
	}
	// When ctx ends during a transaction, database/sql rolls back on another goroutine,
	// and Rollback returns immediately. Close waits for that goroutine; otherwise the
	// slot would be released while the connection and the locks are still held.
	defer conn.Close()
	ctx, cancel := context.WithCancel(d.admission.Inside(ctx))
	defer cancel() // otherwise Close waits forever for rows that fn has not closed
	return fn(ctx, conn)
}

package bulksql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/bulklink/bulklink-go/contrib/internal/admission"
)

// Tx runs fn in a transaction while it holds one slot. It commits the transaction if fn
// returns nil, and rolls it back if fn returns an error, panics or ends its goroutine. It
// returns the error of fn, or that of beginning or committing the transaction. If ctx
// ended it before the commit, it is the error of ctx. nil options are the defaults of the
// driver.
//
// The slot is held for the whole transaction. With a slot for each statement, a
// transaction would wait for slots while it holds its connection and its locks. fn must
// use tx for all it does: a call with its ctx on a DB with the same bulkhead returns
// [ErrNested]. fn must not commit or roll back, and must not keep tx. For a savepoint,
// execute SAVEPOINT on tx.
func Tx(ctx context.Context, d *DB, opts *sql.TxOptions, fn func(ctx context.Context, tx *sql.Tx) error) error {
	mustHave(fn != nil, "Tx: nil function")
	return Conn(ctx, d, func(ctx context.Context, conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, opts)
		if err != nil {
			return err
		}
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
}

// Conn runs fn with a connection of its own while it holds one slot: for statements that
// need the same session, such as advisory locks, for [sql.Conn.Raw], and for code that
// takes a *sql.Conn. It returns the error of fn. A call with its ctx on a DB with the same
// bulkhead returns [ErrNested]. fn must not keep the connection. The ctx of fn is canceled
// when fn has returned, so that rows and transactions that fn left open with it end.
func Conn(ctx context.Context, d *DB, fn func(ctx context.Context, conn *sql.Conn) error) error {
	mustHave(fn != nil, "Conn: nil function")
	_, err := admission.Run(ctx, d.admission, func(ctx context.Context) (struct{}, error) {
		conn, err := d.pool.Conn(ctx)
		if err != nil {
			return struct{}{}, err
		}
		// When ctx ends during a transaction, database/sql rolls back on another
		// goroutine, and Rollback returns immediately. Close waits for that goroutine;
		// otherwise the slot would be released while the connection and the locks are
		// still held.
		defer conn.Close()
		ctx, cancel := context.WithCancel(d.admission.Inside(ctx))
		defer cancel() // otherwise Close waits forever for rows that fn has not closed
		return struct{}{}, fn(ctx, conn)
	})
	return err
}

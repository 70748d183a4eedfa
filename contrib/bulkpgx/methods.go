package bulkpgx

import (
	"context"
	"sync"

	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Exec executes a statement while it holds a slot. See [pgxpool.Pool.Exec].
func (d *DB) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) (pgconn.CommandTag, error) {
		return conn.Exec(ctx, query, args...)
	})
}

// CopyFrom copies rows into a table while it holds a slot. See [pgxpool.Pool.CopyFrom].
func (d *DB) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return withConn(ctx, d, func(ctx context.Context, conn *pgxpool.Conn) (int64, error) {
		return conn.CopyFrom(ctx, table, columns, rows)
	})
}

// Query runs a query. Its rows hold a slot until they are closed, read to their end, or
// fail. Rows that are forgotten hold it forever, with their connection. The rows are not
// nil if there is an error: then they are closed, and Err returns it. See the function
// [Query] for a query that cannot lose its slot, and [pgxpool.Pool.Query].
func (d *DB) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	l, err := d.lease(ctx)
	if err != nil {
		return failedRows(err), err
	}
	defer l.endUnlessKept()
	found, err := l.conn.Query(ctx, query, args...)
	l.kept = err == nil
	return &rows{found, l}, err
}

// QueryRow runs a query. Its row holds a slot until it is scanned. A row that is never
// scanned holds it forever, with its connection. The error of a rejected operation is that
// of Scan. See the function [QueryRow] for a query that cannot lose its slot, and
// [pgxpool.Pool.QueryRow].
func (d *DB) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	l, err := d.lease(ctx)
	if err != nil {
		return failedRows(err)
	}
	defer l.endUnlessKept()
	found := l.conn.QueryRow(ctx, query, args...)
	l.kept = true
	return &row{found, l}
}

// Begin begins a transaction, which holds a slot until it is committed or rolled back. See
// the function [Tx] for a transaction that cannot lose its slot, and [pgxpool.Pool.Begin].
func (d *DB) Begin(ctx context.Context) (pgx.Tx, error) { return d.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is [DB.Begin] with options.
func (d *DB) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	l, err := d.lease(ctx)
	if err != nil {
		return nil, err
	}
	defer l.endUnlessKept()
	begun, err := l.conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	l.kept = true
	return &tx{begun, l}, nil
}

// SendBatch sends a batch. Its results hold a slot until they are closed. If the batch
// begins a transaction, they hold it until the transaction is committed or rolled back.
// The error of a rejected operation is that of the results. See [pgxpool.Pool.SendBatch].
func (d *DB) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	l, err := d.lease(ctx)
	if err != nil {
		return pgx.FailedBatchResults(batch, err)
	}
	defer l.endUnlessKept()
	sent := l.conn.SendBatch(ctx, batch)
	l.kept = true
	if begun := sent.Tx(); begun != nil {
		return &txResults{sent, &tx{begun, l}}
	}
	return &results{sent, l}
}

// failedRows returns closed rows with an error.
func failedRows(err error) pgx.Rows { return errRows{err} }

// lease is a slot with a connection.
type lease struct {
	db    *DB
	ctx   context.Context // of the call that acquired it
	conn  *pgxpool.Conn
	slots admission.Slots
	once  sync.Once
	kept  bool // for longer than the call that acquired it
}

func (d *DB) lease(ctx context.Context) (*lease, error) {
	slots, conn, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &lease{db: d, ctx: ctx, conn: conn, slots: slots}, nil
}

// end returns the connection and releases the slot. Only the first call has an effect.
// ctx is that of the call that ends the lease.
func (l *lease) end(ctx context.Context) {
	l.once.Do(func() { l.db.giveBack(l.conn, l.slots, l.ctx, ctx) })
}

// endUnlessKept ends the lease if its operation failed, or panicked.
func (l *lease) endUnlessKept() {
	if !l.kept {
		l.end(l.ctx)
	}
}

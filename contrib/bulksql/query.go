package bulksql

import (
	"context"
	"database/sql"

	"github.com/bulklink/bulklink-go/contrib/internal/admission"
)

// Query runs a query and returns its rows, each as scan returns it. It returns no rows
// together with an error. All rows are read within the slot; see [Each] for results that
// are too large for that.
//
// scan is called for each row, and calls [sql.Rows.Scan]. [Value] is a scan for a single
// column. What scan returns must not contain a [sql.RawBytes], because the rows are
// closed then. An error of scan ends the query, and is returned. scan must not call d: it
// would wait for a second slot. Collect the rows first.
func Query[T any](ctx context.Context, d *DB, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	mustHave(scan != nil, "Query: nil function")
	return admission.Run(ctx, d.admission, func(ctx context.Context) ([]T, error) {
		var found []T
		err := each(ctx, d.pool, func(rows *sql.Rows) (more bool, err error) {
			row, err := scan(rows)
			found = append(found, row)
			return true, err
		}, query, args)
		if err != nil {
			return nil, err
		}
		return found, nil
	})
}

// QueryRow runs a query and returns its first row, as scan returns it. The error is
// [sql.ErrNoRows] if there is none. See [Query] for scan.
func QueryRow[T any](ctx context.Context, d *DB, scan func(*sql.Rows) (T, error), query string, args ...any) (T, error) {
	mustHave(scan != nil, "QueryRow: nil function")
	return admission.Run(ctx, d.admission, func(ctx context.Context) (T, error) {
		var found, zero T
		err := sql.ErrNoRows
		errQuery := each(ctx, d.pool, func(rows *sql.Rows) (more bool, _ error) {
			found, err = scan(rows)
			return false, err
		}, query, args)
		if errQuery != nil {
			return zero, errQuery
		}
		return found, err
	})
}

// Each runs a query and calls f for each row, within the slot. f calls [sql.Rows.Scan]
// and handles one row, so that the rows need not fit into memory. A slow f holds the slot
// and its connection. An error of f ends the query, and is returned.
//
// f must not call d: it would wait for a second slot. Collect the rows first, with
// [Query]. The call is not rejected with [ErrNested], because f has no ctx. Enough of such
// callers wait for each other until their limits pass or their ctx ends.
func Each(ctx context.Context, d *DB, f func(*sql.Rows) error, query string, args ...any) error {
	mustHave(f != nil, "Each: nil function")
	_, err := admission.Run(ctx, d.admission, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, each(ctx, d.pool, func(rows *sql.Rows) (more bool, err error) {
			return true, f(rows)
		}, query, args)
	})
	return err
}

// Value scans a row that has one column. It is a scan for [Query] and [QueryRow]:
//
//	n, err := bulksql.QueryRow(ctx, db, bulksql.Value[int], "SELECT COUNT(*) FROM orders")
func Value[T any](rows *sql.Rows) (value T, err error) { return value, rows.Scan(&value) }

// Exec executes a statement that returns no rows.
func Exec(ctx context.Context, d *DB, query string, args ...any) (sql.Result, error) {
	return admission.Run(ctx, d.admission, func(ctx context.Context) (sql.Result, error) {
		return d.pool.ExecContext(ctx, query, args...)
	})
}

// each calls f for each row of a query, until f returns an error or wants no more. The
// rows are closed when it returns, and the connection is back in the pool: when ctx ends,
// database/sql closes the rows on another goroutine, and Close waits for it.
func each(ctx context.Context, pool *sql.DB, f func(*sql.Rows) (more bool, err error), query string, args []any) (err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() {
		if errClose := rows.Close(); err == nil {
			err = errClose
		}
	}()
	for rows.Next() {
		if more, err := f(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

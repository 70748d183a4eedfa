package bulkpgx

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows are rows that end their lease when they are closed. pgx closes them after their
// last row and after an error.
type rows struct {
	pgx.Rows
	lease *lease
}

// Close closes the rows and ends the lease.
func (r *rows) Close() {
	defer r.lease.end(r.lease.ctx)
	r.Rows.Close()
}

// Next closes the rows after the last one.
func (r *rows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.Close()
	}
	return more
}

// Scan closes the rows after an error.
func (r *rows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

// Values closes the rows after an error.
func (r *rows) Values() ([]any, error) {
	values, err := r.Rows.Values()
	if err != nil {
		r.Close()
	}
	return values, err
}

// row is a row that ends its lease when it is scanned.
type row struct {
	pgx.Row
	lease *lease
}

// Scan scans the row and ends the lease, also after an error.
func (r *row) Scan(dest ...any) error {
	defer r.lease.end(r.lease.ctx)
	return r.Row.Scan(dest...)
}

// tx is a transaction that ends its lease when it is committed or rolled back.
type tx struct {
	pgx.Tx
	lease *lease
}

// Commit commits the transaction and ends the lease, also after an error.
func (t *tx) Commit(ctx context.Context) error {
	defer t.lease.end(ctx)
	return t.Tx.Commit(ctx)
}

// Rollback rolls the transaction back and ends the lease, also after an error.
func (t *tx) Rollback(ctx context.Context) error {
	defer t.lease.end(ctx)
	return t.Tx.Rollback(ctx)
}

// results are the results of a batch that end their lease when they are closed.
type results struct {
	pgx.BatchResults
	lease *lease
}

// Close closes the results and ends the lease.
func (r *results) Close() error {
	defer r.lease.end(r.lease.ctx)
	return r.BatchResults.Close()
}

// txResults are the results of a batch that began a transaction. The transaction ends the
// lease.
type txResults struct {
	pgx.BatchResults
	tx *tx
}

// Tx returns the transaction that ends the lease.
func (r *txResults) Tx() pgx.Tx { return r.tx }

// errRows are closed rows, and a row, of a query that was not sent.
type errRows struct{ err error }

func (errRows) Close()                                       {}
func (r errRows) Err() error                                 { return r.err }
func (errRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (errRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (errRows) Next() bool                                   { return false }
func (r errRows) Scan(...any) error                          { return r.err }
func (r errRows) Values() ([]any, error)                     { return nil, r.err }
func (errRows) RawValues() [][]byte                          { return nil }
func (errRows) Conn() *pgx.Conn                              { return nil }
func (errRows) TypeMap() *pgtype.Map                         { return nil }

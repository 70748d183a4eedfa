package bulksql

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/bulklink/bulklink-go/deadline"
)

// ErrNested matches the error of a call that was made with the ctx of a function given
// to [Tx] or [Conn], on a DB with the same bulkhead. The call was rejected, because it
// would have waited for a second slot while it held the first one. Use the transaction
// or the connection of the function. It does not match [bulk.ErrNotStarted]: a retry
// does not help.
var ErrNested = errors.New("bulksql: call inside Tx or Conn")

// DB is a pool of connections behind a bulkhead. Create one with [New]. It may be used
// concurrently.
type DB struct {
	pool      *sql.DB
	admission admission.Admission
}

// New returns a DB that runs operations on the pool while they hold a slot of b.
//
// The pool must have at least as many connections as b has slots; otherwise New returns
// a [*bulk.ConfigError]. [sql.DB.SetMaxOpenConns] sets the size of the pool, and must be
// called before New. A pool without a limit is large enough, and so is every pool for
// the parallelism [bulk.Unlimited], which only observes. Set the same number of idle
// connections with SetMaxIdleConns: the default of database/sql is 2, and connections
// above it are closed and opened again all the time.
//
// New does not own the pool or b. To shut down, shut b down first, then close the pool.
// A nil pool or b panics.
func New(pool *sql.DB, b *bulk.Bulkhead, opts ...Option) (*DB, error) {
	mustHave(pool != nil, "New: nil pool")
	mustHave(b != nil, "New: nil bulkhead")
	a, err := admission.New(b, ErrNested, opts)
	if err != nil {
		return nil, fmt.Errorf("bulksql: %w", err)
	}
	d := &DB{pool, a}
	if err := d.CheckPool(); err != nil {
		return nil, err
	}
	return d, nil
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("bulksql: " + what)
	}
}

// CheckPool returns a [*bulk.ConfigError] if the pool has fewer connections than the
// bulkhead, together with those given with [SharedWith], has slots. New calls it. Call
// it again after a change of a capacity or of the pool.
func (d *DB) CheckPool() error {
	conns := d.pool.Stats().MaxOpenConnections
	if conns == 0 {
		return nil // no limit
	}
	return d.admission.Check(conns, "MaxOpenConns")
}

// With returns a DB whose operations also have these limits on the wait for their slot.
// d is unchanged. For example, this does not wait:
//
//	bulksql.Exec(ctx, db.With(deadline.NoWait()), "DELETE FROM sessions WHERE …")
func (d *DB) With(limits ...deadline.Limit) *DB {
	return &DB{d.pool, d.admission.With(limits)}
}

// Bulkhead returns the bulkhead given to [New].
func (d *DB) Bulkhead() *bulk.Bulkhead { return d.admission.Bulkhead }

package bulkpgx

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNested matches the error of a call that was made with the ctx of a function given
// to [Tx] or [Conn], on a DB with the same bulkhead. The call was rejected, because it
// would have waited for a second slot while it held the first one. Use the transaction
// or the connection of the function. It does not match [bulk.ErrNotStarted]: a retry
// does not help.
var ErrNested = errors.New("bulkpgx: call inside Tx or Conn")

// DB is a pool of connections behind a bulkhead. Create one with [New]. It may be used
// concurrently.
type DB struct {
	pool      *pgxpool.Pool
	admission admission.Admission
}

// New returns a DB that runs operations on the pool while they hold a slot of b.
//
// The pool must have at least as many connections as b has slots; otherwise New returns
// a [*bulk.ConfigError]. MaxConns of [pgxpool.Config], or pool_max_conns in the
// connection string, sets the size of the pool. The default is 4, or the number of CPUs
// if that is larger. Every pool is large enough for the parallelism [bulk.Unlimited],
// which only observes.
//
// New does not own the pool or b. To shut down, shut b down first, then close the pool.
// A nil pool or b panics.
func New(pool *pgxpool.Pool, b *bulk.Bulkhead, opts ...Option) (*DB, error) {
	mustHave(pool != nil, "New: nil pool")
	mustHave(b != nil, "New: nil bulkhead")
	a, err := admission.New(b, ErrNested, opts)
	if err != nil {
		return nil, fmt.Errorf("bulkpgx: %w", err)
	}
	d := &DB{pool, a}
	if err := d.CheckPool(); err != nil {
		return nil, err
	}
	return d, nil
}

func mustHave(ok bool, what string) {
	if !ok {
		panic("bulkpgx: " + what)
	}
}

// CheckPool returns a [*bulk.ConfigError] if the pool has fewer connections than the
// bulkhead, together with those given with [SharedWith], has slots. New calls it. Call
// it again after a change of a capacity.
func (d *DB) CheckPool() error {
	return d.admission.Check(int(d.pool.Stat().MaxConns()), "MaxConns")
}

// With returns a DB whose operations also have these limits on the wait for their slot.
// d is unchanged. For example, this does not wait:
//
//	db.With(deadline.NoWait()).Exec(ctx, "DELETE FROM sessions WHERE …")
func (d *DB) With(limits ...deadline.Limit) *DB {
	return &DB{d.pool, d.admission.With(limits)}
}

// Bulkhead returns the bulkhead given to [New].
func (d *DB) Bulkhead() *bulk.Bulkhead { return d.admission.Bulkhead }

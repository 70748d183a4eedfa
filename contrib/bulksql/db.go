package bulksql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
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
	pool     *sql.DB
	bulkhead *bulk.Bulkhead
	config   Config
	limit    deadline.Limit
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
	d := &DB{pool: pool, bulkhead: b}
	if err := d.config.apply(b, opts); err != nil {
		return nil, err
	}
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
		return nil
	}
	slots, sharing := 0, ""
	for _, b := range append([]*bulk.Bulkhead{d.bulkhead}, d.config.others...) {
		p := b.Capacity().Parallelism
		if p == bulk.Unlimited {
			return nil
		}
		slots += min(p, math.MaxInt-slots)
	}
	if slots <= conns {
		return nil
	}
	if n := len(d.config.others); n > 0 {
		sharing = fmt.Sprintf(", for this bulkhead and %d others together", n)
	}
	return &bulk.ConfigError{
		Label: d.bulkhead.Label(), Field: "parallelism", Value: slots,
		Problem: fmt.Sprintf("must be at most %d, the MaxOpenConns of the pool%s", conns, sharing),
	}
}

// With returns a DB whose operations also have these limits on the wait for their slot.
// d is unchanged. For example, this does not wait:
//
//	bulksql.Exec(ctx, db.With(deadline.NoWait()), "DELETE FROM sessions WHERE …")
func (d *DB) With(limits ...deadline.Limit) *DB {
	limited := *d
	limited.limit = deadline.Tightest(d.limit, deadline.Tightest(limits...))
	return &limited
}

// Bulkhead returns the bulkhead given to [New].
func (d *DB) Bulkhead() *bulk.Bulkhead { return d.bulkhead }

// run runs fn while it holds a slot.
func run[T any](ctx context.Context, d *DB, fn func(context.Context) (T, error)) (T, error) {
	if ctx.Value(holder{d.bulkhead}) != nil {
		var zero T
		return zero, fmt.Errorf("%w of %v: use its transaction or connection", ErrNested, d.bulkhead)
	}
	if d.config.perKey == nil {
		return bulk.Run(ctx, d.bulkhead, fn, d.limit)
	}
	arrived := time.Now()
	var result T
	err := d.config.perKey(ctx, d.limit, func(ctx context.Context) (err error) {
		limit := d.limit
		if within, ok := limit.Within(); ok { // one limit for both waits
			limit = deadline.Tightest(limit, deadline.Within(within-time.Since(arrived)))
		}
		result, err = bulk.Run(ctx, d.bulkhead, fn, limit)
		return err
	})
	return result, err
}

// holder is the key of a value in the ctx of code that holds a slot of the bulkhead.
type holder struct{ b *bulk.Bulkhead }

func holding(ctx context.Context, b *bulk.Bulkhead) context.Context {
	return context.WithValue(ctx, holder{b}, true)
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// store is a database with two compartments. SQLite lets many read and one
// write, so writing has one slot: writers come one after the other, in order,
// for so long, instead of getting "database is locked" from each other. Reading
// has slots of its own: slow reports hold up no order.
type store struct {
	db            *sql.DB
	reads, writes *bulk.Bulkhead
}

const readers, writers = 4, 1

func newStore(db *sql.DB) *store {
	// As many connections as slots, so that whoever has a slot has a connection.
	// With fewer, operations would wait in the pool of database/sql, which has
	// no bound, no limit and no word about it; and they would hold a slot
	// meanwhile.
	db.SetMaxOpenConns(readers + writers)
	db.SetMaxIdleConns(readers + writers)
	return &store{
		db:     db,
		reads:  bulk.Must(bulk.New("reads", readers, bulk.WaitingRoom(16), bulk.WaitLimit(200*time.Millisecond))),
		writes: bulk.Must(bulk.New("writes", writers, bulk.WaitingRoom(64), bulk.WaitLimit(500*time.Millisecond))),
	}
}

// query runs a query and scans all of its rows within one slot. A connection is
// in use until its rows are closed, not only until Query returns: so rows never
// leave this function.
func query[T any](ctx context.Context, s *store, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	return bulk.Run(ctx, s.reads, func(ctx context.Context) (found []T, err error) {
		rows, err := s.db.QueryContext(ctx, text, args...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			row, err := scan(rows)
			if err != nil {
				return nil, err
			}
			found = append(found, row)
		}
		return found, rows.Err()
	})
}

// transact runs fn in a transaction within one slot: it is committed if fn
// returns nil, and rolled back if it returns an error or panics.
//
// One slot for the whole, not one for each statement: a transaction keeps its
// connection, and one that had to wait for a slot in the middle would wait with
// its locks held. For the same reason fn must use tx and not call query or
// transact.
func (s *store) transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	return bulk.Do(ctx, s.writes, func(ctx context.Context) error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		// When ctx ends, database/sql rolls back on a goroutine of its own, and our
		// Rollback returns at once. Close waits until that is over; otherwise the
		// slot would go to the next writer while the locks are still held.
		defer conn.Close()
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // after Commit it does nothing
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

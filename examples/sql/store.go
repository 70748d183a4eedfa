package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// store is a database with two compartments. SQLite lets many connections read
// and one write, so writing has one slot: writers come one after the other, in
// order, each with a bounded wait, instead of getting "database is locked" from
// each other. Reading has slots of its own: slow reports delay no order.
//
// Each compartment also has a pool of its own. When the context of a query ends,
// the driver interrupts the connection, database/sql closes it, and the next query
// opens another one. Closing asks for the exclusive lock on the database: the
// last connection writes the log back under it, which can take long. A connection
// that is opened meanwhile gets "database is locked". With one pool for both,
// canceled readers took the writers' connections with them, and writers were
// locked out. The writers' own connection is only lost when a writer is canceled,
// and while it is open, no reader's is the last one.
type store struct {
	readDB, writeDB *sql.DB
	reads, writes   *bulk.Bulkhead
}

const readers, writers = 4, 1

// newStore returns a store of the SQLite database in the file path, which is
// made if it isn't there. The driver is the one that is registered as "sqlite"; the
// names of the settings are those of modernc.org/sqlite.
func newStore(ctx context.Context, path string) (*store, error) {
	file := "file:" + filepath.ToSlash(path)
	// A canceled writer loses its connection too, and readers open theirs while
	// others are closed. With a busy timeout, an operation waits for such a lock, and
	// for those of other processes, such as a backup. Writers of this process never
	// wait for each other here: there is one at a time.
	const busy = "&_pragma=busy_timeout(1000)"
	// A transaction takes the write lock when it begins: one that reads first
	// and takes it later can fail without a wait. In the WAL mode, which the file
	// keeps, readers and the writer do not lock each other out.
	writeDB, err := openPool(file+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"+busy, writers)
	if err != nil {
		return nil, err
	}
	if err := writeDB.PingContext(ctx); err != nil { // before readers come: it sets the mode
		return nil, errors.Join(err, writeDB.Close())
	}
	readDB, err := openPool(file+"?_pragma=query_only(1)"+busy, readers)
	if err != nil {
		return nil, errors.Join(err, writeDB.Close())
	}
	return &store{
		readDB:  readDB,
		writeDB: writeDB,
		reads:   bulk.Must(bulk.New("reads", readers, bulk.WaitingRoom(16), bulk.WaitLimit(200*time.Millisecond))),
		writes:  bulk.Must(bulk.New("writes", writers, bulk.WaitingRoom(64), bulk.WaitLimit(500*time.Millisecond))),
	}, nil
}

// openPool opens a pool with as many connections as its compartment has slots,
// so that each holder of a slot has a connection. With fewer, operations would
// wait in the pool of database/sql, whose queue has no bound, no limit and no
// metrics, and would hold a slot meanwhile.
func openPool(source string, slots int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(slots)
	db.SetMaxIdleConns(slots)
	return db, nil
}

// close closes the database. Close the bulkheads before, and wait for them.
func (s *store) close() error { return errors.Join(s.readDB.Close(), s.writeDB.Close()) }

// query runs a query and scans all of its rows within one slot. A connection is
// in use until its rows are closed, not only until Query returns: so rows never
// leave this function.
func query[T any](ctx context.Context, s *store, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	return bulk.Run(ctx, s.reads, func(ctx context.Context) (found []T, err error) {
		rows, err := s.readDB.QueryContext(ctx, text, args...)
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
		conn, err := s.writeDB.Conn(ctx)
		if err != nil {
			return err
		}
		// When ctx ends, database/sql rolls back on a goroutine of its own, and our
		// Rollback returns immediately. Close waits until that is over; otherwise the
		// slot would go to the next writer while the locks are still held.
		defer conn.Close()
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // after Commit it does nothing
		err = fn(ctx, tx)
		if err == nil {
			err = tx.Commit()
		}
		if ctx.Err() != nil && errors.Is(err, sql.ErrTxDone) {
			return ctx.Err() // that goroutine was faster: say why the transaction is done
		}
		return err
	})
}

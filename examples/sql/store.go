package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// store is a database with one bulkhead for readers and one for writers. SQLite
// allows many concurrent readers and one writer, so the bulkhead for writers has one
// slot: writers run one after another, in order, each after a bounded wait, and do not
// get "database is locked" from each other. Readers have separate slots, so slow
// reports delay no order.
//
// Readers and writers also have separate pools. When the context of a query ends, the
// driver interrupts the connection, database/sql closes it, and the next query opens
// another one. Closing the last connection takes the exclusive lock on the database
// to write the log back, which can take long, and a connection opened meanwhile gets
// "database is locked". With one pool for both, a canceled reader could close the last
// connection and lock the writers out. With separate pools, the connection for
// writers is closed only when a writer is canceled, and while it is open, the
// connection of a reader is never the last one.
type store struct {
	readDB, writeDB *sql.DB
	reads, writes   *bulk.Bulkhead
}

const readers, writers = 4, 1

// newStore returns a store of the SQLite database in the file path. It creates the
// file if it does not exist. It uses the driver registered as "sqlite", with the
// settings of modernc.org/sqlite.
func newStore(ctx context.Context, path string) (*store, error) {
	file := "file:" + filepath.ToSlash(path)
	// With a busy timeout, an operation waits for locks that closing a connection
	// takes, and for locks of other processes, such as a backup. Writers of this
	// process never wait here for each other, because only one runs at a time.
	const busy = "&_pragma=busy_timeout(1000)"
	// A transaction takes the write lock when it begins. A transaction that reads first
	// and takes the lock later can fail without waiting. In WAL mode, which is stored in
	// the file, readers and the writer do not block each other.
	writeDB, err := openPool(file+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"+busy, writers)
	if err != nil {
		return nil, err
	}
	if err := writeDB.PingContext(ctx); err != nil { // sets WAL mode before readers start
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

// openPool opens a pool with one connection for each slot of its bulkhead. With fewer
// connections, an operation that holds a slot would wait for a connection in
// database/sql, whose queue has no bound, no wait limit and few metrics.
func openPool(source string, slots int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(slots)
	db.SetMaxIdleConns(slots)
	return db, nil
}

// close closes the database. Shut the bulkheads down first.
func (s *store) close() error { return errors.Join(s.readDB.Close(), s.writeDB.Close()) }

// query runs a query and scans all its rows while it holds one slot. It does not
// return *sql.Rows, because the connection stays in use until the rows are closed.
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

// transact runs fn in a transaction while it holds one slot. It commits the
// transaction if fn returns nil, and rolls it back if fn returns an error or panics.
//
// The slot is held for the whole transaction. With a slot for each statement, a
// transaction would wait for slots while it holds its connection and its locks. For the
// same reason fn must use tx and must not call query or transact.
func (s *store) transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	return bulk.Do(ctx, s.writes, func(ctx context.Context) error {
		conn, err := s.writeDB.Conn(ctx)
		if err != nil {
			return err
		}
		// When ctx ends, database/sql rolls back on another goroutine, and Rollback below
		// returns immediately. Close waits for that goroutine; otherwise the slot would
		// go to the next writer while the locks are still held.
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
			return ctx.Err() // the other goroutine was faster; return the reason
		}
		return err
	})
}

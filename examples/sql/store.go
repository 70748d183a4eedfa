package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
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
	readPool, writePool *sql.DB
	reads, writes       *bulksql.DB
}

const readers, writers = 4, 1

// newStore returns a store of the SQLite database in the file path. It creates the
// file if it does not exist. It uses the driver registered as "sqlite", with the
// settings of modernc.org/sqlite.
func newStore(ctx context.Context, path string) (s *store, err error) {
	s = &store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	file := "file:" + filepath.ToSlash(path)
	// With a busy timeout, an operation waits for locks that closing a connection
	// takes, and for locks of other processes, such as a backup. Writers of this
	// process never wait here for each other, because only one runs at a time.
	const busy = "&_pragma=busy_timeout(1000)"
	// A transaction takes the write lock when it begins. A transaction that reads first
	// and takes the lock later can fail without waiting. In WAL mode, which is stored in
	// the file, readers and the writer do not block each other.
	if s.writePool, err = openPool(file+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"+busy, writers); err != nil {
		return s, err
	}
	if err := s.writePool.PingContext(ctx); err != nil { // sets WAL mode before readers start
		return s, err
	}
	if s.readPool, err = openPool(file+"?_pragma=query_only(1)"+busy, readers); err != nil {
		return s, err
	}
	s.writes, err = bulksql.New(s.writePool, bulk.Must(bulk.New("writes", writers, bulk.WaitingRoom(64), bulk.WaitLimit(500*time.Millisecond))))
	if err != nil {
		return s, err
	}
	s.reads, err = bulksql.New(s.readPool, bulk.Must(bulk.New("reads", readers, bulk.WaitingRoom(16), bulk.WaitLimit(200*time.Millisecond))))
	return s, err
}

// openPool opens a pool with a connection for each slot of its bulkhead.
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
func (s *store) close() error {
	var errs []error
	for _, pool := range []*sql.DB{s.readPool, s.writePool} { // the last one writes the log back
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

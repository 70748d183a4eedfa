package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// A variant opens a pool with conns connections, and returns a function that executes a
// statement.
type variant struct {
	name string
	open func(ctx context.Context, source string) (*database, error)
}

type database struct {
	exec     func(ctx context.Context, query string) error
	close    func()
	bulkhead *bulk.Bulkhead // nil without one
	waited   func() int64   // how many callers have waited for a connection in database/sql
}

var variants = []variant{
	{"database/sql", func(_ context.Context, source string) (*database, error) {
		pool, err := openSQL(source)
		if err != nil {
			return nil, err
		}
		return &database{
			exec:   func(ctx context.Context, query string) error { _, err := pool.ExecContext(ctx, query); return err },
			close:  func() { _ = pool.Close() },
			waited: func() int64 { return pool.Stats().WaitCount },
		}, nil
	}},
	{"database/sql, bulksql", func(_ context.Context, source string) (*database, error) {
		pool, err := openSQL(source)
		if err != nil {
			return nil, err
		}
		b := newBulkhead()
		db, err := bulksql.New(pool, b)
		return &database{
			exec:     func(ctx context.Context, query string) error { _, err := bulksql.Exec(ctx, db, query); return err },
			close:    func() { _ = pool.Close() },
			bulkhead: b,
			waited:   func() int64 { return pool.Stats().WaitCount },
		}, err
	}},
	{"pgxpool", func(ctx context.Context, source string) (*database, error) {
		pool, err := openPgx(ctx, source)
		if err != nil {
			return nil, err
		}
		return &database{
			exec:   func(ctx context.Context, query string) error { _, err := pool.Exec(ctx, query); return err },
			close:  pool.Close,
			waited: func() int64 { return 0 },
		}, nil
	}},
	{"pgxpool, bulkpgx", func(ctx context.Context, source string) (*database, error) {
		pool, err := openPgx(ctx, source)
		if err != nil {
			return nil, err
		}
		b := newBulkhead()
		db, err := bulkpgx.New(pool, b)
		return &database{
			exec:     func(ctx context.Context, query string) error { _, err := db.Exec(ctx, query); return err },
			close:    pool.Close,
			bulkhead: b,
			waited:   func() int64 { return 0 },
		}, err
	}},
}

const waitingRoom = 20

func newBulkhead() *bulk.Bulkhead {
	return bulk.Must(bulk.New("db", conns, bulk.WaitingRoom(waitingRoom), bulk.WaitLimit(200*time.Millisecond)))
}

func openSQL(source string) (*sql.DB, error) {
	pool, err := sql.Open("pgx", source)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool, nil
}

func openPgx(ctx context.Context, source string) (*pgxpool.Pool, error) {
	return pgxpool.New(ctx, fmt.Sprintf("%s pool_max_conns=%d pool_min_conns=%d", source, conns, conns))
}

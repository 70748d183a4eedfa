package bulkpgx_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// operations are statements by the pool, and the same behind a bulkhead.
func operations(t testing.TB) map[string][2]func(context.Context) error {
	pool, err := pgxpool.New(t.Context(), fmt.Sprintf("%s pool_max_conns=1", server.Source))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d, err := bulkpgx.New(pool, bulk.Must(bulk.New("numbers", 1, bulk.WaitingRoom(1))))
	if err != nil {
		t.Fatal(err)
	}
	scan := func(row pgx.Row) error { var n int; return row.Scan(&n) }
	return map[string][2]func(context.Context) error{
		"Conn": { // no statement
			func(ctx context.Context) error {
				return pool.AcquireFunc(ctx, func(*pgxpool.Conn) error { return nil })
			},
			func(ctx context.Context) error {
				return bulkpgx.Conn(ctx, d, func(context.Context, *pgxpool.Conn) error { return nil })
			},
		},
		"Exec": {
			func(ctx context.Context) error { _, err := pool.Exec(ctx, "SELECT 1"); return err },
			func(ctx context.Context) error { _, err := d.Exec(ctx, "SELECT 1"); return err },
		},
		"Tx": {
			func(ctx context.Context) error {
				return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, func(pgx.Tx) error { return nil })
			},
			func(ctx context.Context) error {
				return bulkpgx.Tx(ctx, d, pgx.TxOptions{}, func(context.Context, pgx.Tx) error { return nil })
			},
		},
		"Query": {
			func(ctx context.Context) error {
				rows, _ := pool.Query(ctx, "SELECT 1")
				rows.Close()
				return rows.Err()
			},
			func(ctx context.Context) error {
				rows, _ := d.Query(ctx, "SELECT 1")
				rows.Close()
				return rows.Err()
			},
		},
		"QueryRow": {
			func(ctx context.Context) error { return scan(pool.QueryRow(ctx, "SELECT 1")) },
			func(ctx context.Context) error { return scan(d.QueryRow(ctx, "SELECT 1")) },
		},
		"function QueryRow": {
			func(ctx context.Context) error {
				rows, _ := pool.Query(ctx, "SELECT 1")
				_, err := pgx.CollectOneRow(rows, pgx.RowTo[int])
				return err
			},
			func(ctx context.Context) error {
				_, err := bulkpgx.QueryRow(ctx, d, pgx.RowTo[int], "SELECT 1")
				return err
			},
		},
	}
}

// BenchmarkOperations measures what the bulkhead adds to an operation that is admitted
// without a wait, on a connection through a unix socket.
func BenchmarkOperations(b *testing.B) {
	for name, forms := range operations(b) {
		for i, form := range []string{"pgxpool", "bulkpgx"} {
			b.Run(name+"/"+form, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := forms[i](b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

package bulkpgx_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// example calls f with a new table of orders, behind a bulkhead with two slots.
func example(f func(ctx context.Context, db *bulkpgx.DB) error, opts ...bulkpgx.Option) {
	ctx := context.Background()
	err := func() error {
		pool, err := pgxpool.New(ctx, server.Source+" pool_max_conns=2")
		if err != nil {
			return err
		}
		defer pool.Close()
		b := bulk.Must(bulk.New("shop db", 2, bulk.WaitingRoom(4), bulk.WaitLimit(200*time.Millisecond)))
		db, err := bulkpgx.New(pool, b, opts...)
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, "DROP TABLE IF EXISTS orders; CREATE TABLE orders (item text, amount int); INSERT INTO orders VALUES ('tea', 2), ('coffee', 1)")
		if err != nil {
			return err
		}
		return f(ctx, db)
	}()
	if err != nil {
		fmt.Println(err)
	}
}

func Example() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, server.Source+" pool_max_conns=20")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	b := bulk.Must(bulk.New("shop db", 20, bulk.WaitingRoom(40), bulk.WaitLimit(200*time.Millisecond)))
	db, err := bulkpgx.New(pool, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bulkpgx.QueryRow(ctx, db, pgx.RowTo[string], "SELECT 'tea'"))
	// Output: tea <nil>
}

func ExampleQuery() {
	type order struct {
		Item   string
		Amount int
	}
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		orders, err := bulkpgx.Query(ctx, db, pgx.RowToStructByName[order], "SELECT item, amount FROM orders WHERE amount > $1", 1)
		fmt.Println(orders)
		return err
	})
	// Output: [{tea 2}]
}

func ExampleTx() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		return bulkpgx.Tx(ctx, db, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE orders SET amount = amount + 1 WHERE item = $1", "tea"); err != nil {
				return err
			}
			_, err := db.Exec(ctx, "DELETE FROM orders") // should be tx.Exec
			fmt.Println(err)
			fmt.Println(errors.Is(err, bulkpgx.ErrNested))
			return nil
		})
	})
	// Output:
	// bulkpgx: call inside Tx or Conn of bulkhead "shop db": use its transaction or connection
	// true
}

// The rows need not fit into memory.
func ExampleEach() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		total := 0
		err := bulkpgx.Each(ctx, db, func(row pgx.CollectableRow) error {
			amount, err := pgx.RowTo[int](row)
			total += amount
			return err
		}, "SELECT amount FROM orders")
		fmt.Println(total)
		return err
	})
	// Output: 3
}

// An advisory lock belongs to a session, so it needs a connection of its own.
func ExampleConn() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		return bulkpgx.Conn(ctx, db, func(ctx context.Context, conn *pgxpool.Conn) error {
			var locked bool
			if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(42)").Scan(&locked); err != nil {
				return err
			}
			fmt.Println("locked:", locked)
			_, err := conn.Exec(ctx, "SELECT pg_advisory_unlock(42)")
			return err
		})
	})
	// Output: locked: true
}

// Orders and reports use the same pool of ten connections. Reports get at most three, and
// each tenant at most two of those for orders.
func ExampleSharedWith() {
	pool, err := pgxpool.New(context.Background(), server.Source+" pool_max_conns=10")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	orders, reports := bulk.Must(bulk.New("orders", 7)), bulk.Must(bulk.New("reports", 3))
	tenants, err := registry.NewKeyed[string]("tenants", 2, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, errOrders := bulkpgx.New(pool, orders, bulkpgx.SharedWith(reports), bulkpgx.PerKey(tenants, tenantOf))
	db, errReports := bulkpgx.New(pool, reports, bulkpgx.SharedWith(orders))
	fmt.Println(errOrders, errReports)
	_ = reports.Resize(4) // after New
	fmt.Println(db.CheckPool())
	// Output:
	// <nil> <nil>
	// bulkhead "reports": parallelism 11: must be at most 10, the MaxConns of the pool, for this bulkhead and 1 others together
}

type tenantKey struct{}

func tenantOf(ctx context.Context) (tenant string, limited bool) {
	tenant, limited = ctx.Value(tenantKey{}).(string)
	return tenant, limited
}

// A tenant with a query in flight cannot begin another one. An operation without a tenant
// can.
func ExamplePerKey() {
	tenants, err := registry.NewKeyed[string]("tenants", 1, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		acme := context.WithValue(ctx, tenantKey{}, "acme")
		return bulkpgx.Each(acme, db, func(pgx.CollectableRow) error {
			_, err := db.Exec(acme, "DELETE FROM orders")
			fmt.Println(err)
			_, err = db.Exec(ctx, "DELETE FROM orders WHERE amount = 0")
			fmt.Println(err)
			return nil
		}, "SELECT item FROM orders LIMIT 1")
	}, bulkpgx.PerKey(tenants, tenantOf))
	// Output:
	// bulkhead "tenants": saturated: 1/1 slots in use, 0/0 waiting
	// <nil>
}

// queries has the form of the code that sqlc generates for pgx.
type queries struct{ db dbtx }

func (q queries) amount(ctx context.Context, item string) (n int, err error) {
	return n, q.db.QueryRow(ctx, "SELECT amount FROM orders WHERE item = $1", item).Scan(&n)
}

// Code that sqlc generates takes the DB, or the transaction of Tx.
func ExampleDB() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		n, err := queries{db}.amount(ctx, "tea")
		fmt.Println(n, err)
		return bulkpgx.Tx(ctx, db, pgx.TxOptions{}, func(ctx context.Context, tx pgx.Tx) error {
			n, err := queries{tx}.amount(ctx, "coffee")
			fmt.Println(n)
			return err
		})
	})
	// Output:
	// 2 <nil>
	// 1
}

// A batch holds one slot, and is one round trip.
func ExampleDB_SendBatch() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		var batch pgx.Batch
		for _, item := range []string{"tea", "coffee"} {
			batch.Queue("UPDATE orders SET amount = amount + 1 WHERE item = $1 RETURNING amount", item).QueryRow(func(row pgx.Row) error {
				var amount int
				err := row.Scan(&amount)
				fmt.Println(item, amount)
				return err
			})
		}
		return db.SendBatch(ctx, &batch).Close()
	})
	// Output:
	// tea 3
	// coffee 2
}

// Rows are copied within a transaction of the caller, which holds one slot until it ends.
// Code that needs no transaction for the copy calls CopyFrom of the DB.
func ExampleDB_BeginTx() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx)
		if _, err := tx.Exec(ctx, "DELETE FROM orders"); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"item", "amount"}, pgx.CopyFromRows([][]any{{"milk", 4}})); err != nil {
			return err
		}
		fmt.Println(db.Bulkhead().Status().InUse)
		if err := tx.Commit(ctx); err != nil {
			return err
		}
		fmt.Println(db.Bulkhead().Status().InUse)
		n, err := db.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"item", "amount"}, pgx.CopyFromRows([][]any{{"water", 1}, {"juice", 2}}))
		fmt.Println(n)
		return err
	})
	// Output:
	// 1
	// 0
	// 2
}

func ExampleDB_With() {
	example(func(ctx context.Context, db *bulkpgx.DB) error {
		busy, err := db.Bulkhead().AcquireN(ctx, 2)
		if err != nil {
			return err
		}
		defer busy.Release()
		_, err = db.With(deadline.NoWait()).Exec(ctx, "DELETE FROM orders WHERE amount = 0")
		fmt.Println(err)
		return nil
	})
	// Output: bulkhead "shop db": saturated: 2/2 slots in use, 0/4 waiting
}

package bulkpgx_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkpgx"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// example calls f with a new table of orders, behind a bulkhead with two slots.
func example(f func(ctx context.Context, db *bulkpgx.DB) error) {
	ctx := context.Background()
	err := func() error {
		pool, err := pgxpool.New(ctx, server.Source+" pool_max_conns=2")
		if err != nil {
			return err
		}
		defer pool.Close()
		b := bulk.Must(bulk.New("shop db", 2, bulk.WaitingRoom(4), bulk.WaitLimit(200*time.Millisecond)))
		db, err := bulkpgx.New(pool, b)
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
			return nil
		})
	})
	// Output: bulkpgx: call inside Tx or Conn of bulkhead "shop db": use its transaction or connection
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

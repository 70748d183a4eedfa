package bulksql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// example calls f with a new database of orders, behind a bulkhead with two slots.
func example(f func(ctx context.Context, db *bulksql.DB) error) {
	err := func() error {
		dir, err := os.MkdirTemp("", "orders")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		pool, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "orders.db")))
		if err != nil {
			return err
		}
		defer pool.Close()
		pool.SetMaxOpenConns(2)
		pool.SetMaxIdleConns(2)
		b := bulk.Must(bulk.New("orders db", 2, bulk.WaitingRoom(4), bulk.WaitLimit(200*time.Millisecond)))
		db, err := bulksql.New(pool, b)
		if err != nil {
			return err
		}
		_, err = bulksql.Exec(context.Background(), db, "CREATE TABLE orders (item TEXT, amount INTEGER); INSERT INTO orders VALUES ('tea', 2), ('coffee', 1)")
		if err != nil {
			return err
		}
		return f(context.Background(), db)
	}()
	if err != nil {
		fmt.Println(err)
	}
}

func Example() {
	ctx := context.Background()
	pool, err := sql.Open("sqlite", "file::memory:?cache=shared")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pool.SetMaxOpenConns(20)
	pool.SetMaxIdleConns(20)
	b := bulk.Must(bulk.New("orders db", 20, bulk.WaitingRoom(40), bulk.WaitLimit(200*time.Millisecond)))
	db, err := bulksql.New(pool, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	version, err := bulksql.QueryRow(ctx, db, bulksql.Value[string], "SELECT sqlite_version()")
	fmt.Println(version[:2], err)
	// Output: 3. <nil>
}

// The pool is too small for the bulkhead: some callers with a slot would wait for a
// connection.
func ExampleNew() {
	pool, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pool.SetMaxOpenConns(10)
	_, err = bulksql.New(pool, bulk.Must(bulk.New("orders db", 20)))
	fmt.Println(err)
	fmt.Println(errors.Is(err, bulk.ErrConfig))
	// Output:
	// bulkhead "orders db": parallelism 20: must be at most 10, the MaxOpenConns of the pool
	// true
}

func ExampleQuery() {
	type sale struct {
		item   string
		amount int
	}
	scan := func(rows *sql.Rows) (s sale, err error) { return s, rows.Scan(&s.item, &s.amount) }
	example(func(ctx context.Context, db *bulksql.DB) error {
		sales, err := bulksql.Query(ctx, db, scan, "SELECT item, amount FROM orders WHERE amount > ?", 1)
		fmt.Println(sales)
		return err
	})
	// Output: [{tea 2}]
}

func ExampleQueryRow() {
	example(func(ctx context.Context, db *bulksql.DB) error {
		n, err := bulksql.QueryRow(ctx, db, bulksql.Value[int], "SELECT SUM(amount) FROM orders")
		fmt.Println(n)
		return err
	})
	// Output: 3
}

// The rows need not fit into memory.
func ExampleEach() {
	example(func(ctx context.Context, db *bulksql.DB) error {
		total := 0
		err := bulksql.Each(ctx, db, func(rows *sql.Rows) error {
			amount, err := bulksql.Value[int](rows)
			total += amount
			return err
		}, "SELECT amount FROM orders")
		fmt.Println(total)
		return err
	})
	// Output: 3
}

// Orders and reports use the same pool of ten connections. Reports get at most three, and
// each tenant at most two of those for orders.
func ExampleSharedWith() {
	pool, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pool.SetMaxOpenConns(10)
	orders, reports := bulk.Must(bulk.New("orders", 7)), bulk.Must(bulk.New("reports", 3))
	tenants, err := registry.NewKeyed[string]("tenants", 2, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	type tenantKey struct{}
	tenantOf := func(ctx context.Context) (tenant string, limited bool) {
		tenant, limited = ctx.Value(tenantKey{}).(string)
		return tenant, limited
	}
	_, errOrders := bulksql.New(pool, orders, bulksql.SharedWith(reports), bulksql.PerKey(tenants, tenantOf))
	db, errReports := bulksql.New(pool, reports, bulksql.SharedWith(orders))
	fmt.Println(errOrders, errReports)
	_ = reports.Resize(4) // after New
	fmt.Println(db.CheckPool())
	// Output:
	// <nil> <nil>
	// bulkhead "reports": parallelism 11: must be at most 10, the MaxOpenConns of the pool, for this bulkhead and 1 others together
}

func ExampleTx() {
	example(func(ctx context.Context, db *bulksql.DB) error {
		return bulksql.Tx(ctx, db, nil, func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "UPDATE orders SET amount = amount + 1 WHERE item = ?", "tea"); err != nil {
				return err
			}
			_, err := bulksql.Exec(ctx, db, "DELETE FROM orders") // should be tx.ExecContext
			fmt.Println(err)
			fmt.Println(errors.Is(err, bulksql.ErrNested))
			return nil
		})
	})
	// Output:
	// bulksql: call inside Tx or Conn of bulkhead "orders db": use its transaction or connection
	// true
}

// queries has the form of the code that sqlc generates: its DBTX is satisfied by *sql.Tx
// and *sql.Conn, but not by DB.
type queries struct {
	db interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		PrepareContext(context.Context, string) (*sql.Stmt, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}
}

func (q queries) amount(ctx context.Context, item string) (n int, err error) {
	return n, q.db.QueryRowContext(ctx, "SELECT amount FROM orders WHERE item = ?", item).Scan(&n)
}

// Code that sqlc generates gets a connection for several queries.
func ExampleConn() {
	example(func(ctx context.Context, db *bulksql.DB) error {
		return bulksql.Conn(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
			q := queries{conn}
			n, err := q.amount(ctx, "tea")
			fmt.Println(n)
			return err
		})
	})
	// Output: 2
}

func ExampleDB_With() {
	example(func(ctx context.Context, db *bulksql.DB) error {
		busy, err := db.Bulkhead().AcquireN(ctx, 2)
		if err != nil {
			return err
		}
		defer busy.Release()
		_, err = bulksql.Exec(ctx, db.With(deadline.NoWait()), "DELETE FROM orders WHERE amount = 0") // no need to wait
		fmt.Println(err)
		return nil
	})
	// Output: bulkhead "orders db": saturated: 2/2 slots in use, 0/4 waiting
}

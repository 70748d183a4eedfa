// Sql puts a SQLite database behind two bulkheads, one for readers and one for
// writers, each with its own pool of connections, with contrib/bulksql. The driver is
// written in Go and needs no cgo.
//
//	go run .
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	_ "modernc.org/sqlite" // the driver
)

const about = `Sql reads and writes a SQLite database in a temporary folder, with one bulkhead
for the readers and one for the writers.`

func main() {
	command.Main("sql", about, func(out io.Writer) error {
		dir, err := os.MkdirTemp("", "orders")
		if err != nil {
			return err
		}
		err = run(context.Background(), dir, out)
		return errors.Join(err, os.RemoveAll(dir))
	})
}

// open opens an empty database of orders in dir.
func open(ctx context.Context, dir string) (*store, error) {
	s, err := newStore(ctx, filepath.Join(dir, "orders.db"))
	if err != nil {
		return nil, err
	}
	if _, err := bulksql.Exec(ctx, s.writes, "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, amount INTEGER NOT NULL)"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// order adds an order. It stands for frequent short writes.
func (s *store) order(ctx context.Context, item string, amount int) error {
	return bulksql.Tx(ctx, s.writes, nil, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO orders (item, amount) VALUES (?, ?)", item, amount)
		return err
	})
}

type sales struct {
	item   string
	amount int
}

// bestsellers returns the items by amount sold. It stands for occasional long reads.
func (s *store) bestsellers(ctx context.Context) ([]sales, error) {
	return bulksql.Query(ctx, s.reads, func(rows *sql.Rows) (x sales, err error) {
		return x, rows.Scan(&x.item, &x.amount)
	}, "SELECT item, SUM(amount) FROM orders GROUP BY item ORDER BY 2 DESC, 1")
}

func run(ctx context.Context, dir string, out io.Writer) (err error) {
	s, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for n, item := range []string{"tea", "coffee", "tea"} {
		if err := s.order(ctx, item, n+1); err != nil {
			return err
		}
	}
	// All slots for readers are in use …
	reports, err := s.reads.Bulkhead().AcquireN(ctx, readers)
	if err != nil {
		return err
	}
	_, errReport := s.bestsellers(ctx)
	errOrder := s.order(ctx, "tea", 1) // … which does not affect writers
	fmt.Fprintf(out, "one more report: %v\none more order: %v\n", errReport, errOrder)
	reports.Release()

	best, err := s.bestsellers(ctx)
	fmt.Fprintf(out, "bestsellers: %v\n", best)
	for _, b := range []*bulk.Bulkhead{s.reads.Bulkhead(), s.writes.Bulkhead()} {
		fmt.Fprintf(out, "%s: %d finished\n", b.Label(), b.Status().Totals.Finished)
	}
	return err
}

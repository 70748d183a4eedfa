// Database measures what happens to the callers of a PostgreSQL database under twice the
// load that it can serve, with database/sql and pgxpool, each without and behind a
// bulkhead. docs/database.md has its figures.
//
//	go run .
//
// It starts a PostgreSQL server of its own, which must be installed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/internal/pgtest"
)

const about = `Database starts a PostgreSQL server and sends it twice the load that a pool of
connections can serve, with database/sql and pgxpool, without and behind a bulkhead.`

func main() {
	command.Main("database", about, func(out io.Writer) error { return run(context.Background(), out) })
}

// The pool serves conns/work = 200 queries per second, and 400 arrive.
const (
	conns    = 10
	work     = 50 * time.Millisecond
	interval = 2500 * time.Microsecond
	calls    = 800 // in two seconds
	patience = 500 * time.Millisecond
)

func run(ctx context.Context, out io.Writer) (err error) {
	server, err := pgtest.Start(100)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	for _, c := range []struct {
		title    string
		patience time.Duration
	}{
		{"Callers wait for as long as it takes", 0},
		{"Callers give up after 500 ms", patience},
	} {
		fmt.Fprintf(out, "%s:\n\n%s", c.title, header)
		for _, variant := range variants {
			r, err := measure(ctx, server.Source, variant, load{calls, interval, c.patience})
			if err != nil {
				return fmt.Errorf("%s: %w", variant.name, err)
			}
			fmt.Fprintln(out, r.row(variant.name))
		}
		fmt.Fprintln(out)
	}
	return nil
}

package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulksql"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
)

// BenchmarkQuery measures what the calls of bulksql add to those of database/sql, for an
// operation that is admitted without a wait. The driver answers immediately. work=query
// reads one row, work=exec executes a statement. crowd=yes makes calls on all processors;
// there are enough connections and slots for all.
func BenchmarkQuery(b *testing.B) {
	const conns = 64
	pool := sql.OpenDB(instant{})
	defer pool.Close()
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	db, err := bulksql.New(pool, bulk.Must(bulk.New("orders db", conns, bulk.WaitingRoom(conns))))
	if err != nil {
		b.Fatal(err)
	}
	read := func(ctx context.Context) (n int64, err error) {
		err = pool.QueryRowContext(ctx, "SELECT").Scan(&n)
		return n, err
	}
	write := func(ctx context.Context) (sql.Result, error) { return pool.ExecContext(ctx, "INSERT") }
	reader := failsafe.With(bulkhead.New[int64](conns))
	writer := failsafe.With(bulkhead.New[sql.Result](conns))
	for _, peer := range []struct {
		name        string
		query, exec func(context.Context) error
	}{
		{"none",
			func(ctx context.Context) error { _, err := read(ctx); return err },
			func(ctx context.Context) error { _, err := write(ctx); return err }},
		{"bulklink",
			func(ctx context.Context) error {
				_, err := bulksql.QueryRow(ctx, db, bulksql.Value[int64], "SELECT")
				return err
			},
			func(ctx context.Context) error { _, err := bulksql.Exec(ctx, db, "INSERT"); return err }},
		{"failsafe",
			func(ctx context.Context) error {
				_, err := reader.WithContext(ctx).Get(func() (int64, error) { return read(ctx) })
				return err
			},
			func(ctx context.Context) error {
				_, err := writer.WithContext(ctx).Get(func() (sql.Result, error) { return write(ctx) })
				return err
			}},
	} {
		for _, work := range []struct {
			name string
			call func(context.Context) error
		}{{"query", peer.query}, {"exec", peer.exec}} {
			serve := func(b *testing.B, next func() bool) {
				for next() {
					if err := work.call(context.Background()); err != nil {
						b.Error(err)
						return
					}
				}
			}
			b.Run("work="+work.name+"/crowd=no/peer="+peer.name, func(b *testing.B) {
				b.ReportAllocs()
				serve(b, b.Loop)
			})
			b.Run("work="+work.name+"/crowd=yes/peer="+peer.name, func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) { serve(b, pb.Next) })
			})
		}
	}
}

// instant is a driver whose connections answer immediately, with the number 1.
type instant struct{}

func (instant) Connect(context.Context) (driver.Conn, error) { return &instantConn{}, nil }
func (i instant) Driver() driver.Driver                      { return i }
func (instant) Open(string) (driver.Conn, error)             { return &instantConn{}, nil }

type instantConn struct{ rows instantRows }

var errNotUsed = errors.New("not used")

func (*instantConn) Prepare(string) (driver.Stmt, error) { return nil, errNotUsed }
func (*instantConn) Begin() (driver.Tx, error)           { return nil, errNotUsed }
func (*instantConn) Close() error                        { return nil }

func (c *instantConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	c.rows.read = false
	return &c.rows, nil
}

func (*instantConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

type instantRows struct{ read bool }

var columns = []string{"n"}

func (*instantRows) Columns() []string { return columns }
func (*instantRows) Close() error      { return nil }

func (r *instantRows) Next(values []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read = true
	values[0] = int64(1)
	return nil
}

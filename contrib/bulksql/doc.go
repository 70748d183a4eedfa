// Package bulksql puts a [sql.DB] behind a bulkhead, so that callers wait for a
// connection in a queue with a bound, a wait limit and metrics:
//
//	pool, err := sql.Open("pgx", source)
//	…
//	pool.SetMaxOpenConns(20)
//	pool.SetMaxIdleConns(20)
//	b := bulk.Must(bulk.New("orders db", 20, bulk.WaitingRoom(40), bulk.WaitLimit(200*time.Millisecond)))
//	db, err := bulksql.New(pool, b)
//	…
//	names, err := bulksql.Query(ctx, db, bulksql.Value[string], "SELECT name FROM customers WHERE city = $1", city)
//
// When all connections of a pool are in use, database/sql puts callers into a queue
// without a bound, in which they wait until their ctx ends. docs/database.md shows
// what that does to a service under overload, with figures.
//
// # Slots
//
// An operation holds one slot from its admission until its connection is back in the
// pool: [Query], [QueryRow] and [Each] read and close their rows within the slot, and
// [Tx] ends its transaction within it. None of them returns a *sql.Rows or a *sql.Tx,
// because these use a connection until the caller closes them. The slot and the
// connection are also released when a function of the caller panics or ends its
// goroutine.
//
// So a caller that holds a slot never waits for a connection, if the pool is at least as
// large as the parallelism and all callers of the pool go through bulkheads. [New]
// checks the size of the pool. For different kinds of work, such as orders and reports,
// create several DBs with the same pool and different bulkheads, and tell New about the
// others with [SharedWith].
//
// A rejected operation returns the error of the bulkhead; see [bulk.NotStarted].
//
// # Inside a transaction
//
// The function given to Tx must use its transaction. With a call of Query, Exec or Tx, it
// would wait for a second slot while it holds the first one, and enough of such callers
// would wait for each other until their limits pass. Calls with the ctx of the function
// return [ErrNested] instead. The same holds for functions that are called for each row,
// but these have no ctx, so nothing detects it: see [Each].
//
// Code that sqlc generates takes the *sql.Tx of Tx or the *sql.Conn of [Conn] as its DBTX.
//
// # Cost
//
// To an operation that is admitted without a wait, Exec and QueryRow add about 0.2 µs and
// no allocation. database/sql itself takes about 0.5 µs for Exec and 1.4 µs for QueryRow
// with a driver that answers immediately. An executor of failsafe-go with a bulkhead adds
// about 1.6 µs and 15 allocations in the same run: go test -run '^$' -bench Query in the
// module benchmarks.
package bulksql

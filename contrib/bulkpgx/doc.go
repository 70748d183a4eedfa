// Package bulkpgx puts a [pgxpool.Pool] behind a bulkhead, so that callers wait for a
// connection in a queue with a bound, a wait limit and metrics:
//
//	pool, err := pgxpool.New(ctx, "postgres://localhost/shop?pool_max_conns=20")
//	…
//	b := bulk.Must(bulk.New("shop db", 20, bulk.WaitingRoom(40), bulk.WaitLimit(200*time.Millisecond)))
//	db, err := bulkpgx.New(pool, b)
//	…
//	names, err := bulkpgx.Query(ctx, db, pgx.RowTo[string], "SELECT name FROM customers WHERE city = $1", city)
//
// When all connections of a pool are in use, pgxpool lets callers wait without a bound,
// until their ctx ends. docs/database.md shows what that does to a service under
// overload, with figures.
//
// # Slots
//
// An operation holds one slot from its admission until its connection is back in the
// pool. There are two kinds of operations:
//
//   - The functions [Query], [QueryRow], [Each], [Tx] and [Conn] read their rows and end
//     their transaction within the slot, also when a function of the caller panics or ends
//     its goroutine. Prefer them: they cannot lose a slot.
//   - The methods of [DB] are those of the pool, and satisfy the DBTX of code that sqlc
//     generates. The slot is released where the pool would release the connection: by
//     [pgx.Rows] when it is closed, read to its end or fails, by [pgx.Row] when it is
//     scanned, by [pgx.Tx] when it is committed or rolled back, and by [pgx.BatchResults]
//     when it is closed.
//
// So a caller that holds a slot does not wait for a connection, if the pool is at least as
// large as the parallelism and all callers of the pool go through bulkheads. [New] checks
// the size of the pool. There are two exceptions:
//
//   - The pool replaces a connection that is too old or that failed. That takes a short
//     time.
//   - The pool has the hook AfterRelease of [pgxpool.Config]. pgxpool calls it on a
//     goroutine of its own after the slot has been released, and the connection stays in
//     use until the hook returns. If the hook takes long, such as with a statement on the
//     connection, use the hook PrepareConn instead, which runs within the slot.
//
// For different kinds of work, such as orders and reports, create several DBs with the
// same pool and different bulkheads, and tell New about the others with [SharedWith].
//
// When ctx ends during a query, the call returns immediately, as without a bulkhead. pgx
// asks the server in the background to cancel the query, and closes the connection. A
// goroutine holds the slot until that is done, but for at most one second: then it removes
// the connection from the pool. pgx closes that in the background, which takes up to 15
// seconds. So the slot can be in use for up to one second after the call has returned, and a shutdown of the
// bulkhead waits for it. For a transaction of [DB.Begin], ctx is that of Begin, or that of
// the Commit or Rollback. If the connection is closed for another reason, such as an error
// of the network or the end of the ctx of a single statement in a transaction, the call
// that ends the operation waits for the same, for at most one second.
//
// A rejected operation returns the error of the bulkhead; see [bulk.NotStarted]. For a
// QueryRow it is the error of Scan, and for a SendBatch that of its results.
//
// # Inside a transaction
//
// The function given to Tx must use its transaction. With a call of Query, Exec or Tx, it
// would wait for a second slot while it holds the first one, and enough of such callers
// would wait for each other until their limits pass. Calls with the ctx of the function
// return [ErrNested] instead. Nothing detects such a call between [DB.Begin] and the
// commit, while rows are read, and in a function that is called for each row: see [Each].
//
// # Cost
//
// To an operation that is admitted without a wait, a bulkhead adds about 0.2 µs. A
// statement takes 20 µs or more, also on a unix socket. The functions and [DB.Exec] add no
// allocation, except [Conn], which adds one for the ctx of its function. The methods
// [DB.Query] and [DB.QueryRow], whose results hold the slot, add two:
// go test -run '^$' -bench Operations in this package.
package bulkpgx

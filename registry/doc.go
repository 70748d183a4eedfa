// Package registry keeps many bulkheads: named ones together, and one for each
// key.
//
// A [Registry] has the bulkheads of a program by label, so that a
// configuration file, a status page and the end of the program can reach all
// of them:
//
//	var dependencies = registry.New(bulk.WaitLimit(250 * time.Millisecond))
//
//	payments, err := dependencies.Create("payments", 10, bulk.WaitingRoom(50))
//
//	err = dependencies.ApplyJSON(config)  // new capacities, live
//	statuses := dependencies.Statuses()   // for the status page
//	err = dependencies.Shutdown(ctx)      // turn away, then drain
//
// A [Keyed] has a bulkhead for each customer, tenant or host, made on first
// use, so that one of them fills only its own compartment:
//
//	tenants, err := registry.NewKeyed[string]("tenants", 4, 10_000)
//
//	page, err := registry.RunKey(ctx, tenants, tenant, func(ctx context.Context) (Page, error) {
//		return render(ctx, tenant)
//	})
//
// Use a Registry for what is known when the program is written, and a Keyed for
// what comes with the requests: its number of keys has a bound, and its keys
// stay inside. They are in no label, status, event or error.
//
// # What holds
//
//  1. A label is registered at most once. However many ask at the same time,
//     one makes the bulkhead and all get that one.
//  2. A removed bulkhead is closed and drained before it is forgotten. Until
//     then its label is taken.
//  3. A key has at most one bulkhead, so no more than its parallelism is ever in
//     flight for it. A key with an operation in flight or waiting is never
//     evicted.
//  4. A Keyed has at most maxKeys bulkheads. What is already lost (a done ctx, a
//     passed bound, a closed Keyed) neither makes nor evicts one.
//  5. No lock is held while a bulkhead is waited for, nor while a stranger's
//     code runs: options, event handlers, ctx, fn, the body of a range loop.
//  6. Nothing here has a goroutine of its own.
//
// Everything works inside testing/synctest bubbles, as in package bulk.
package registry

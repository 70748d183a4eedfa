// Package registry keeps many bulkheads: by label, or one for each key.
//
// A [Registry] keeps the bulkheads of a program by label. A configuration file, a
// status page and the shutdown of the program reach all of them:
//
//	var dependencies = registry.New(bulk.WaitLimit(250 * time.Millisecond))
//
//	payments, err := dependencies.Create("payments", 10, bulk.WaitingRoom(50))
//
//	err = dependencies.ApplyJSON(config)  // new capacities, without a restart
//	statuses := dependencies.Statuses()   // for the status page
//
// Shut a server down before its dependencies. Requests that the server has
// accepted still need them:
//
//	err = server.Shutdown(ctx)            // waits for the requests
//	err = dependencies.Shutdown(ctx)      // rejects new operations, waits for the others
//
// A [Keyed] has one bulkhead for each tenant, customer or host, created on first
// use. A tenant that sends too many requests fills its own bulkhead only:
//
//	tenants, err := registry.NewKeyed[string]("tenants", 4, 10_000)
//
//	page, err := registry.RunKey(ctx, tenants, tenant, func(ctx context.Context) (Page, error) {
//		return render(ctx, tenant)
//	})
//
// A key should name what can fail on its own. If requests of a tenant use several
// dependencies, use {tenant, dependency}: with the tenant as the key, one slow
// dependency occupies all slots, and calls of the healthy ones are rejected.
//
//	type domain struct{ tenant, dependency string }
//
//	domains, err := registry.NewKeyed[domain]("tenants", 4, 20_000)
//
// Use a Registry for bulkheads that are known when the program is written. Use a
// Keyed for keys that come with the requests: the number of keys is bounded, and
// keys never appear in labels, statuses, events, errors or printed forms.
//
// The capacity of a Keyed can be changed while it is used, for all keys or by key: see
// [Keyed.SetCapacity] and [CapacityOf]. Made with [CreateKeyed], it is a member of a
// Registry, so the configuration file, the reports and the shutdown reach it too.
//
// # Guarantees
//
//  1. A label is registered at most once. If several goroutines call GetOrCreate
//     with a new label, all of them get the same bulkhead.
//  2. A removed bulkhead is closed and drained before its label is free.
//  3. A key has at most one bulkhead, so at most its parallelism is in flight for
//     it. A key with an operation in flight or waiting is never evicted.
//  4. A Keyed has at most maxKeys bulkheads. An operation with a done ctx or a
//     passed bound, or on a closed Keyed, neither creates nor evicts one.
//  5. No lock is held while a bulkhead is waited for, nor while caller-supplied code
//     runs: options, CapacityOf, event handlers, ctx, fn, the body of a range loop.
//  6. When a change of capacity has returned, every key has the new capacity, also
//     one that came meanwhile. No concurrent change is lost.
//  7. The package starts no goroutines.
//
// Everything works inside testing/synctest bubbles.
package registry

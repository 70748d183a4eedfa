// Package bulk isolates the dependencies of a program from each other. A
// [Bulkhead] around a dependency lets a fixed number of operations run concurrently
// and a bounded number wait in FIFO order for a bounded time. Every other caller
// gets a typed error immediately.
//
//	var payments = bulk.Must(bulk.New("payments", 10,
//		bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)))
//
//	receipt, err := bulk.Run(ctx, payments, func(ctx context.Context) (Receipt, error) {
//		return client.Charge(ctx, order)
//	})
//	if errors.Is(err, bulk.ErrOverload) {
//		// overload: answer 503, try later, or do without
//	}
//
// # Admission
//
// An operation is one protected call. The first rule that applies decides about an
// arrival. ctx is asked before the lock is taken; all other rules apply under it.
//
//  1. ctx is done: rejected as [Canceled].
//  2. The bulkhead is closed: rejected as [Closed].
//  3. It asks for more slots than the parallelism: rejected as [Oversized], unless
//     the parallelism is 0 (paused).
//  4. A [deadline.Before] or [deadline.Reserve] bound has passed: rejected as
//     [Expired], also when slots are free.
//  5. Its slots are free and no operation waits: admitted.
//  6. It may not wait, or the waiting room is full: rejected as [Saturated].
//     [deadline.Reserve] leaves no time to wait: rejected as [Expired].
//  7. Otherwise it is queued.
//
// # Guarantees
//
//  1. A rejected operation was not started and never will be. An admitted one is
//     started exactly once, on the caller's goroutine. [NotStarted] reports which.
//  2. Admission is strictly FIFO. No operation overtakes another: neither a
//     TryAcquire nor a small operation behind a larger one that does not fit yet.
//  3. Slots are handed over: the goroutine that releases a slot grants it to the
//     head of the queue under the same lock.
//  4. No slot is lost or released twice, whatever fn, ctx or a handler does: return,
//     panic, or call runtime.Goexit.
//  5. A wait ends at the earliest of the wait limit, each limit of the call, and
//     ctx. Limits bound the wait only; they never cancel fn.
//  6. Between a grant and the end of the wait limit, the goroutine that takes the lock
//     first decides. Between a grant and the end of ctx, the end of ctx decides.
//  7. Every [Status] is consistent in itself.
//
// # Observability
//
// A [Status] is a snapshot, an [Interval] is what happened between two, and a
// [Report] lists the problems of either. [Recent] reports on the last minute or
// another period. An [Event] describes one transition.
//
// # Nested calls
//
// An operation that starts another one in its own bulkhead holds a slot while it
// waits for one, and can wait forever. Give nested work its own bulkhead.
//
// Everything works inside testing/synctest bubbles.
package bulk

// Package bulk gives each dependency of a program a compartment of its own: so
// many operations at once, so many waiting in order, so long a wait, and a
// clear, typed answer to everyone else, at once.
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
// # Words
//
// An operation is one protected call. It is admitted when it gets its slots (one
// unless it asked for more), and is then in flight until it finishes. One that
// can't be admitted at once may be queued: it is waiting in the waiting room.
// One that is not admitted is turned away, with a reason. Parallelism counts
// slots. Capacity is parallelism, waiting room and wait limit together.
//
// # Who is admitted
//
// An arrival is decided by the first of these rules that applies. All but the
// look at ctx are one section under one lock.
//
//  1. ctx is done: [Canceled].
//  2. The bulkhead is closed: [Closed].
//  3. More slots asked than the parallelism: [Oversized].
//  4. A [deadline.Before] or [deadline.Reserve] bound has passed: [Expired],
//     also when slots are free.
//  5. The slots are free and nobody waits: admitted.
//  6. No wait allowed, or the waiting room is full: [Saturated]. No time left
//     to wait, because of Reserve: [Expired].
//  7. Otherwise: queued.
//
// # What holds
//
//  1. An operation that was rejected was never started, and never will be. One
//     that was admitted is started exactly once, on the caller's goroutine, and
//     returns no error that says otherwise: see [NotStarted].
//  2. Admission is strictly first come, first served. Nobody overtakes: not a
//     TryAcquire, not a small operation behind a large one that doesn't fit.
//  3. Slots are handed over: who frees them grants the head of the queue under
//     the same lock. Nobody races for them.
//  4. No slot is lost: not by a panic, not by runtime.Goexit, not by a caller
//     who gives up at the moment when it is granted. None is freed twice.
//  5. The wait ends at the earliest of the wait limit, each limit of the call,
//     and ctx. Limits bound admission only: they never cancel fn.
//  6. Between hand-over and a bound, whoever takes the lock first decides.
//     Between hand-over and cancellation, cancellation wins.
//  7. Every [Status] is consistent in itself: its equations hold at all times.
//
// # Observability
//
// A [Status] is a consistent snapshot of a bulkhead. [Status.Since] returns the
// [Interval] between two of them, and a [Report] lists the problems of either.
// [Recent] reports on about the last minute, or another period, for readiness
// checks and alerts. An [Event] describes one transition. All of them have a text
// form (String), a JSON form and, except Interval, a log/slog form. The types say
// what these forms contain.
//
// # What it is not for
//
// It decides whether one operation may start, nothing else. It doesn't retry,
// back off, break circuits or limit requests per second, and knows nothing of
// HTTP or of other processes. It composes with the libraries that do. An
// operation that runs another one on its own bulkhead holds one slot while it
// waits for the next: give nested work a bulkhead of its own.
//
// # In tests
//
// Everything works inside testing/synctest bubbles, in virtual time. A bulkhead
// made outside, such as a package-level variable, may be used in any number of
// bubbles, one at a time, and outside again.
package bulk

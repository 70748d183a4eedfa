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
// # Seeing
//
// A [Status] is one reading, [Status.Since] what happened between two, and a
// [Report] a judgement of either. [Recent] judges about the last minute, or
// another period, for readiness checks and alerts. A report changes nothing,
// says nothing on small samples, and is a pure function. These are its findings, in its order.
// Each bound is part of what it bounds.
//
//	code                     severity           when
//	draining                 notice             closed, something in flight
//	over_capacity            warning if anyone  open, more slots in use than the parallelism: a
//	                         waits, or notice   shrink is draining
//	waiting_room_full        critical           open, no free slot, a waiting room, no free place
//	execution_full           warning if anyone  open, no free slot, not over capacity, room not full
//	                         waits or there is
//	                         no room, or notice
//	waiting_room_near_full   warning            open, no free slot, 80 % of the room taken, not full
//	unbounded_wait           notice             open, a waiting room and no wait limit
//	wait_limit_unused        notice             open, a wait limit and no waiting room
//	large_waiting_room       notice             open, at least 100 places and 20 for each slot
//	frequent_queueing        notice             of at least 20 that came for a slot (admitted at
//	                                            once, queued or saturated), 50 % were queued
//	rejections               warning from 5 %,  of at least 20 decisions (admitted, saturated,
//	                         critical from 20 % expired while waiting): saturated or expired
//	expirations              warning from 10 %, of at least 10 that were queued: expired
//	                         critical from 30 %
//	waits_near_limit         warning            a wait limit, at least 5 admitted from the queue,
//	                                            mean wait 75 % or longest 95 % of the limit
//	oversized_operations     warning            anybody asked for more than the parallelism
//	demand_exceeds_capacity  warning            intervals with at least 20 hold samples: offered
//	                                            load 90 % of the parallelism
//	overprovisioned          notice             whole lives of at least 1,000 arrivals: none
//	                                            queued or turned away, peak 25 % of the parallelism
//
// Operations that were turned away because the bulkhead was closed, because
// they were canceled, or because their deadline had passed at arrival are never
// counted as a lack of capacity. An interval judges the present by its End and
// the counts by its differences. Its longest wait is exact if it is the longest
// ever; if not, the lower end of its last bucket is taken.
//
// The offered load is arrivals per second × mean hold, by Little's law. The
// slots that demand_exceeds_capacity names are an estimate by the formulas of
// A. K. Erlang (1917): with a waiting room, so many that the chance of waiting
// is 5 % at the most (Erlang C); without one, so many that the chance of being
// turned away is 1 % at the most (Erlang B). Both assume random (Poisson)
// arrivals and one slot each; C also assumes exponential holds and a waiting
// room without end. Real arrivals come in bursts: take it as the least.
//
// # Forms
//
// Status, Interval, Event, Report and [Finding] have a form for people (String)
// and one for tools (JSON); Status, Event and Report have one for log/slog, with
// the names of JSON and all durations in nanoseconds. An [AdmissionError] is logged as its text, wrapped or not:
// slog looks at the outermost error alone. [Reason], [EventKind] and [Severity] are words, both ways: an
// unknown one is a [*ConfigError]. A label is quoted and escaped wherever it
// came from, and in text and logs a long one is cut: it forges no line, hides
// none and drowns nothing.
//
// The names in JSON stand at the fields, as tags. They are stable: some may be
// added, none is taken away or changes its meaning. Durations are nanoseconds,
// and their names end with _ns, but for the wait limit of a [Capacity], which
// has the form of configuration files. Times are RFC 3339 with nanoseconds,
// enumerations are words. All of it can be read back, by its own types: a label
// then has U+FFFD where there were bytes that are no text, and a time has no
// monotonic part. Read into a new value: what is absent, such as a wait limit
// that isn't there, stays as it was.
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

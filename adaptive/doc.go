// Package adaptive finds the parallelism of a bulkhead by itself. A [Limiter] measures
// the operations that run in a bulkhead, and once a window sets the parallelism to what
// the dependency can serve without queueing.
//
//	var payments = bulk.Must(bulk.New("payments", 20, bulk.WaitingRoom(50)))
//
//	limiter, err := adaptive.New(payments, 5, 200,
//		adaptive.HealthyLatency(time.Second),
//		adaptive.OnDecision(func(d adaptive.Decision) {
//			if d.Changed() {
//				slog.Info("limit", "decision", d)
//			}
//		}))
//	if err != nil {
//		return err
//	}
//	guarded := bulk.Guard1(payments, adaptive.Measure1(limiter, charge))
//
// What is measured is charge alone, from its admission to its return, never the wait
// in the waiting room. All of this works in testing/synctest bubbles.
//
// # How it decides
//
// A window is at least one second long and has at least 100 outcomes if they come
// within ten seconds. It is ended by the operation that completes it, which makes the
// decision: there is no goroutine and no timer. If no operation ends for long, one
// that begins makes the decision. If none begins either, because those that hang hold
// all slots, nothing is decided until one ends.
//
//   - The latency that nine of ten successes did not exceed is compared with the
//     baseline: what it is without queueing. The difference tells how many operations
//     wait inside the dependency (TCP Vegas: Brakmo and Peterson, IEEE JSAC 13(8), 1995).
//     If few wait, the limit grows by up to a quarter; if many, it falls by those that
//     wait.
//   - The throughput tells whether the baseline is right. If a change of the load
//     changed the throughput with it, the dependency has room, and its latency is the
//     baseline. If it did not, the lower load was enough.
//   - If the dependency rejects operations or does not serve them in time (outcome
//     [Overload]), the limit falls to the load that was served, at most by half in one
//     window. It rises above that load one slot at a time, later each time that fails.
//   - If the latency is above [HealthyLatency], the limit falls, whatever the baseline
//     is.
//   - A limit that is not used does not change. Nothing is rejected to measure.
//
// The limit moves between min and max in slots, and operations may have several. It stays
// at or above the largest number of slots for which an operation was rejected as
// oversized, unless that is more than the limiter may set: see [Status].Floor.
// docs/adaptive.md explains every constant, and compares the limiter with others.
//
// # What others set
//
// A parallelism that is set by hand counts immediately: the limiter goes on from there,
// and never sets more than that. A larger one that is set by hand replaces it, up to the
// maximum of the limiter. While the bulkhead is paused, nothing is decided. When it is
// closed, there are no more decisions.
//
// A fleet sets the parallelism again and again. The limiter of a bulkhead that is a member
// of one must be made with [Observe], and its decisions are passed to
// fleet.Member.Follow. Otherwise New returns [ErrJoined], or fleet.Join an error.
package adaptive

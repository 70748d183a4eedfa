// Package sizing says what a bulkhead of another capacity would have done with the same
// operations: "Would 8 slots be enough? What would a waiting room of 20 do?"
//
// It answers from real traffic, without rejecting anybody. In observe mode a bulkhead is
// unlimited, and a [Shadow] has the capacity that is intended:
//
//	package main
//
//	import (
//		"fmt"
//		"net/http"
//		"time"
//
//		"github.com/bulklink/bulklink-go/bulk"
//		"github.com/bulklink/bulklink-go/sizing"
//	)
//
//	var payments = bulk.Must(bulk.New("payments", bulk.Unlimited))
//
//	func main() {
//		shadow, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 8, WaitingRoom: 20, WaitLimit: 250 * time.Millisecond})
//		if err != nil {
//			panic(err)
//		}
//		http.HandleFunc("/debug/payments", func(w http.ResponseWriter, _ *http.Request) {
//			fmt.Fprintln(w, shadow.Status()) // what 8 slots would have done
//		})
//		// … calls of bulk.Run(ctx, payments, charge)
//	}
//
// A [Recorder] keeps the last operations of a bulkhead, and [Trace.Replay] answers the
// question for any number of capacities. A [Trace] can be written to a file and read again:
// examples/whatif does so. docs/introducing.md puts a bulkhead into a service that runs.
//
// # What is computed
//
// The assumption is that the time for which an operation is in flight, its hold, does not
// depend on the capacity. Then a FIFO bulkhead is a function of the arrivals, the slots and
// the holds of the operations: operation n starts at the later of its arrival and the
// earliest time at which a slot is free (J. Kiefer and J. Wolfowitz, "On the theory of
// queues with many servers", Transactions of the American Mathematical Society 78, 1955),
// and it ends after its hold. Package sizing applies all rules of package bulk in this way,
// with their order: the waiting room, the wait limit, delay control, weights, pauses,
// changes of the capacity, Close. If a smaller capacity makes a dependency faster, as it
// often does, operations would have waited less than the shadow says.
//
// # What is exact
//
// Beside an unlimited bulkhead every hold is observed, and the shadow is exact: it has the
// counts and the waits that a real bulkhead of its capacity would have had. Two things are
// not known there, because they did not happen: how much longer a caller would have waited
// until its ctx was done, and that a call has limits of its own. The shadow assumes that
// both waits end only by its capacity.
//
// Beside a bulkhead that has limits:
//
//   - An operation that it rejected has no hold. If the shadow admits it, a hold is drawn
//     from the last 256 that were observed (a replay: from all). The choice depends on the
//     operation's number alone, so that it is the same each time. Until a hold has been
//     observed, the operation stays in flight. [Accuracy] and [Trace.NeverRan] count these
//     operations.
//   - A ctx or a limit of the call that ended a wait ends it in the shadow at the same
//     instant, if the operation still waits there. If it was admitted there before, it never
//     ran in reality, and its hold is drawn.
//   - Events do not carry limits of calls, so they are inferred: an operation was not
//     allowed to wait if it was rejected as saturated while the waiting room had a place, and
//     had a limit of its own if it expired before the bulkhead's wait limit or delay target.
//     A limit that did not end a wait is not known. Totals.Shortened therefore includes
//     operations with limits shorter than the delay target.
//   - An operation that expired at its arrival, or whose ctx was done then, does so in
//     every capacity.
//   - An operation that was abandoned never ran either. If the shadow admits it no earlier
//     than the bulkhead did, it is abandoned there too.
//
// What happens at the same instant has the order of the events of the real bulkhead. If
// they do not tell it, an operation that ends precedes a wait that ends, and of two waits
// the one of the earlier arrival ends first.
//
// With the capacity of the real bulkhead, a shadow counts exactly what that counts, wait by
// wait, if the timers of the waits are exact, as in a testing/synctest bubble. Otherwise the
// difference is that waits end exactly at their bound in the shadow.
//
// The shadow closes when the bulkhead closes. It does not follow changes of its capacity:
// see [Shadow.SetCapacity].
package sizing

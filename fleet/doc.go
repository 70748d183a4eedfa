// Package fleet divides one budget of slots among the bulkheads of many processes.
//
// A dependency takes 100 concurrent calls, however many replicas call it. Each replica
// leases a share of the 100 and resizes its bulkhead to it while the program runs.
// Admission stays local: an operation costs what it costs without a fleet, and the
// store is not asked.
//
//	err := fleet.Create(ctx, store, "payments")    // once, with the first deployment
//
//	b, err := bulk.New("payments", 1, bulk.WaitingRoom(50))
//	m, err := fleet.Join(ctx, store, "payments", 100, b)
//
//	receipt, err := bulk.Run(ctx, b, charge)       // as ever
//
//	err = server.Shutdown(stopping)                // another ctx than that of Join, which is done
//	err = m.Leave(stopping)                        // gives the share back
//
// Without Create the first members wait for TTL and Grace, half a minute with the
// defaults, before they admit an operation: they cannot know whether others hold slots.
//
// The members share one small record, in any engine that has compare-and-swap: see
// [Store]. A member writes it once in each refresh, and sees the writes of the others
// through a watch.
//
// # What is promised
//
// The sum of what the members may use and of what still drains never exceeds the total,
// if all members use [Stop], if no operation takes longer than [Grace] (less the drift of
// the clocks over TTL and Grace), and if the engine loses no write that it acknowledged.
// Clocks need not be synchronized. Requests and answers may be lost or late, members may
// be cut off or killed, and the store may lose its record. These are the exceptions:
//
//   - A process that stands still for longer than TTL and Grace: the others use its share
//     meanwhile. Its operations from before the pause, and those that it admits before its
//     timer fires, come on top. On Linux the monotonic clock does not count the time for
//     which a machine is suspended.
//   - An engine that goes back to an older record: until its members notice, at the
//     latest with their next refresh, a newcomer can get slots that another member has.
//   - Members with different leases: if the store loses its record, a member that has
//     never seen that record cannot know of a TTL that is longer than its own. It can give
//     the share of a member that it has not seen away too early, unless a member that has
//     seen it refreshes before the newcomer's own TTL and Grace have passed.
//   - A total that is lowered holds when every member has seen it, which takes a
//     lease, and what is in flight has ended.
//   - Code that resizes the bulkhead itself: see [Member.SetLimit].
//
// # How a share moves
//
// A member publishes its demand since the last refresh, on average and at the peak, with
// a headroom of a tenth and at least one slot (none without load): the slots in use or,
// while operations wait, all slots and one more for each operation that waits. If it
// rejected operations as saturated, expired or oversized, its peak is at least its share
// and a half. That also holds for operations that are larger than the total and can never
// be admitted.
//
// Shares are max-min fair, first by the averages and then by the peaks; free slots that
// none of them demands are divided evenly. A member keeps slots that it does not use until
// another one lacks some. A member that must give slots back resizes its bulkhead first
// and then writes what it has left; in the same write it gives the slots to the others. So
// slots that one member does not use are with another one that needs them after at most
// two refreshes and the longest operation. If there are fewer slots than members with a
// demand, they take turns of two to three refreshes.
//
// A member counts its lease from the moment before it sent the request, on its own clock,
// and stops when the TTL has passed. The others give its share away when they have seen
// no renewal for TTL and Grace, on theirs. While a record is new, for TTL and Grace, no
// share grows: the members report first what they have.
//
// Everything works inside testing/synctest bubbles, with [Memory] as the store.
package fleet

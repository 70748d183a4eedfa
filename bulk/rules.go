package bulk

// rules is the table of the package documentation, in its order. Advice begins
// with what to look at: more capacity helps only if the dependency can take
// more, and makes things worse if it can't.
var rules = []rule{
	{CodeDraining, draining,
		"Nothing, if it is soon over. If not, look at what the operations in flight wait for: closing interrupts nothing, so give them a timeout."},
	{CodeOverCapacity, overCapacity,
		"Nothing, if it is soon over. If not, look at how long operations hold their slots: a smaller parallelism interrupts none of them."},
	{CodeWaitingRoomFull, waitingRoomFull,
		"Look at the dependency first: is it slower than usual, or failing slowly? Then at who sends more than usual, retries included. A larger room only makes callers wait longer."},
	{CodeExecutionFull, executionFull,
		"Look at whether it stays so. If it does, look at how long operations hold their slots and at what the dependency can take, before the parallelism."},
	{CodeWaitingRoomNearFull, waitingRoomNearFull,
		"Look at the dependency and at who sends more than usual, now, before callers are turned away."},
	{CodeUnboundedWait, unboundedWait,
		"Look at how long a caller really has, and set the wait limit below that: work for a caller who has given up is lost."},
	{CodeWaitLimitUnused, waitLimitUnused,
		"Look at whether callers can afford to wait. If they can, set a waiting room. If not, set the wait limit to 0."},
	{CodeLargeWaitingRoom, largeWaitingRoom,
		"Look at how long the last one waits: places per slot × the time an operation holds its slot. If no caller has that long, make the room smaller: turned away at once is better than late."},
	{CodeFrequentQueueing, frequentQueueing,
		"Look at the quantiles of the waits. If callers can afford them, this is fine. If not, look at how long operations hold their slots, before the parallelism."},
	{CodeRejections, rejections,
		"Look at how long operations hold their slots compared with better days, and at the dependency's own limits. More parallelism helps only if the dependency is not what is slow."},
	{CodeExpirations, expirations,
		"Look at how long operations hold their slots: who waits longer than allowed has slow ones in front. If waits are always that long, a smaller room turns callers away sooner, not later."},
	{CodeWaitsNearLimit, waitsNearLimit,
		"Look at the quantiles of the waits and at the holds: a little more load, and these waits expire. Don't raise the limit beyond what callers have."},
	{CodeOversizedOperations, oversizedOperations,
		"Look at the caller that asks for so many slots, or at who made the parallelism smaller: such an operation can never be admitted."},
	{CodeDemandExceedsCapacity, demandExceedsCapacity,
		"Look at why operations hold their slots for so long, at retries among the arrivals, and at what the dependency can take, before the parallelism. " +
			"The number of slots is an estimate: it assumes random (Poisson) arrivals, exponential holds and one slot each, and with a waiting room, one without end."},
	{CodeOverprovisioned, overprovisioned,
		"Look at whether the busiest hour is in it. If it is, a lower parallelism protects the dependency better at no cost."},
}

package bulk

import "time"

// rule is one row of the table in the documentation of [Report]. eval returns
// SeverityOK if there is no problem, and a message with the figures.
type rule struct {
	code   Code
	eval   func(*input) (Severity, string)
	advice string
}

// input is what a report judges.
type input struct {
	current  Status    // the current state
	totals   Totals    // what happened: over the whole life, or in the interval
	interval *Interval // nil: the whole life
}

// evaluate returns the findings, in the order of the rules.
func evaluate(in *input) []Finding {
	var found []Finding
	for _, r := range rules {
		if severity, message := r.eval(in); severity > SeverityOK {
			found = append(found, Finding{r.code, severity, message, r.advice})
		}
	}
	return found
}

// rules is the table in the documentation of [Report], in its order. The advice
// says what to check before what to change: more capacity helps only if the
// dependency can take more load, and makes the problem worse otherwise.
var rules = []rule{
	{CodeDraining, draining,
		"No action is needed if this clears soon. " +
			"Otherwise check what the operations in flight are blocked on. " +
			"Close does not interrupt them: give them a timeout."},
	{CodePaused, paused,
		"Check who paused the bulkhead, and why. " +
			"Raise the parallelism when the dependency can take load again."},
	{CodeOverCapacity, overCapacity,
		"No action is needed if this clears soon. " +
			"Otherwise check what the operations in flight are blocked on. " +
			"A lower parallelism does not interrupt them: give them a timeout."},
	{CodeWaitingRoomFull, waitingRoomFull,
		"Check whether the dependency is slow or failing. " +
			"Check whether callers send more than usual, or retry. " +
			"Do not enlarge the waiting room: callers would only wait longer."},
	{CodeExecutionFull, executionFull,
		"No action is needed if this clears soon. " +
			"Otherwise check why operations hold their slots so long. " +
			"Before raising parallelism, check how much load the dependency can take."},
	{CodeWaitingRoomNearFull, waitingRoomNearFull,
		"Check now whether the dependency is slow or failing. " +
			"Check whether callers send more than usual, or retry. " +
			"Operations will be rejected when the waiting room is full."},
	{CodeStandingQueue, standingQueue,
		"Check whether the dependency is slow or failing. " +
			"Check whether callers send more than usual, or retry. " +
			"If the load lasts, set delay control: callers then wait for a fraction of the time. " +
			"Before raising parallelism, check how much load the dependency can take."},
	{CodeLongHold, longHold,
		"Check what the oldest operation in flight is blocked on. " +
			"It holds its slots until it returns: give operations a timeout. " +
			"A slot that is acquired and never released looks the same."},
	{CodeUnboundedWait, unboundedWait,
		"Check how long callers can afford to wait. " +
			"Set the wait limit below that time. " +
			"Otherwise slots are used for callers that have already given up."},
	{CodeWaitLimitUnused, waitLimitUnused,
		"Check whether callers can afford to wait. " +
			"If they can, set a waiting room. " +
			"If not, set the wait limit to 0."},
	{CodeLargeWaitingRoom, largeWaitingRoom,
		"Check how long the last operation in a full waiting room waits: places for each slot × the time that an operation holds its slot. " +
			"If no caller can wait that long, make the waiting room smaller. " +
			"An immediate rejection is better for the caller than a late one."},
	{CodeFrequentQueueing, frequentQueueing,
		"Check the quantiles of the waits. " +
			"If callers can afford to wait that long, no action is needed. " +
			"Otherwise check why operations hold their slots so long. " +
			"Do that before raising parallelism."},
	{CodeRejections, rejections,
		"Check whether operations hold their slots longer than usual. " +
			"Check the limits of the dependency. " +
			"Raise parallelism only if the dependency can take more load."},
	{CodeExpirations, expirations,
		"Check why operations hold their slots so long: waits expire because the operations ahead are slow. " +
			"If waits are always that long, make the waiting room smaller, so that callers are rejected immediately."},
	{CodeWaitsNearLimit, waitsNearLimit,
		"Check the quantiles of the waits: with a little more load, operations will expire while they wait. " +
			"Check how long operations hold their slots. " +
			"Do not raise the wait limit above the time that callers can afford."},
	{CodeOversizedOperations, oversizedOperations,
		"Check which caller asks for more slots than the parallelism. " +
			"Check whether the parallelism was lowered. " +
			"An operation that asks for more slots than the parallelism is never admitted."},
	{CodeDemandExceedsCapacity, demandExceedsCapacity,
		"Check why operations hold their slots so long. " +
			"Check how many arrivals are retries. " +
			"Before raising parallelism, check how much load the dependency can take. " +
			"The number of slots is an estimate. " +
			"It assumes random (Poisson) arrivals, exponential times in flight, one slot for each operation and, with a waiting room, an unlimited one."},
	{CodeOverprovisioned, overprovisioned,
		"Check whether the busiest hour is included. " +
			"If it is, lower the parallelism: that protects the dependency better and rejects nothing."},
}

// The thresholds of the rules. All of them are inclusive.
const (
	nearFullPercent = 80 // of the waiting room

	standingTime = 10 * time.Second // for which the waiting room has not been empty

	longHoldTime       = 10 * time.Second
	longHoldFactor     = 20 // times the mean of Holds
	longHoldMinSamples = 20 // of Holds

	largeRoom        = 100 // places
	largeRoomPerSlot = 20  // places

	queueingMinDemand = 20 // operations admitted immediately, queued or saturated
	queueingPercent   = 50

	rejectionsMinDecisions    = 20 // operations admitted, saturated or expired while waiting
	rejectionsWarningPercent  = 5
	rejectionsCriticalPercent = 20

	expirationsMinQueued       = 10 // operations
	expirationsWarningPercent  = 10
	expirationsCriticalPercent = 30

	waitsMinAdmitted   = 5  // from the queue
	meanWaitPercent    = 75 // of the wait limit
	longestWaitPercent = 95 // of the wait limit

	demandMinSamples = 20 // of Holds
	demandPercent    = 90 // of the parallelism

	overprovisionedMinArrivals = 1000
	overprovisionedDivisor     = 4 // at most this part of the parallelism was ever in use
)

// atLeast reports whether part is at least percent of whole. Neither is negative.
//
// The products are exact below 2⁵³, which is 90·10¹² operations or 25 hours. A
// larger part is compared to within 2⁻⁵² of itself.
func atLeast[N uint64 | int | time.Duration](part, whole N, percent float64) bool {
	return float64(part)*100 >= float64(whole)*percent
}

// severityFor returns the severity of a share with two thresholds.
func severityFor(part, whole uint64, warningPercent, criticalPercent float64) Severity {
	switch {
	case atLeast(part, whole, criticalPercent):
		return SeverityCritical
	case atLeast(part, whole, warningPercent):
		return SeverityWarning
	}
	return SeverityOK
}

// severityIf returns s if the condition holds, otherwise SeverityOK.
func severityIf(holds bool, s Severity) Severity {
	if holds {
		return s
	}
	return SeverityOK
}

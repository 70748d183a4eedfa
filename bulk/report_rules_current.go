package bulk

import "fmt"

// The rules that judge the current state.

func draining(in *input) (Severity, string) {
	s := in.current
	return severityIf(s.Closed && s.InFlight > 0, SeverityNotice),
		fmt.Sprintf("Closed, with %s in flight on %s.", plural(s.InFlight, "operation"), plural(s.InUse, "slot"))
}

func paused(in *input) (Severity, string) {
	s := in.current
	severity := SeverityNotice
	if s.Waiting > 0 {
		severity = SeverityWarning
	}
	return severityIf(!s.Closed && s.Paused(), severity),
		fmt.Sprintf("The parallelism is 0: no operation is admitted. %s, %d waiting.", plural(s.InFlight, "operation")+" in flight", s.Waiting)
}

func overCapacity(in *input) (Severity, string) {
	s := in.current
	severity := SeverityNotice
	if s.Waiting > 0 {
		severity = SeverityWarning
	}
	return severityIf(!s.Closed && !s.Paused() && s.Excess() > 0, severity),
		fmt.Sprintf("%s: the parallelism was lowered. No operation is admitted until fewer than %d slots are in use.",
			s.numbers(), s.Capacity.Parallelism)
}

func waitingRoomFull(in *input) (Severity, string) {
	s := in.current
	return severityIf(noFreeSlot(s) && roomFull(s), SeverityCritical),
		fmt.Sprintf("%s: the next arrival is rejected.", s.numbers())
}

func executionFull(in *input) (Severity, string) {
	s := in.current
	severity, next := SeverityNotice, "waits"
	if s.Waiting > 0 || s.Capacity.WaitingRoom == 0 {
		severity = SeverityWarning
	}
	if s.Capacity.WaitingRoom == 0 {
		next = "is rejected"
	}
	return severityIf(noFreeSlot(s) && !s.Paused() && s.Excess() == 0 && !roomFull(s), severity),
		fmt.Sprintf("%s: the next arrival %s.", s.numbers(), next)
}

func waitingRoomNearFull(in *input) (Severity, string) {
	s := in.current
	waiting, places := max(0, s.Waiting), max(0, s.Capacity.WaitingRoom)
	near := places > 0 && atLeast(waiting, places, nearFullPercent)
	return severityIf(noFreeSlot(s) && near && !roomFull(s), SeverityWarning),
		fmt.Sprintf("%s: %s of the waiting room is in use.", s.numbers(), percent(waiting, places))
}

func standingQueue(in *input) (Severity, string) {
	s := in.current
	return severityIf(!s.Closed && !s.Paused() && s.Queueing >= standingTime, SeverityWarning),
		fmt.Sprintf("The waiting room has not been empty for %v. %s waiting, the oldest for %v.",
			round3(s.Queueing), plural(s.Waiting, "operation"), round3(s.OldestWait))
}

func longHold(in *input) (Severity, string) {
	oldest, holds := in.current.OldestHold, in.current.Totals.Holds // an interval in which everything hangs has no samples
	long := holds.Samples >= longHoldMinSamples && oldest >= longHoldTime && atLeast(oldest, holds.Mean(), longHoldFactor*100)
	return severityIf(long, SeverityWarning),
		fmt.Sprintf("An operation has been in flight for %v. The mean is %v, of %d samples.", round3(oldest), round3(holds.Mean()), holds.Samples)
}

func unboundedWait(in *input) (Severity, string) {
	s := in.current
	return severityIf(!s.Closed && s.Capacity.WaitingRoom > 0 && s.Capacity.WaitLimit == 0, SeverityNotice),
		fmt.Sprintf("There is no wait limit: %s can wait, each until its own ctx ends.", plural(s.Capacity.WaitingRoom, "operation"))
}

func waitLimitUnused(in *input) (Severity, string) {
	c := in.current.Capacity
	return severityIf(!in.current.Closed && c.WaitLimit > 0 && c.WaitingRoom == 0, SeverityNotice),
		fmt.Sprintf("The wait limit is %v, but there is no waiting room: an operation that is not admitted immediately is rejected.", c.WaitLimit)
}

func largeWaitingRoom(in *input) (Severity, string) {
	s := in.current
	places, slots := s.Capacity.WaitingRoom, max(0, s.Capacity.Parallelism)
	message := fmt.Sprintf("The waiting room has %s for %s", plural(places, "place"), plural(slots, "slot"))
	if slots > 0 {
		message += fmt.Sprintf(": %d for each slot", places/slots)
	}
	return severityIf(!s.Closed && places >= largeRoom && places/largeRoomPerSlot >= slots, SeverityNotice), message + "."
}

// noFreeSlot reports whether s is open and no slot is free.
func noFreeSlot(s Status) bool { return !s.Closed && s.Free() == 0 }

// roomFull reports whether there is a waiting room and no place in it is free.
func roomFull(s Status) bool {
	return s.Capacity.WaitingRoom > 0 && s.Waiting >= s.Capacity.WaitingRoom
}

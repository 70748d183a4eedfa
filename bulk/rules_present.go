package bulk

import "fmt"

// The rules that judge the present.

func draining(e *evidence) (Severity, string) {
	s := e.now
	return when(s.Closed && s.InFlight > 0, SeverityNotice),
		fmt.Sprintf("Closed, and %s in flight, on %s.", several(s.InFlight, "operation"), several(s.InUse, "slot"))
}

func overCapacity(e *evidence) (Severity, string) {
	s := e.now
	severity := SeverityNotice
	if s.Waiting > 0 {
		severity = SeverityWarning
	}
	return when(!s.Closed && s.Excess() > 0, severity),
		fmt.Sprintf("%s: a smaller parallelism was set, and nobody is admitted until fewer than %d are in use.",
			s.numbers(), s.Capacity.Parallelism)
}

func waitingRoomFull(e *evidence) (Severity, string) {
	return when(full(e.now) && roomFull(e.now), SeverityCritical),
		fmt.Sprintf("%s: the next arrival is turned away.", e.now.numbers())
}

func executionFull(e *evidence) (Severity, string) {
	s := e.now
	severity, next := SeverityNotice, "waits"
	if s.Waiting > 0 || s.Capacity.WaitingRoom == 0 {
		severity = SeverityWarning
	}
	if s.Capacity.WaitingRoom == 0 {
		next = "is turned away"
	}
	return when(full(s) && s.Excess() == 0 && !roomFull(s), severity),
		fmt.Sprintf("%s: the next arrival %s.", s.numbers(), next)
}

func waitingRoomNearFull(e *evidence) (Severity, string) {
	s := e.now
	waiting, places := count(s.Waiting), count(s.Capacity.WaitingRoom)
	near := places > 0 && atLeast(waiting, places, nearFullPercent)
	return when(full(s) && near && !roomFull(s), SeverityWarning),
		fmt.Sprintf("%s: the room is %s full.", s.numbers(), percent(waiting, places))
}

func unboundedWait(e *evidence) (Severity, string) {
	s := e.now
	return when(!s.Closed && s.Capacity.WaitingRoom > 0 && s.Capacity.WaitLimit == 0, SeverityNotice),
		fmt.Sprintf("%s may wait, for as long as their own ctx lets them: there is no wait limit.", several(s.Capacity.WaitingRoom, "operation"))
}

func waitLimitUnused(e *evidence) (Severity, string) {
	c := e.now.Capacity
	return when(!e.now.Closed && c.WaitLimit > 0 && c.WaitingRoom == 0, SeverityNotice),
		fmt.Sprintf("The wait limit is %v, but there is no waiting room: an operation that is not admitted immediately is rejected.", c.WaitLimit)
}

func largeWaitingRoom(e *evidence) (Severity, string) {
	s := e.now
	places, slots := s.Capacity.WaitingRoom, max(1, s.Capacity.Parallelism)
	return when(!s.Closed && places >= largeRoom && places/largeRoomPerSlot >= slots, SeverityNotice),
		fmt.Sprintf("The waiting room has %s for %s: %d for each.", several(places, "place"), several(slots, "slot"), places/slots)
}

// full reports whether s is open and no slot is free. The zero Status has none
// in use either: it is no bulkhead's.
func full(s Status) bool { return !s.Closed && s.InUse > 0 && s.Free() == 0 }

// roomFull reports whether there is a waiting room and no place in it is free.
func roomFull(s Status) bool {
	return s.Capacity.WaitingRoom > 0 && s.Waiting >= s.Capacity.WaitingRoom
}

// count makes a number that can't be negative an unsigned one, also if somebody
// made it so.
func count(n int) uint64 { return uint64(max(0, n)) }

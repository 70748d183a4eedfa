package bulk

import (
	"math/bits"
	"time"
)

// Code names what was found, for programs: it never changes.
type Code string

// In the order in which a report has them.
const (
	CodeDraining              Code = "draining"
	CodeOverCapacity          Code = "over_capacity"
	CodeWaitingRoomFull       Code = "waiting_room_full"
	CodeExecutionFull         Code = "execution_full"
	CodeWaitingRoomNearFull   Code = "waiting_room_near_full"
	CodeUnboundedWait         Code = "unbounded_wait"
	CodeWaitLimitUnused       Code = "wait_limit_unused"
	CodeLargeWaitingRoom      Code = "large_waiting_room"
	CodeFrequentQueueing      Code = "frequent_queueing"
	CodeRejections            Code = "rejections"
	CodeExpirations           Code = "expirations"
	CodeWaitsNearLimit        Code = "waits_near_limit"
	CodeOversizedOperations   Code = "oversized_operations"
	CodeDemandExceedsCapacity Code = "demand_exceeds_capacity"
	CodeOverprovisioned       Code = "overprovisioned"
)

// rule is one row of the table. judge says how bad it is, SeverityOK if there
// is nothing to say, and what was seen.
type rule struct {
	code   Code
	judge  func(*evidence) (Severity, string)
	advice string
}

// evidence is what a report judges.
type evidence struct {
	now      Status    // for the present
	past     Totals    // for the past: of the whole life, or differences
	interval *Interval // nil: the whole life
}

// find goes through the table.
func find(e *evidence) []Finding {
	var found []Finding
	for _, r := range rules {
		if severity, message := r.judge(e); severity > SeverityOK {
			found = append(found, Finding{r.code, severity, message, r.advice})
		}
	}
	return found
}

// The bounds of the table. All of them are part of what they bound.
const (
	nearFullPercent = 80 // of the waiting room

	largeRoom        = 100 // places
	largeRoomPerSlot = 20

	queueingSample  = 20 // that came for a slot
	queueingPercent = 50

	rejectionSample   = 20 // decisions
	rejectionWarning  = 5  // percent
	rejectionCritical = 20

	expirationSample   = 10 // queued
	expirationWarning  = 10 // percent
	expirationCritical = 30

	waitSample         = 5  // admitted from the queue
	meanWaitPercent    = 75 // of the wait limit
	longestWaitPercent = 95

	holdSample    = 20
	demandPercent = 90 // of the parallelism

	spareSample  = 1000 // arrivals
	spareQuarter = 4    // the peak is at most this part of the parallelism
)

// atLeast reports whether part is at least so many percent of whole: exactly,
// for numbers of any size.
func atLeast(part, whole, percent uint64) bool {
	hi, lo := bits.Mul64(part, 100)
	boundHi, boundLo := bits.Mul64(whole, percent)
	return hi > boundHi || hi == boundHi && lo >= boundLo
}

// atLeastOf is atLeast for durations that aren't negative.
func atLeastOf(part, whole time.Duration, percent uint64) bool {
	return atLeast(uint64(part), uint64(whole), percent)
}

// grade returns how bad a share is.
func grade(part, whole, warning, critical uint64) Severity {
	switch {
	case atLeast(part, whole, critical):
		return SeverityCritical
	case atLeast(part, whole, warning):
		return SeverityWarning
	}
	return SeverityOK
}

// when returns the severity if the condition holds.
func when(holds bool, s Severity) Severity {
	if holds {
		return s
	}
	return SeverityOK
}

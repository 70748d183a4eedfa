package bulk

import "fmt"

// Finding is one problem that a [Report] has found.
type Finding struct {
	// Code says which problem it is, for programs.
	Code Code `json:"code"`
	// Severity says how much it matters.
	Severity Severity `json:"severity"`
	// Message says what was found, with the figures behind it.
	Message string `json:"message"`
	// Advice says what to check and what to do, one action in each sentence.
	Advice string `json:"advice"`
}

// Code identifies a kind of [Finding]. Codes are stable. The documentation of
// [Report] says when each of them is found.
type Code string

// The codes, in the order in which a report has them.
const (
	// CodeDraining means that the bulkhead is closed and operations are in flight.
	CodeDraining Code = "draining"
	// CodePaused means that the parallelism is 0, so that no operation is admitted.
	CodePaused Code = "paused"
	// CodeOverCapacity means that more slots are in use than the parallelism,
	// because the parallelism was lowered.
	CodeOverCapacity Code = "over_capacity"
	// CodeWaitingRoomFull means that no slot is free and the waiting room is full.
	CodeWaitingRoomFull Code = "waiting_room_full"
	// CodeExecutionFull means that no slot is free, and the waiting room is not
	// full or there is none.
	CodeExecutionFull Code = "execution_full"
	// CodeWaitingRoomNearFull means that no slot is free and most of the waiting
	// room is in use.
	CodeWaitingRoomNearFull Code = "waiting_room_near_full"
	// CodeStandingQueue means that the waiting room has not been empty for long.
	CodeStandingQueue Code = "standing_queue"
	// CodeLongHold means that an operation has been in flight for much longer than
	// usual. It needs [TrackHolds].
	CodeLongHold Code = "long_hold"
	// CodeUnboundedWait means that there is a waiting room but no wait limit.
	CodeUnboundedWait Code = "unbounded_wait"
	// CodeWaitLimitUnused means that there is a wait limit but no waiting room.
	CodeWaitLimitUnused Code = "wait_limit_unused"
	// CodeLargeWaitingRoom means that the waiting room is large for the parallelism.
	CodeLargeWaitingRoom Code = "large_waiting_room"
	// CodeFrequentQueueing means that many operations had to wait.
	CodeFrequentQueueing Code = "frequent_queueing"
	// CodeRejections means that many operations were rejected as saturated or
	// expired.
	CodeRejections Code = "rejections"
	// CodeExpirations means that many of the queued operations expired.
	CodeExpirations Code = "expirations"
	// CodeWaitsNearLimit means that waits come close to the wait limit.
	CodeWaitsNearLimit Code = "waits_near_limit"
	// CodeOversizedOperations means that an operation asked for more slots than the
	// parallelism.
	CodeOversizedOperations Code = "oversized_operations"
	// CodeDemandExceedsCapacity means that the offered load comes close to the
	// parallelism or exceeds it.
	CodeDemandExceedsCapacity Code = "demand_exceeds_capacity"
	// CodeOverprovisioned means that most of the slots were never in use.
	CodeOverprovisioned Code = "overprovisioned"
)

// Severity says how much a [Finding] matters. Severities are ordered: compare
// them with < and >. The text and JSON form is the word that String returns.
type Severity uint8

const (
	// SeverityOK is the severity of a report without findings.
	SeverityOK Severity = iota
	// SeverityNotice is for information: nothing has to be done now.
	SeverityNotice
	// SeverityWarning means that operations wait or are rejected, or soon will be.
	SeverityWarning
	// SeverityCritical means that many operations are rejected.
	SeverityCritical
)

var severities = enumText{"ok", "notice", "warning", "critical"}

// String returns the severity as one lower-case word, as in JSON.
func (s Severity) String() string {
	if int(s) >= len(severities) {
		return fmt.Sprintf("severity(%d)", uint8(s))
	}
	return severities[s]
}

// MarshalText returns the word of String. An unknown severity is a [*ConfigError].
func (s Severity) MarshalText() ([]byte, error) {
	if int(s) >= len(severities) {
		return nil, &ConfigError{Field: "severity", Value: uint8(s), Problem: fmt.Sprintf("must be from 0 to %d", len(severities)-1)}
	}
	return []byte(severities[s]), nil
}

// UnmarshalText accepts the words of String. Any other text is a [*ConfigError]
// and leaves s unchanged.
func (s *Severity) UnmarshalText(text []byte) error {
	var v uint8 // counted from 1
	if err := severities.unmarshal("severity", text, &v); err != nil {
		return err
	}
	*s = Severity(v - 1)
	return nil
}

package sizing

import (
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
)

// Outcome says what became of an operation of a real bulkhead.
type Outcome uint8

const (
	Waiting   Outcome = iota + 1 // it still waits
	InFlight                     // it was admitted and has not ended
	Finished                     // it ran and has ended
	Abandoned                    // it was admitted when its ctx was done, and never ran
	Saturated                    // rejected: no slot was free, and it could not wait
	Expired                      // rejected: a bound of its wait passed
	Canceled                     // rejected: its ctx was done
	Oversized                    // rejected: it asked for more slots than the parallelism
	Closed                       // rejected: the bulkhead was closed
)

var outcomes = [...]string{"", "waiting", "in_flight", "finished", "abandoned", "saturated", "expired", "canceled", "oversized", "closed"}

// outcomeOf has the outcome that an event says.
var outcomeOf = [...]Outcome{
	bulk.EventReleased:       Finished,
	bulk.EventAbandoned:      Abandoned,
	bulk.EventSaturated:      Saturated,
	bulk.EventExpired:        Expired,
	bulk.EventCanceled:       Canceled,
	bulk.EventOversized:      Oversized,
	bulk.EventRejectedClosed: Closed,
}

func (o Outcome) known() bool { return o >= Waiting && o <= Closed }

// admitted reports whether the operation got its slots.
func (o Outcome) admitted() bool { return o == InFlight || o == Finished || o == Abandoned }

// String returns the outcome as one lower-case word, the same as in JSON.
func (o Outcome) String() string {
	if !o.known() {
		return fmt.Sprintf("outcome %d", uint8(o))
	}
	return outcomes[o]
}

// MarshalText returns the word of String. The error for an unknown outcome is a
// [*bulk.ConfigError].
func (o Outcome) MarshalText() ([]byte, error) {
	if !o.known() {
		return nil, &bulk.ConfigError{Field: "outcome", Value: uint8(o), Problem: "is not an outcome"}
	}
	return []byte(outcomes[o]), nil
}

// UnmarshalText accepts the words of String. The error for any other word is a
// [*bulk.ConfigError], and o is unchanged.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, word := range outcomes {
		if i > 0 && word == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return &bulk.ConfigError{Field: "outcome", Value: string(text), Problem: "is not an outcome"}
}

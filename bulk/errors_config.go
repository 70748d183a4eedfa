package bulk

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrConfig is matched by every [*ConfigError].
var ErrConfig = errors.New("bulk: bad configuration")

// ConfigError says which value is not allowed, and what is allowed.
//
// Field is one of
//
//	label parallelism waiting_room wait_limit   a value of New or of a Capacity
//	option handler                              an option that is nil or failed, a nil handler
//	slots                                       the n of RunN, DoN and AcquireN
//	max_keys idle_after key                     a value of a registry.Keyed
//	reason kind severity                        a word of an enumeration
//	capacity waits                              JSON of a Capacity or of Waits
type ConfigError struct {
	Label   string // of the bulkhead; empty if it is not known, or not allowed itself
	Field   string // see above
	Value   any    // what was given
	Problem string // what is allowed

	cause error // what the option returned
}

// Error reads like
//
//	bulkhead "payments": parallelism 0: must be at least 1
//
// and, without a label, like
//
//	bulk: slots 0: must be at least 1
func (e *ConfigError) Error() string {
	about := "bulk"
	if e.Label != "" {
		about = "bulkhead " + quoted(e.Label)
	}
	value := fmt.Sprint(e.Value)
	if s, ok := e.Value.(string); ok {
		value = strconv.Quote(s)
	}
	return fmt.Sprintf("%s: %s %s: %s", about, e.Field, value, e.Problem)
}

// Is reports whether target is [ErrConfig].
func (e *ConfigError) Is(target error) bool { return target == ErrConfig }

// Unwrap returns the error of an option that failed, [option.ErrNil] for a nil
// option, and otherwise nil.
func (e *ConfigError) Unwrap() error { return e.cause }

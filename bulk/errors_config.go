package bulk

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrConfig is matched by every [*ConfigError].
var ErrConfig = errors.New("bulk: bad configuration")

// ConfigError says which value can't be used and what is allowed.
type ConfigError struct {
	Label   string // of the bulkhead that the value is for; empty if that is not known, or if its label is what is wrong
	Field   string // label parallelism waiting_room wait_limit option handler slots max_keys idle_after; reason kind severity: texts; capacity waits: their JSON; key: of a keyed one
	Value   any    // what was given; nil where a nil was
	Problem string // what is allowed

	cause error // what the option returned
}

// Error reads like one of
//
//	bulkhead "payments": parallelism 0: must be at least 1
//	bulk: slots 0: must be at least 1
//
// the second if the label is not known.
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

// Unwrap returns the error that an option returned, [option.ErrNil] if the
// option was nil, and nil if e is not about an option that failed.
func (e *ConfigError) Unwrap() error { return e.cause }

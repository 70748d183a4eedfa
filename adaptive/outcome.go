package adaptive

import (
	"context"
	"errors"
	"os"

	"github.com/bulklink/bulklink-go/bulk"
)

// Outcome says what an operation tells about the dependency.
type Outcome uint8

const (
	// Success is an operation that the dependency served. Its duration is a latency, and
	// it counts as throughput. Only successes have a latency, so that errors that are
	// returned quickly do not make a dependency look fast.
	Success Outcome = iota + 1
	// Overload is an operation that the dependency rejected, or did not serve in time,
	// because it had too much to do.
	Overload
	// Ignore is an operation that tells nothing about the load of the dependency: bad
	// input, no permission, canceled by the caller, or any other error.
	Ignore
)

var outcomes = words{"success", "overload", "ignore"}

// String returns the outcome as one lower-case word.
func (o Outcome) String() string { return outcomes.name("outcome", uint8(o)) }

// MarshalText returns the word of String. The error for an unknown outcome is a
// [*bulk.ConfigError].
func (o Outcome) MarshalText() ([]byte, error) { return outcomes.marshal("outcome", uint8(o)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*bulk.ConfigError], and o is unchanged.
func (o *Outcome) UnmarshalText(text []byte) error {
	return outcomes.unmarshal("outcome", text, (*uint8)(o))
}

// classify is the default of [Classify].
func classify(err error) Outcome {
	if err == nil {
		return Success
	}
	if errors.Is(err, bulk.ErrNotStarted) { // by a bulkhead that fn uses: it says nothing about the dependency
		return Ignore
	}
	var overloaded interface{ Overloaded() bool }
	timedOut := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	if timedOut || errors.As(err, &overloaded) && overloaded.Overloaded() {
		return Overload
	}
	return Ignore
}

package bulk

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Reason says why an operation was rejected.
type Reason uint8

const (
	Saturated Reason = iota + 1 // no free slot, and the waiting room was full or waiting was not allowed
	Expired                     // a bound of its wait passed: the wait limit, or a limit of the call
	Closed                      // the bulkhead was closed
	Oversized                   // it asked for more slots than the parallelism: it could never fit
	Canceled                    // its ctx was done before it started
)

var reasons = enumText{"saturated", "expired", "closed", "oversized", "canceled"}

// event returns the kind of event that goes with r.
func (r Reason) event() EventKind {
	return [...]EventKind{EventSaturated, EventExpired, EventRejectedClosed, EventOversized, EventCanceled}[r-1]
}

// String returns the reason as one lower-case word.
func (r Reason) String() string { return reasons.name("reason", uint8(r)) }

// MarshalText returns the word of String. The error for an unknown reason is a
// [*ConfigError].
func (r Reason) MarshalText() ([]byte, error) { return reasons.marshal("reason", uint8(r)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*ConfigError], and r is unchanged.
func (r *Reason) UnmarshalText(text []byte) error {
	return reasons.unmarshal("reason", text, (*uint8)(r))
}

// Sentinels for errors.Is. They answer for the outermost [*AdmissionError].
var (
	// ErrNotStarted matches every *AdmissionError: an operation was never started.
	// [NotStarted] reports whether it was the caller's own.
	ErrNotStarted = errors.New("bulk: operation not started")

	// ErrOverload matches Saturated and Expired: the cause may pass when the load
	// goes down.
	ErrOverload = errors.New("bulk: overload")

	// ErrSaturated matches Saturated: no free slot, and the waiting room was full or
	// waiting was not allowed.
	ErrSaturated = errors.New("bulk: saturated")

	// ErrExpired matches Expired: a bound of the wait passed.
	ErrExpired = errors.New("bulk: expired")

	// ErrClosed matches Closed. It is also the error of changing the capacity of a
	// closed bulkhead, which is not an *AdmissionError.
	ErrClosed = errors.New("bulk: closed")

	// ErrOversized matches Oversized: the operation asked for more slots than the
	// parallelism.
	ErrOversized = errors.New("bulk: oversized")

	// ErrCanceled matches Canceled: the ctx of the operation was done before it
	// started.
	ErrCanceled = errors.New("bulk: canceled")
)

// AdmissionError says that an operation was rejected: it was never started and
// never will be. The numbers are those of that moment, without this operation.
//
// A canceled one also matches ctx.Err() and context.Cause(ctx), with errors.Is and
// errors.As. No other reason matches a context error, and none has a Timeout
// method: local overload must not look like a remote timeout to a retry policy.
//
// An AdmissionError can be shared between callers, so it must not be modified. That
// is how a rejection allocates nothing while the numbers do not change.
type AdmissionError struct {
	Label       string        // of the bulkhead
	Reason      Reason        // why
	Slots       int           // what the operation asked for
	Parallelism int           // of the bulkhead
	WaitingRoom int           // of the bulkhead
	InFlight    int           // operations
	InUse       int           // slots
	Waiting     int           // operations
	Limit       time.Duration // Expired only: the wait that was allowed, counted from arrival; 0: rejected at arrival

	bulkhead uint64       // ID of the bulkhead that rejected it
	group    *hooks.Group // of that bulkhead; nil without one
	ended    *ctxEnd      // Canceled only; nil in an error that was not made here
}

// Error reads like
//
//	bulkhead "payments": saturated: 10/10 slots in use, 50/50 waiting
func (e *AdmissionError) Error() string {
	head := fmt.Sprintf("bulkhead %s: %s", safetext.Quote(e.Label), e.Reason)
	numbers := numbers(e.InUse, e.Waiting, Capacity{Parallelism: e.Parallelism, WaitingRoom: e.WaitingRoom})
	switch e.Reason {
	case Expired:
		if e.Limit <= 0 {
			return fmt.Sprintf("%s at arrival: %s", head, numbers)
		}
		return fmt.Sprintf("%s after %v: %s", head, e.Limit, numbers)
	case Closed:
		return head
	case Oversized:
		return fmt.Sprintf("%s: %d slots asked, parallelism %d", head, e.Slots, e.Parallelism)
	case Canceled:
		if e.ended == nil {
			return head
		}
		return fmt.Sprintf("%s: %v", head, e.ended.cause)
	default:
		return fmt.Sprintf("%s: %s", head, numbers)
	}
}

// Is answers for the sentinels of this package by e alone: a canceled operation
// whose cause is the overload of another bulkhead is canceled, not overload. That
// is why there is no Unwrap.
func (e *AdmissionError) Is(target error) bool {
	switch target {
	case ErrNotStarted:
		return true
	case ErrOverload:
		return e.Reason == Saturated || e.Reason == Expired
	case ErrSaturated:
		return e.Reason == Saturated
	case ErrExpired:
		return e.Reason == Expired
	case ErrClosed:
		return e.Reason == Closed
	case ErrOversized:
		return e.Reason == Oversized
	case ErrCanceled:
		return e.Reason == Canceled
	}
	return e.ended != nil && (errors.Is(e.ended.err, target) || errors.Is(e.ended.cause, target))
}

// As finds the error and the cause with which the ctx of a canceled operation
// ended.
func (e *AdmissionError) As(target any) bool {
	return e.ended != nil && (errors.As(e.ended.cause, target) || errors.As(e.ended.err, target))
}

// NotStarted reports whether err says that b itself rejected the operation, so that
// it did not run and may be done again. It answers by identity, not by label, and
// looks at the outermost [*AdmissionError] of err (of several joined ones, the
// first).
//
// For an error of [Run] and of every other function that runs an operation in b,
// the answer is exact. An operation that ran can fail with an AdmissionError as
// well:
//
//   - With that of another bulkhead that it uses. It is returned unchanged, unless the
//     cause of ctx contains the same one: NotStarted(err, b) is false, and
//     errors.Is(err, ErrNotStarted) is true of the operation inside.
//   - With that of b, from a call inside the operation.
//   - With the cause of its ctx: golang.org/x/sync/errgroup cancels all operations
//     of a group with the first error, which can be the rejection of one of them,
//     and net/http returns the cause from requests that were sent.
//
// In the last two cases Run returns another error with the same text. It matches
// what the error of the operation matches, except the sentinels of this package
// and *AdmissionError. Code that calls [Bulkhead.Acquire] returns its own errors;
// package contrib/bulkhttp does for requests what Run does.
func NotStarted(err error, b *Bulkhead) bool {
	var e *AdmissionError
	return b != nil && errors.As(err, &e) && e != nil && e.bulkhead == b.id
}

// DrainError says that Wait or Shutdown gave up because its ctx ended while
// operations were in flight. It matches ctx.Err() and context.Cause(ctx), with
// errors.Is and errors.As, but never says that an operation was not started.
type DrainError struct {
	Label    string // of the bulkhead
	InFlight int    // operations when Wait gave up

	ended *ctxEnd // nil in one that was not made here
}

// Error reads like
//
//	bulkhead "payments": not drained, 3 in flight: context deadline exceeded
func (e *DrainError) Error() string {
	text := fmt.Sprintf("bulkhead %s: not drained, %d in flight", safetext.Quote(e.Label), e.InFlight)
	if e.ended == nil {
		return text
	}
	return fmt.Sprintf("%s: %v", text, e.ended.cause)
}

// Is reports whether ctx.Err() or its cause matches target. No DrainError matches
// [ErrNotStarted] and the other sentinels of its kind, whatever the cause: it is not
// the error of an operation.
func (e *DrainError) Is(target error) bool {
	return e.ended != nil && ((&ranError{e.ended.err}).Is(target) || (&ranError{e.ended.cause}).Is(target))
}

// As finds what ctx ended with, but no [*AdmissionError].
func (e *DrainError) As(target any) bool {
	return e.ended != nil && ((&ranError{e.ended.cause}).As(target) || (&ranError{e.ended.err}).As(target))
}

// ErrConfig is matched by every [*ConfigError].
var ErrConfig = errors.New("bulk: bad configuration")

// ConfigError says which value is not allowed, and what is allowed.
//
// Field is one of
//
//	label                                       the label given to New
//	parallelism waiting_room wait_limit         a value of New or of a Capacity
//	delay_target delay_interval                 a value of ControlDelay or of a Capacity
//	option handler                              an option that is nil or failed, a nil handler
//	slots                                       the n of RunN, DoN and AcquireN
//	max_keys idle_after key                     a value of a registry.Keyed
//	min max healthy_latency classify            a value of an adaptive.Limiter
//	reason kind severity outcome                a word of an enumeration
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
//	bulk: parallelism -1: must be 0 (paused) or more
func (e *ConfigError) Error() string {
	about := "bulk"
	if e.Label != "" {
		about = "bulkhead " + safetext.Quote(e.Label)
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

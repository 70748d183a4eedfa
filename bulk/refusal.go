package bulk

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reason says why an operation was turned away.
type Reason uint8

const (
	Saturated Reason = iota + 1 // no slot free, and no place in the waiting room or no wait allowed
	Expired                     // a bound of its wait passed: the wait limit, or a limit given with the call
	Closed                      // the bulkhead is closed
	Oversized                   // it asked for more slots than the parallelism: it could never fit
	Canceled                    // its ctx was done before it started
)

var reasons = words{"saturated", "expired", "closed", "oversized", "canceled"}

// event returns the kind of event that goes with r.
func (r Reason) event() EventKind {
	return [...]EventKind{EventSaturated, EventExpired, EventRejectedClosed, EventOversized, EventCanceled}[r-1]
}

// String returns the reason as one lower-case word.
func (r Reason) String() string { return reasons.name("reason", uint8(r)) }

// MarshalText returns the word of String. A reason that doesn't exist is a
// [*ConfigError].
func (r Reason) MarshalText() ([]byte, error) { return reasons.marshal("reason", uint8(r)) }

// UnmarshalText accepts the words of String. Any other is a [*ConfigError] and
// leaves r as it was.
func (r *Reason) UnmarshalText(text []byte) error {
	return reasons.unmarshal("reason", text, (*uint8)(r))
}

// What errors.Is answers for an [*AdmissionError]. ErrNotStarted matches each
// one, ErrOverload those that may pass when load goes down (saturated and
// expired), the others one reason each.
var (
	ErrNotStarted = errors.New("bulk: operation not started")
	ErrOverload   = errors.New("bulk: overload")
	ErrSaturated  = errors.New("bulk: saturated")
	ErrExpired    = errors.New("bulk: expired")
	ErrClosed     = errors.New("bulk: closed")
	ErrOversized  = errors.New("bulk: oversized")
	ErrCanceled   = errors.New("bulk: canceled")
)

// AdmissionError says that an operation was turned away, and that it was never
// started. The numbers are those of that moment, without this operation.
//
// Errors are shared between callers while the numbers stand still, so that
// turning away costs no allocation: don't write to one.
//
// A canceled one also matches ctx.Err() and context.Cause(ctx), with
// errors.Is and errors.As. No other reason matches a context error, and none
// has a Timeout method: local overload must not look like a remote timeout to
// a retry policy.
type AdmissionError struct {
	Label                    string
	Reason                   Reason
	Slots                    int // asked for
	Parallelism, WaitingRoom int
	InFlight, InUse, Waiting int
	Limit                    time.Duration // expired only: the wait that was allowed, counted from arrival

	bulkhead uint64  // the ID of the one that turned it away
	ended    *ending // canceled only; nil in one that was not made here
}

// Error reads like
//
//	bulkhead "payments": saturated: 10/10 slots in use, 50/50 waiting
func (e *AdmissionError) Error() string {
	head := fmt.Sprintf("bulkhead %s: %s", quoted(e.Label), e.Reason)
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

// Is answers for the sentinels of this package by e alone: a canceled
// operation whose cause is the overload of another bulkhead is canceled, not
// overload. That is why there is no Unwrap.
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

// As finds what the ctx of a canceled operation ended with.
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
//   - With that of another bulkhead that it uses. It is returned unchanged:
//     NotStarted(err, b) is false, and errors.Is(err, ErrNotStarted) is true of the
//     operation inside.
//   - With that of b, from a call inside the operation.
//   - With the cause of its ctx: golang.org/x/sync/errgroup cancels all operations
//     of a group with the first error, which can be the rejection of one of them,
//     and net/http returns the cause from requests that were sent.
//
// In the last two cases Run returns another error with the same text. It matches
// what the error of the operation matches, except the sentinels of this package
// and *AdmissionError. Code that calls [Bulkhead.Acquire] returns its own errors:
// see examples/httpclient for what it can do.
func NotStarted(err error, b *Bulkhead) bool {
	var e *AdmissionError
	return b != nil && errors.As(err, &e) && e.bulkhead == b.id
}

// ending is how a ctx ended: what a canceled operation's error matches.
type ending struct{ err, cause error }

// The two that nearly every ctx ends with.
var (
	canceled = ending{context.Canceled, context.Canceled}
	exceeded = ending{context.DeadlineExceeded, context.DeadlineExceeded}
)

// endingOf asks ctx, which is a stranger's code: never under the lock. It
// returns nil if ctx has not ended.
func endingOf(ctx context.Context) *ending {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil { // a foreign ctx that ended in a way of its own
		cause = err
	}
	// Compared only with errors that may be compared: those of a type that we
	// don't know may not.
	switch {
	case err == context.Canceled && cause == context.Canceled:
		return &canceled
	case err == context.DeadlineExceeded && cause == context.DeadlineExceeded:
		return &exceeded
	}
	return &ending{err, cause}
}

// refuse turns away op, which has just left the room, and returns its error.
// The lock is held.
func (b *Bulkhead) refuse(reason Reason, op *operation, end *ending, j *journal) error {
	b.totals.countWhileWaiting(reason)
	if len(b.handlers) > 0 {
		b.note(j, reason.event(), op.slots, true, time.Duration(elapsed(op.arrived, b.nowFor(j))))
	}
	limit := int64(0)
	if reason == Expired {
		limit = elapsed(op.arrived, op.deadline)
	}
	return b.errorOf(reason, op.slots, limit, end)
}

// errorOf returns an error with the numbers as they are now: the last one of
// this reason again, if all of it still holds. The lock is held.
func (b *Bulkhead) errorOf(reason Reason, slots int, limit int64, end *ending) error {
	last := b.refusals[reason-1]
	if last != nil && last.Slots == slots && int64(last.Limit) == limit &&
		last.InUse == b.inUse && last.Waiting == b.room.len && last.InFlight == b.inFlight() &&
		last.Parallelism == b.capacity.Parallelism && last.WaitingRoom == b.capacity.WaitingRoom &&
		last.ended == end {
		return last
	}
	e := &AdmissionError{
		Label: b.label, Reason: reason, Slots: slots,
		Parallelism: b.capacity.Parallelism, WaitingRoom: b.capacity.WaitingRoom,
		InFlight: b.inFlight(), InUse: b.inUse, Waiting: b.room.len, Limit: time.Duration(limit),
		bulkhead: b.id, ended: end,
	}
	if end == nil || end == &canceled || end == &exceeded {
		b.refusals[reason-1] = e // another one would keep a stranger's cause alive
	}
	return e
}

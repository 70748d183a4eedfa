package bulk

import (
	"context"
	"time"
)

// rejectWaiting rejects the waiting operations that are concerned, in order. The
// lock is held.
func (b *Bulkhead) rejectWaiting(reason Reason, concerned func(*operation) bool, out *outbox) {
	for op := b.queue.head; op != nil; {
		next := op.next
		if concerned(op) {
			b.dequeue(op, b.nowFor(out))
			op.state = rejected
			op.rejection = b.rejectQueued(reason, op, nil, out)
			out.addDecided(op)
		}
		op = next
	}
}

// rejectQueued counts op, which has just left the queue, as rejected, and returns
// the rejection. The lock is held.
func (b *Bulkhead) rejectQueued(reason Reason, op *operation, end *ctxEnd, out *outbox) *AdmissionError {
	b.totals.countWhileWaiting(reason)
	if b.listeners != nil {
		b.record(out, reason.event(), op.subject(), time.Duration(subSat(b.nowFor(out), op.since)))
	}
	limit := int64(0)
	if reason == Expired {
		limit = subSat(op.waitUntil, op.since)
	}
	return b.rejectionOf(reason, op.slots, limit, end)
}

// rejectionOf returns an error with the numbers as they are now: the last one of
// this reason again, if all of it still holds. The lock is held.
func (b *Bulkhead) rejectionOf(reason Reason, slots int, limit int64, end *ctxEnd) *AdmissionError {
	last := b.lastRejections[reason-1]
	if last != nil && last.Slots == slots && int64(last.Limit) == limit &&
		last.InUse == b.inUse && last.Waiting == b.queue.len && last.InFlight == b.inFlight() &&
		last.Parallelism == b.capacity.Parallelism && last.WaitingRoom == b.capacity.WaitingRoom &&
		last.ended == end {
		return last
	}
	e := &AdmissionError{
		Label: b.label, Reason: reason, Slots: slots,
		Parallelism: b.capacity.Parallelism, WaitingRoom: b.capacity.WaitingRoom,
		InFlight: b.inFlight(), InUse: b.inUse, Waiting: b.queue.len, Limit: time.Duration(limit),
		bulkhead: b.id, group: b.group, ended: end,
	}
	if end == nil || end == &endCanceled || end == &endExceeded {
		b.lastRejections[reason-1] = e // another one would keep the cause of a caller's ctx alive
	}
	return e
}

// ctxEnd is how a ctx ended.
type ctxEnd struct{ err, cause error }

// Nearly every ctx ends in one of these ways.
var (
	endCanceled = ctxEnd{context.Canceled, context.Canceled}
	endExceeded = ctxEnd{context.DeadlineExceeded, context.DeadlineExceeded}
)

// ctxEndOf returns how ctx ended, or nil if it is not done. ctx is caller-supplied
// code, so ctxEndOf is never called under the lock.
func ctxEndOf(ctx context.Context) *ctxEnd {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil { // ctx is not derived from package context
		cause = err
	}
	// Compared with errors that are comparable: an error of an unknown type may not be.
	switch {
	case err == context.Canceled && cause == context.Canceled:
		return &endCanceled
	case err == context.DeadlineExceeded && cause == context.DeadlineExceeded:
		return &endExceeded
	}
	return &ctxEnd{err, cause}
}

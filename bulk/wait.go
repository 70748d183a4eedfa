package bulk

import (
	"context"
	"time"
)

// await blocks until op has its slots, or returns why it does not get them.
//
// Three things can end a wait at the same time: slots are granted, ctx ends, the wait
// bound passes. Between grant and bound, the goroutine that takes the lock first decides,
// and a granted operation runs. ctx precedes both: an operation whose ctx is done when it
// wakes never runs, even if it has slots.
//
// The exported functions call await themselves. A function between them and await
// would double the stack of every waiter, from 2 kB to 4 kB.
func (b *Bulkhead) await(ctx context.Context, op *operation) error {
	w := wait{bulkhead: b, op: op}
	defer func() {
		if !w.over { // ctx panicked
			w.giveUp()
		}
	}()
	done := ctx.Done()
	if done == nil {
		<-op.wake
		w.signal = op.received()
	} else {
		select {
		case <-op.wake:
			w.signal = op.received()
		case <-done:
		}
	}
	if w.signal == decided && op.state == inFlight && ctx.Err() == nil {
		w.over = true
		return nil
	}
	return w.resolve(ctx, done)
}

// wait is one operation in await.
type wait struct {
	bulkhead *Bulkhead
	op       *operation
	signal   signal // the last one that was received
	over     bool   // the operation runs, or its record was given back
}

// giveUp ends a wait whose goroutine will not return to its caller, because ctx
// panicked or an event handler ended the goroutine. The operation leaves as
// canceled.
func (w *wait) giveUp() { _ = w.settle(context.Background(), &endCanceled) }

// resolve ends the wait of an operation that woke for another reason than a grant, or
// whose ctx is done.
func (w *wait) resolve(ctx context.Context, done <-chan struct{}) error {
	end := ctxEndOf(ctx)
	if end == nil && w.signal == timedOut {
		end = w.waitForCtx(ctx, done)
	}
	if end == nil && w.signal == none {
		end = &endCanceled // Done is closed, but ctx does not say how it ended
	}
	return w.settle(ctx, end)
}

// waitForCtx waits for up to 1 ms for a ctx that ends no later than the wait bound: at the
// same instant ctx precedes the bound, and its timer can be late by about that much on a
// busy machine. It returns how ctx ended, or nil if it is not done by then.
func (w *wait) waitForCtx(ctx context.Context, done <-chan struct{}) *ctxEnd {
	ends, ok := ctx.Deadline()
	if done == nil || !ok || instantOf(ends) > w.op.waitUntil {
		return nil
	}
	grace := time.NewTimer(time.Millisecond)
	defer grace.Stop()
	select {
	case <-done: // the signal stays timedOut: it was received
		if end := ctxEndOf(ctx); end != nil {
			return end
		}
		return &endCanceled // Done is closed, but ctx does not say how it ended
	case <-w.op.wake: // the timeout was received before
		w.signal = decided
	case <-grace.C:
	}
	return ctxEndOf(ctx)
}

// settle ends the wait, with how ctx ended or nil. It returns nil if the operation
// has its slots and may run, else why it does not.
func (w *wait) settle(ctx context.Context, end *ctxEnd) error {
	b, op := w.bulkhead, w.op
	if w.signal != decided {
		if err := w.leaveQueue(end); err != nil {
			return err
		}
		// The decision came first, so the bound no longer counts. But ctx may have
		// ended since it was asked.
		if end == nil {
			end = ctxEndOf(ctx)
		}
		w.awaitDecision()
	}
	w.over = true
	switch {
	case op.state == rejected:
		return b.takeRejection(op)
	case end != nil:
		return b.returnSlots(op, end)
	}
	return nil
}

// awaitDecision receives the signals that are still to come for an operation that was
// granted its slots or rejected.
func (w *wait) awaitDecision() {
	if w.op.timedOut && w.signal != timedOut {
		<-w.op.wake
	}
	<-w.op.wake
}

// leaveQueue removes the operation from the queue, because ctx ended (end is not
// nil) or the wait bound passed, and returns the rejection. If it was decided about
// before, leaveQueue does nothing and returns nil.
func (w *wait) leaveQueue(end *ctxEnd) error {
	b, op := w.bulkhead, w.op
	var out outbox
	b.mu.Lock()
	if op.state != waiting {
		b.mu.Unlock()
		return nil
	}
	select {
	case <-op.wake: // a timeout signal: the next use of the record must not receive it
	default:
	}
	reason := Expired
	if end != nil {
		reason = Canceled
	}
	b.dequeue(op, b.nowFor(&out))
	err := b.rejectQueued(reason, op, end, &out)
	b.putOperation(op)
	b.grantNext(&out)
	b.mu.Unlock()
	w.over = true // before the handlers: one of them may end the goroutine
	b.flush(&out)
	return err
}

// takeRejection gives back the record of an operation that Close or SetCapacity
// rejected, and returns the rejection.
func (b *Bulkhead) takeRejection(op *operation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := op.rejection
	op.rejection = nil
	b.putOperation(op)
	return err
}

// returnSlots takes back the slots of an operation that was admitted and will not
// run. It counts as abandoned.
func (b *Bulkhead) returnSlots(op *operation, end *ctxEnd) error {
	var out outbox
	b.mu.Lock()
	b.inUse -= op.slots
	b.totals.Abandoned++
	b.record(&out, EventAbandoned, op.subject(), 0)
	err := b.rejectionOf(Canceled, op.slots, 0, end)
	b.held.remove(op)
	b.putOperation(op)
	b.grantNext(&out)
	b.drainIfIdle(&out)
	b.mu.Unlock()
	b.flush(&out)
	return err
}

package bulk

import (
	"context"
)

// Close turns away everyone who waits and everyone who comes later, and
// interrupts nothing in flight. It never blocks, may be called again, and
// always returns nil.
func (b *Bulkhead) Close() error {
	var out outbox
	b.mu.Lock()
	if !b.closed {
		b.closed, b.slowPath = true, true
		b.record(&out, EventClosed, 0, false, 0)
		b.rejectWaiting(Closed, func(*operation) bool { return true }, &out)
		b.dropExpiry()
		b.drainIfIdle(&out)
	}
	b.mu.Unlock()
	b.flush(&out)
	return nil
}

// drainIfIdle ends a closed bulkhead once nothing is in flight.
// The lock is held.
func (b *Bulkhead) drainIfIdle(out *outbox) {
	if !b.closed || b.drained || b.inFlight() > 0 {
		return
	}
	b.drained = true
	b.record(out, EventDrained, 0, false, 0)
	if b.done != nil {
		close(b.done)
	}
	for c := range b.drainers {
		close(c)
	}
	b.drainers = nil
}

// Done returns a channel that is closed once the bulkhead is closed and nothing
// is in flight. It is always the same one.
//
// In a testing/synctest bubble, waiting for the channel of a bulkhead that was
// made outside does not count as durably blocked; [Bulkhead.Wait] does.
func (b *Bulkhead) Done() <-chan struct{} { return b.done }

// Wait blocks until the bulkhead is closed and nothing is in flight; it may
// begin before Close. It returns nil then, even with a done ctx. If ctx ends
// first it gives up with a [*DrainError]; that disturbs nobody else.
func (b *Bulkhead) Wait(ctx context.Context) error {
	done := ctx.Done()
	c := make(chan struct{}) // of the caller's bubble, if it runs in one
	b.mu.Lock()
	if b.drained {
		b.mu.Unlock()
		return nil
	}
	if b.drainers == nil {
		b.drainers = make(map[chan struct{}]struct{})
	}
	b.drainers[c] = struct{}{}
	b.mu.Unlock()

	select {
	case <-c:
		return nil
	case <-done:
	}
	end := ctxEndOf(ctx)
	if end == nil {
		end = &endCanceled
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained {
		return nil
	}
	delete(b.drainers, c)
	return &DrainError{Label: b.label, InFlight: b.inFlight(), ended: end}
}

// Shutdown is Close, then Wait.
func (b *Bulkhead) Shutdown(ctx context.Context) error {
	_ = b.Close() // always nil
	return b.Wait(ctx)
}

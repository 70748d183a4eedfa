package bulk

import "context"

// Close rejects all waiting operations and all that arrive later, and interrupts
// nothing in flight. It may be called again, does not block except while event
// handlers run, and always returns nil. Its cost is proportional to the number of
// waiting operations.
func (b *Bulkhead) Close() error {
	var out outbox
	b.mu.Lock()
	if !b.closed {
		b.closed, b.slowPath = true, true
		b.record(&out, EventClosed, subject{}, 0)
		b.rejectWaiting(Closed, func(*operation) bool { return true }, &out)
		b.dropExpiry()
		b.drainIfIdle(&out)
	}
	b.mu.Unlock()
	b.flush(&out)
	return nil
}

// drainIfIdle ends a closed bulkhead once nothing is in flight. On a closed bulkhead,
// every section that ends an operation calls it. The lock is held.
func (b *Bulkhead) drainIfIdle(out *outbox) {
	if !b.closed || b.drained || b.inFlight() > 0 {
		return
	}
	b.drained = true
	b.record(out, EventDrained, subject{}, 0)
	if b.done != nil {
		close(b.done)
	}
	for c := range b.drainers {
		close(c)
	}
	b.drainers = nil
}

// Done returns a channel that is closed once the bulkhead is closed and nothing is
// in flight. Every call returns the same channel.
//
// In a testing/synctest bubble, a goroutine that waits for the channel of a bulkhead
// made outside is not durably blocked. One that calls [Bulkhead.Wait] is.
func (b *Bulkhead) Done() <-chan struct{} { return b.done }

// Wait blocks until the bulkhead is closed and nothing is in flight, and then
// returns nil, even if ctx is done. It may be called before Close. If ctx ends first,
// Wait returns a [*DrainError]; other callers of Wait are not affected.
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

package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// A Slot represents an admitted operation. Use it instead of [Run] when the work
// does not fit into one function: a response whose body is read later, a connection.
// It is a small value that may be copied and passed on. The zero Slot represents
// nothing.
type Slot struct {
	op  *operation
	gen uint64
}

// Release ends the operation: its slots are granted to waiting operations, or are
// free. It may be called any number of times, from any goroutine, on any copy: the
// first call releases, the others do nothing. On the zero Slot it does nothing, so
// the deferred call may stand before the error check:
//
//	slot, err := b.Acquire(ctx)
//	defer slot.Release()
//
// Release does not block, except while event handlers run.
func (s Slot) Release() {
	op := s.op
	if op == nil {
		return
	}
	b := op.bulkhead
	b.mu.Lock()
	switch {
	case op.gen != s.gen:
		b.mu.Unlock()
	case b.onRelease != nil:
		s.releaseAndReport(b)
	case op.sampled || op.queued || b.queue.head != nil || b.slowPath || b.free.len == maxFree:
		b.release(op, op.slots)
	default: // what release does for such an operation, without a call
		b.inUse -= op.slots
		b.totals.Finished++
		op.gen++
		op.number = 0
		op.state = free
		op.next = b.free.top
		b.free.top = op
		b.free.len++
		b.mu.Unlock()
	}
}

// releaseAndReport releases and then calls onRelease, even if a handler ends this
// goroutine. It is called with the lock held and releases it.
func (s Slot) releaseAndReport(b *Bulkhead) {
	defer b.onRelease()
	b.release(s.op, s.op.slots)
}

// Acquire returns the slot of an admitted operation. If the operation is rejected,
// Acquire returns the zero Slot and an [*AdmissionError]. It blocks while the
// operation waits in the waiting room.
//
// The operation is in flight until Release is called. A Slot that is never released
// is lost until the process ends. Prefer [Run], which always releases.
func (b *Bulkhead) Acquire(ctx context.Context, limits ...deadline.Limit) (Slot, error) {
	return b.acquire(ctx, 1, limits)
}

// AcquireN is [Bulkhead.Acquire] for an operation that needs n slots
// together: it gets all or none. If n is less than 1, AcquireN returns a
// [*ConfigError] and counts no arrival.
func (b *Bulkhead) AcquireN(ctx context.Context, n int, limits ...deadline.Limit) (Slot, error) {
	if err := b.checkSlots(n); err != nil {
		return Slot{}, err
	}
	return b.acquire(ctx, n, limits)
}

// TryAcquire is [Bulkhead.Acquire] without waiting. It returns false if the
// operation is rejected: no slot is free, an operation waits for one, or the
// bulkhead is closed.
func (b *Bulkhead) TryAcquire() (Slot, bool) { return b.TryAcquireN(1) }

// TryAcquireN is [Bulkhead.AcquireN] without waiting. If n is less than 1, it
// returns false and counts no arrival.
func (b *Bulkhead) TryAcquireN(n int) (Slot, bool) {
	if n < 1 {
		return Slot{}, false
	}
	b.mu.Lock()
	if b.free.top != nil && b.startsNow(n) {
		s := b.startWithFree(n)
		b.mu.Unlock()
		return s, true
	}
	op, _, err := b.enter(n, noWait, true)
	if err != nil {
		return Slot{}, false
	}
	return op.slot(), true
}

var noWait = []deadline.Limit{deadline.NoWait()}

// startWithFree puts an operation in flight with an unused record, of which there
// must be one. It is small enough to be inlined. The lock is held.
func (b *Bulkhead) startWithFree(slots int) Slot {
	b.occupy(slots)
	op := b.free.top
	b.free.top = op.next
	b.free.len--
	op.slots = slots
	op.state = inFlight
	return Slot{op, op.gen}
}

func (b *Bulkhead) acquire(ctx context.Context, n int, limits []deadline.Limit) (Slot, error) {
	var op *operation
	var wait bool
	var err error
	if ctx.Err() != nil || !onlyWithin(limits) {
		op, wait, err = b.enterTimed(ctx, n, limits, true)
	} else if b.mu.Lock(); b.free.top != nil && b.startsNow(n) {
		s := b.startWithFree(n)
		b.mu.Unlock()
		return s, nil
	} else {
		op, wait, err = b.enter(n, limits, true)
	}
	if wait {
		err = b.await(ctx, op)
	}
	if err != nil {
		return Slot{}, err
	}
	return op.slot(), nil
}

// slot returns the Slot of op. It is called by the goroutine that holds the slots.
func (op *operation) slot() Slot { return Slot{op, op.gen} }

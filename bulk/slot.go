package bulk

import (
	"context"

	"github.com/bulklink/bulklink-go/deadline"
)

// Slot is what an operation holds while it is in flight, for those who can't
// put it into one function: a request whose body is read later, a connection.
// It is a small value and may be copied and passed on.
type Slot struct {
	op  *operation
	gen uint64
}

// Release frees the slots and hands them to those who wait. It may be called
// any number of times, from any goroutine, on any copy: the first call frees,
// all others do nothing. On the zero Slot it does nothing, so that
//
//	slot, err := b.Acquire(ctx)
//	defer slot.Release()
//
// may stand before the error is looked at. It never blocks.
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
		s.releaseAndTell(b)
	case op.sampled || op.queued || b.queue.head != nil || b.slowPath || b.free.len == maxFree:
		b.release(op, op.slots)
	default: // what release does for such an operation, without a call
		b.inUse -= op.slots
		b.totals.Finished++
		op.gen++
		op.state = free
		op.next = b.free.top
		b.free.top = op
		b.free.len++
		b.mu.Unlock()
	}
}

// releaseAndTell is called with the lock held and gives it back. What is told
// comes last, even if a handler ends this goroutine.
func (s Slot) releaseAndTell(b *Bulkhead) {
	defer b.onRelease()
	b.release(s.op, s.op.slots)
}

// Acquire admits one operation and returns its slot, or the [*AdmissionError]
// that says why it was turned away, with the zero Slot. The operation is in
// flight until the slot is released: a slot that is dropped is gone.
// Prefer [Run], which can't forget it.
func (b *Bulkhead) Acquire(ctx context.Context, limits ...deadline.Limit) (Slot, error) {
	return b.acquire(ctx, 1, limits)
}

// AcquireN is [Bulkhead.Acquire] for an operation that needs n slots at once:
// all or none, never some. n below 1 is a [*ConfigError], and not an arrival.
func (b *Bulkhead) AcquireN(ctx context.Context, n int, limits ...deadline.Limit) (Slot, error) {
	if err := checkSlots(n); err != nil {
		return Slot{}, err
	}
	return b.acquire(ctx, n, limits)
}

// TryAcquire is Acquire without waiting: it reports whether there was a free
// slot and nobody waiting for it.
func (b *Bulkhead) TryAcquire() (Slot, bool) { return b.TryAcquireN(1) }

// TryAcquireN is AcquireN without waiting. n below 1 is false, and not an
// arrival.
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

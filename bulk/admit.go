package bulk

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// The exported functions that admit an operation (Run, RunN, Acquire) begin with
// the same lines:
//
//	if ctx.Err() != nil || !onlyWithin(limits) {
//		op, wait, err = b.enterTimed(ctx, n, limits, keep)
//	} else if b.mu.Lock(); b.startsNow(n) {
//		b.occupy(n)
//		b.mu.Unlock()
//	} else {
//		op, wait, err = b.enter(n, limits, keep)
//	}
//	if wait {
//		err = b.await(ctx, op)
//	}
//
// Acquire also takes its record there. The lines are repeated because they are the fast
// path: one function for all of it costs Run 5 % (BenchmarkUncontended), because
// everything that is live across mu.Lock would have to be stored.
//
// decide has all the rules. Three shortcuts must agree with it: startsNow and enterSlow
// with rule 5, enter with rule 6.

// startsNow reports whether slots are free for an arrival and nothing else has to
// be done than to occupy them. The lock is held.
func (b *Bulkhead) startsNow(slots int) bool {
	return !b.slowPath && b.fits(slots) && !b.sampleNext()
}

// fits reports whether an arrival can have its slots immediately: they are free
// and no operation waits. The lock is held.
func (b *Bulkhead) fits(slots int) bool {
	return b.queue.head == nil && slots <= b.capacity.Parallelism-b.inUse
}

// tooLarge reports whether an operation could never fit. While the bulkhead is paused,
// no size is known to be too large.
func (b *Bulkhead) tooLarge(slots int) bool {
	return slots > b.capacity.Parallelism && b.capacity.Parallelism > 0
}

// hold remembers when op was granted its slots. The lock is held.
func (b *Bulkhead) hold(op *operation, now int64) {
	op.since = now
	if b.trackHolds {
		b.held.push(op)
	}
}

// occupy makes the transition to in flight. The lock is held.
func (b *Bulkhead) occupy(slots int) {
	b.totals.Admitted++
	b.inUse += slots
	// inFlight ≤ inUse and peak.InFlight ≤ peak.InUse, so neither peak is passed while
	// inUse ≤ peak.InFlight.
	if b.inUse > b.peak.InFlight {
		b.peak.InFlight = max(b.peak.InFlight, b.inFlight())
		b.peak.InUse = max(b.peak.InUse, b.inUse)
	}
}

// sampleNext reports whether the time in flight of the next operation to be
// admitted is measured. The lock is held.
func (b *Bulkhead) sampleNext() bool { return b.totals.Admitted == b.nextSample }

// takeSample is sampleNext for the operation that is being admitted: if it is
// measured, takeSample chooses the next one. The lock is held.
func (b *Bulkhead) takeSample() bool {
	if !b.sampleNext() {
		return false
	}
	b.nextSample = sampleOf(b.totals.Admitted/holdSampleEvery + 1)
	return true
}

// sampleOf returns which admission of a block of holdSampleEvery is sampled,
// counted from 0: the one at a position that is a hash of the block's number. A
// fixed position would favor one phase of all work whose period divides
// holdSampleEvery, such as slow and fast calls in turn; multiples of the golden ratio
// alone do the same to periods of 47 and 199. The constant was chosen among random odd
// and even ones: with it, TestSamplingFavorsNoPeriodAndPhaseOfTheWork holds.
func sampleOf(block uint64) uint64 {
	return block*holdSampleEvery + block*block*0x624D9807103842BB>>(64-6)
}

// onlyWithin reports whether no limit does more than bound the wait: then none
// can reject an operation that finds its slots free. (Comparing whole limits is
// what the compiler inlines.)
func onlyWithin(limits []deadline.Limit) bool {
	for _, l := range limits {
		if d, _ := l.Within(); l != deadline.Within(d) {
			return false
		}
	}
	return true
}

// arrival is an operation before it is decided whether it is admitted.
type arrival struct {
	slots   int
	keep    bool    // it needs a record in any case: a Slot will stand for it
	end     *ctxEnd // not nil: its ctx is done
	expired bool    // a Before or Reserve bound has passed
	noWait  bool
	maxWait int64 // in nanoseconds, or noDeadline; 0: exactly what Reserve asks for is left
}

// decide applies the admission rules in their order: an arrival is in flight,
// waiting, or rejected with a reason. The lock is held.
func (b *Bulkhead) decide(a *arrival) (state, Reason) {
	switch {
	case a.end != nil: // 1. A done ctx never starts an operation.
		return rejected, Canceled
	case b.closed: // 2.
		return rejected, Closed
	case b.tooLarge(a.slots): // 3. It could never fit.
		return rejected, Oversized
	case a.expired: // 4. Also when slots are free.
		return rejected, Expired
	case b.fits(a.slots): // 5. No operation overtakes another.
		return inFlight, 0
	case a.noWait || b.queue.len >= b.capacity.WaitingRoom: // 6.
		return rejected, Saturated
	case a.maxWait == 0:
		return rejected, Expired
	}
	return waiting, 0 // 7.
}

// enter decides about an arrival that could not start in the fast path. Its ctx is
// not done, and its limits bound the wait only. enter is called with the lock held
// and releases it.
//
// If wait is true the operation was queued, and the caller must call await. If it
// was admitted, the caller owes a release, with the record if there is one.
func (b *Bulkhead) enter(slots int, limits []deadline.Limit, keep bool) (op *operation, wait bool, err error) {
	// An overloaded bulkhead rejects nearly every arrival here.
	if !b.slowPath && b.queue.len >= b.capacity.WaitingRoom && slots <= b.capacity.Parallelism && !b.fits(slots) {
		b.totals.Saturated++
		err := b.rejectionOf(Saturated, slots, 0, nil)
		b.mu.Unlock()
		return nil, false, err
	}
	return b.enterSlow(slots, limits, keep)
}

// enterSlow is the rest of enter, apart so that a rejection needs no frame for it.
func (b *Bulkhead) enterSlow(slots int, limits []deadline.Limit, keep bool) (op *operation, wait bool, err error) {
	if !b.closed && b.fits(slots) {
		op = b.start(slots, keep)
		if b.listeners == nil {
			b.mu.Unlock()
		} else {
			b.deliverOne(time.Now(), EventAdmitted, subject{slots, false, firstEvent}, op)
		}
		return op, false, nil
	}
	a := arrival{slots: slots, keep: keep, maxWait: noDeadline}
	for _, l := range limits {
		a.bound(l)
	}
	return b.arrive(&a)
}

// enterTimed is enter for an arrival whose ctx is done, or whose limits look at the
// clock. It is called without the lock, because ctx is caller-supplied code.
func (b *Bulkhead) enterTimed(ctx context.Context, slots int, limits []deadline.Limit, keep bool) (op *operation, wait bool, err error) {
	a := arrival{slots: slots, keep: keep, maxWait: noDeadline}
	if a.end = ctxEndOf(ctx); a.end == nil {
		limit := deadline.Tightest(limits...)
		a.bound(limit)
		a.boundInTime(ctx, limit)
	}
	b.mu.Lock()
	if a.end == nil && !a.expired && !keep && b.startsNow(slots) {
		b.occupy(slots)
		b.mu.Unlock()
		return nil, false, nil
	}
	return b.arrive(&a)
}

// bound applies the bound that l sets on the length of the wait.
func (a *arrival) bound(l deadline.Limit) {
	d, ok := l.Within()
	switch {
	case !ok:
	case d <= 0:
		a.noWait = true
	default:
		a.maxWait = min(a.maxWait, int64(d))
	}
}

// boundInTime applies the bounds of l that look at the clock. Exactly at Before's
// instant is too late; exactly what Reserve asks for is enough.
func (a *arrival) boundInTime(ctx context.Context, l deadline.Limit) {
	reserve, reserves := l.Reserve()
	var ends time.Time
	if reserves { // before the clock is read: ctx is caller-supplied code, and can take its time
		ends, reserves = ctx.Deadline()
	}
	if before, ok := l.Before(); ok {
		left := time.Until(before)
		a.expired = left <= 0
		a.maxWait = min(a.maxWait, max(0, int64(left)))
	}
	if reserves {
		left := time.Until(ends)
		a.expired = a.expired || left < reserve
		a.maxWait = min(a.maxWait, subSat(int64(left), int64(reserve)))
	}
}

// arrive admits, queues or rejects an arrival, as decide says. Its results are those of
// enter. It is called with the lock held and releases it.
func (b *Bulkhead) arrive(a *arrival) (op *operation, wait bool, err error) {
	s, reason := b.decide(a)
	kind, at := EventAdmitted, time.Time{}
	switch s {
	case inFlight:
		op = b.start(a.slots, a.keep)
	case waiting:
		kind, wait = EventQueued, true
		op, at = b.enqueue(a.slots, a.maxWait)
	default:
		if reason == Oversized && b.onOversized != nil {
			return nil, false, b.rejectOversized(a)
		}
		kind = reason.event()
		b.totals.countAtArrival(reason)
		err = b.rejectionOf(reason, a.slots, 0, a.end)
	}
	if b.listeners == nil {
		b.mu.Unlock()
		return op, wait, err
	}
	if at.IsZero() {
		at = time.Now()
	}
	b.deliverOne(at, kind, subject{a.slots, false, firstEvent}, op)
	return op, wait, err
}

// rejectOversized is arrive for an arrival that is oversized, if a limiter is told of it.
// It is called with the lock held and releases it.
func (b *Bulkhead) rejectOversized(a *arrival) error {
	tell := b.onOversized
	b.totals.countAtArrival(Oversized)
	err := b.rejectionOf(Oversized, a.slots, 0, a.end)
	if b.listeners == nil {
		b.mu.Unlock()
	} else {
		b.deliverOne(time.Now(), Oversized.event(), subject{a.slots, false, firstEvent}, nil)
	}
	tell(a.slots)
	return err
}

// start puts an operation in flight. It gets a record if there is anything to
// remember about it. The lock is held.
func (b *Bulkhead) start(slots int, keep bool) *operation {
	sampled := b.takeSample()
	b.occupy(slots)
	if !keep && !sampled && !b.trackHolds && b.listeners == nil {
		return nil
	}
	op := b.getOperation(slots)
	op.state, op.sampled = inFlight, sampled
	if sampled || b.trackHolds {
		b.hold(op, readClock())
	}
	return op
}

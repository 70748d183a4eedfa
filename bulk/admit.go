package bulk

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

// admit decides about an operation without limits, whose ctx is not done. It may
// start, is to await its turn (see arrive), or is turned away with an error. Who
// may start owes a release with what admit returned: its record, or nil if there
// is nothing to remember about it but its slots.
//
// This function has all that is needed when such an operation is admitted at
// once, or turned away as saturated: what happens nearly always in a healthy
// service, and in an overloaded one. It decides as arrive does, to which it
// leaves everything else.
func (b *Bulkhead) admit(slots int) (*operation, verdict, error) {
	b.mu.Lock()
	switch {
	case b.watched || b.samples():
	case b.fits(slots):
		b.begin(slots)
		b.mu.Unlock()
		return nil, admitNow, nil
	case slots <= b.capacity.Parallelism && b.room.len >= b.capacity.WaitingRoom:
		b.totals.Saturated++
		err := b.errorOf(Saturated, slots, 0, nil)
		b.mu.Unlock()
		return nil, turnAway, err
	}
	return b.arrive(slots, false, nil, nil)
}

// admitWith is admit for an operation with limits, or with a ctx that is done.
// It asks ctx, which is a stranger's code, before it takes the lock.
func (b *Bulkhead) admitWith(ctx context.Context, slots int, limits []deadline.Limit, keep bool) (*operation, verdict, error) {
	var bounds bounds
	if len(limits) == 1 {
		bounds.Limit = limits[0]
	} else {
		bounds.Limit = deadline.Tightest(limits...)
	}
	if _, ok := bounds.Reserve(); ok {
		bounds.dies, bounds.mortal = ctx.Deadline()
	}
	ended := endingOf(ctx)
	b.mu.Lock()
	return b.arrive(slots, keep, &bounds, ended)
}

// fits reports whether an arrival can have its slots at once: they are free and
// nobody waits before it. The lock is held.
func (b *Bulkhead) fits(slots int) bool {
	return b.room.head == nil && slots <= b.capacity.Parallelism-b.inUse
}

// begin makes the transition to in flight, whether at once or from the queue.
// The lock is held.
func (b *Bulkhead) begin(slots int) {
	b.totals.Admitted++
	b.inUse += slots
	// Each operation in flight has a slot at least, so as long as no more slots
	// are in use than operations once were, neither peak is passed.
	if b.inUse > b.peak.InFlight {
		b.peak.InFlight = max(b.peak.InFlight, b.inFlight())
		b.peak.InUse = max(b.peak.InUse, b.inUse)
	}
}

// arrival is an operation that is to be decided about.
type arrival struct {
	slots   int
	bounds  *bounds // those of this call, if any
	allowed int64   // set by decide: how long it may wait
}

// bounds are what one call brings along to the decision.
type bounds struct {
	deadline.Limit           // the tightest of those given
	dies           time.Time // when ctx will end; only with a reserve
	mortal         bool      // dies is set
}

// verdict is what was decided about an arrival.
type verdict uint8

const (
	admitNow verdict = iota
	queueUp
	turnAway
)

// decide applies the admission rules, in their order. The lock is held.
func (b *Bulkhead) decide(a *arrival, ended *ending, j *journal) (verdict, Reason) {
	// 1. A done context never starts an operation.
	if ended != nil {
		return turnAway, Canceled
	}
	// 2.
	if b.closed {
		return turnAway, Closed
	}
	// 3. It could never fit.
	if a.slots > b.capacity.Parallelism {
		return turnAway, Oversized
	}
	// 4. A bound in time has passed, even if slots are free.
	a.allowed = never
	if a.bounds != nil && !a.bound(j) {
		return turnAway, Expired
	}
	// 5. Nobody overtakes.
	if b.fits(a.slots) {
		return admitNow, 0
	}
	// 6. No wait allowed, no place to wait, or no time to.
	if b.room.len >= b.capacity.WaitingRoom || a.bounds != nil && a.impatient() {
		return turnAway, Saturated
	}
	if a.allowed == 0 {
		return turnAway, Expired
	}
	// 7.
	return queueUp, 0
}

// bound sets how long the call's own bounds let it wait. It reports false if one
// has passed: exactly at Before's instant is too late, exactly what Reserve asks
// for is enough.
func (a *arrival) bound(j *journal) bool {
	if within, ok := a.bounds.Within(); ok && within > 0 {
		a.allowed = min(a.allowed, int64(within))
	}
	if before, ok := a.bounds.Before(); ok {
		left := before.Sub(j.now())
		if left <= 0 {
			return false
		}
		a.allowed = min(a.allowed, int64(left))
	}
	if reserve, ok := a.bounds.Reserve(); ok && a.bounds.mortal {
		left := a.bounds.dies.Sub(j.now())
		if left < reserve {
			return false
		}
		a.allowed = min(a.allowed, int64(left-reserve))
	}
	return true
}

// impatient reports whether a came with the wish not to wait at all.
func (a *arrival) impatient() bool {
	within, ok := a.bounds.Within()
	return ok && within <= 0
}

// arrive decides about an operation, whose ctx may have ended already, and does
// what the decision says. It gets a record in any case if keep says so. arrive is
// called with the lock held and gives it back.
//
// Who is to queue up has its place in the room by then, and must await its turn.
// The verbs themselves see to that, so that what it took to decide is not on the
// stack of everyone who waits: nearly all of them do with the smallest stack.
func (b *Bulkhead) arrive(slots int, keep bool, bounds *bounds, ended *ending) (op *operation, v verdict, err error) {
	var j journal
	a := arrival{slots: slots, bounds: bounds}
	v, reason := b.decide(&a, ended, &j)
	switch v {
	case admitNow:
		op = b.start(slots, keep)
		b.note(&j, EventAdmitted, slots, false, 0)
		b.mu.Unlock()
		b.deliverOwn(op, v, &j)
	case queueUp:
		op = b.queue(slots, a.allowed, &j)
		b.mu.Unlock()
		b.deliverOwn(op, v, &j)
	default:
		b.totals.countAtArrival(reason)
		b.note(&j, reason.event(), slots, false, 0)
		err = b.errorOf(reason, slots, 0, ended)
		b.mu.Unlock()
		b.deliver(&j)
	}
	return op, v, err
}

// start puts an operation in flight. It gets a record if there is something to
// remember about it: that a Slot stands for it (keep), that it is sampled, or
// that a handler may end its goroutine (see deliverOwn). The lock is held.
func (b *Bulkhead) start(slots int, keep bool) *operation {
	sampled := b.samples()
	b.begin(slots)
	if !keep && !sampled && !b.watched {
		return nil
	}
	op := b.take(slots)
	op.state = admitted
	if op.sampled = sampled; sampled {
		op.granted = b.now()
	}
	return op
}

// samples reports whether the time in flight of the next operation that is
// admitted is one of those measured. The lock is held.
//
// It is one of each block of holdSampling, at a position that is a hash of the
// block's number. A fixed position would favour one phase of all work whose
// period divides holdSampling, such as slow and fast calls in turn; multiples of
// the golden ratio alone do the same to periods of 47 and 199.
func (b *Bulkhead) samples() bool {
	block := b.totals.Admitted / holdSampling
	return b.totals.Admitted%holdSampling == block*block*0x9E3779B97F4A7C15>>(64-6)
}

// queue gives an operation its place in the waiting room, for as long as it is
// allowed to wait. The lock is held.
func (b *Bulkhead) queue(slots int, allowed int64, j *journal) *operation {
	op := b.take(slots)
	op.state, op.queued = waiting, true
	bubbled := false
	if head := b.room.head; head != nil {
		bubbled = head.bubbled // a bulkhead is used in one bubble at a time
		op.arrived = b.nowFor(j)
	} else {
		now := j.now()
		bubbled = inBubble(now)
		op.arrived = b.reading(now)
	}
	if op.wake == nil || bubbled {
		op.wake, op.bubbled = make(chan signal, mostSignals), bubbled
	}
	if limit := b.capacity.WaitLimit; limit > 0 {
		allowed = min(allowed, int64(limit))
	}
	op.deadline = add(op.arrived, allowed)
	b.room.push(op)
	b.totals.Queued++
	b.peak.Waiting = max(b.peak.Waiting, b.room.len)
	b.watch(op, op.arrived)
	b.note(j, EventQueued, op.slots, false, 0)
	return op
}

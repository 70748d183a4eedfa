package bulk

import (
	"container/heap"
)

// operation is the record of an operation that has something to remember: it
// waits, or a [Slot] stands for it, or its time in flight is measured, or
// handlers are told about it. Run needs no record for an operation that is
// admitted immediately and unobserved.
//
//	arrive ─┬─────────────► inFlight ─┬─► released
//	        │                 ▲       └─► abandoned    its ctx was done when it woke
//	        ├─► waiting ──────┤
//	        │                 └─► rejected             expired, canceled, closed, oversized
//	        └─► rejected
//
// Records and their channels are reused, so that a wait allocates nothing in
// steady state. Three protocols make that safe:
//
//   - gen counts the uses of a record. A Slot remembers the one that it stands
//     for, so a Slot of an earlier use releases nothing.
//   - A decision is sent to wake after the lock was released. The waiter can see the
//     decision in state before the signal arrives. It must still receive the signal
//     (see awaitDecision); otherwise the next use of the record would.
//   - leaveQueue takes back a timeout signal that was sent while the operation left.
//
// Every field is guarded by the bulkhead's lock, with these exceptions. Between a
// decision and its signal, next belongs to the outbox of the call that decided. A
// waiting operation reads its own waitUntil, and after its signal its own state and
// timedOut: nobody else changes them then. The holder of slots reads gen.
//
// The fields are in the order of use: with a million waiters, each cache line that
// a hand-over does not touch counts.
type operation struct {
	next, prev *operation // neighbors in the queue; next also links free records and those to be woken, prev also heldList
	wake       chan struct{}
	since      int64 // instant of arrival while it waits; of the grant while it is in flight and sampled or tracked
	waitUntil  int64 // instant at which the wait ends, or noDeadline
	slots      int
	gen        uint64
	state      state
	queued     bool // it had to wait before it was admitted
	sampled    bool // its time in flight is measured
	timedOut   bool // a timeout signal was sent to wake in this wait
	inBubble   bool // wake was made in a synctest bubble: see inBubble

	number    uint64 // Op of its events; 0 if it arrived before there were handlers
	bulkhead  *Bulkhead
	rejection *AdmissionError // why it was rejected while waiting
	newer     *operation      // the next one in heldList
	heapKey   int64           // see expiry
	heapIndex int             // its index in expiry.heap plus 1; 0: it is not in there
}

type state uint8

const (
	free     state = iota // not in use
	waiting               // in the queue
	inFlight              // it holds its slots
	rejected              // an arrival, or removed from the queue by Close or SetCapacity
)

// signalRoom is the capacity of wake. At most two signals are sent in one wait,
// so sending never blocks: a timeout, sent under the lock while the operation
// waits, and the decision.
const signalRoom = 2

// signal says what ends a wait.
type signal uint8

const (
	none     signal = iota // nothing was received
	timedOut               // the wait is over, if nothing was decided before
	decided                // the slots were granted, or Close or SetCapacity rejected it
)

// received returns the meaning of the first signal of a wait. A timeout is always
// sent before the decision.
func (op *operation) received() signal {
	if op.timedOut {
		return timedOut
	}
	return decided
}

// maxFree is how many unused records a bulkhead keeps at most, so that one
// burst does not cost memory forever.
const maxFree = 1024

// freeList has the unused records.
type freeList struct {
	top *operation
	len int
}

// getOperation returns a record. Its next is arbitrary.
func (b *Bulkhead) getOperation(slots int) *operation {
	op := b.free.top
	if op == nil {
		op = &operation{bulkhead: b}
	} else {
		b.free.top = op.next
		b.free.len--
	}
	op.slots = slots
	return op
}

// putOperation ends the use of a record. Slots of that use release nothing from
// now on.
func (b *Bulkhead) putOperation(op *operation) {
	op.gen++
	op.number = 0
	op.state = free
	op.queued, op.sampled, op.timedOut = false, false, false
	if op.inBubble {
		op.wake, op.inBubble = nil, false
	}
	if b.free.len == maxFree {
		if op.heapIndex != 0 {
			heap.Remove(&b.expiry.heap, op.heapIndex-1) // or the heap would keep it alive
		}
		return
	}
	op.next = b.free.top
	b.free.top = op
	b.free.len++
}

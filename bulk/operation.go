package bulk

import "container/heap"

// operation is the record of one operation from the moment that it needs one:
// because it waits, or because a [Slot] stands for it. An operation that is
// admitted at once by Run needs none.
//
//	arrive ─┬─────────────► admitted ─┬─► finished
//	        │                 ▲       └─► abandoned    ctx was done when it woke
//	        ├─► waiting ──────┤
//	        │                 └─► turned away          expired, canceled, closed, oversized
//	        └─► turned away
//
// A record is kept from the first of these steps to the last, then reused.
// Every field is guarded by the bulkhead's lock, except wake. On the way from a
// decision to its signal next is the decider's and nobody changes the state, so
// both are read without the lock. So are, by the operation itself, its deadline
// while it waits and its turn while it holds slots: nobody else changes these.
//
// The fields come in the order in which they are needed: with a million waiters
// each line of memory that a hand-over doesn't touch counts.
type operation struct {
	next, prev *operation // neighbours in the room; next also links spare records, and those to be woken
	wake       chan signal
	arrived    int64 // clock reading, if it had to wait
	deadline   int64 // clock reading at which the wait ends; never if there is no bound
	slots      int
	turn       uint64 // counts the uses of this record, so that a Slot of an earlier use frees nothing
	state      state
	queued     bool // it had to wait before it was admitted
	sampled    bool // its time in flight is measured
	bubbled    bool // wake was made inside a synctest bubble: see bubble.go

	granted  int64 // clock reading at admission, if sampled
	refusal  error // why it was turned away while waiting
	bulkhead *Bulkhead

	// See alarm.go.
	key   int64
	place int // in the alarm's heap, from 1; 0: not in it
}

type state uint8

const (
	idle       state = iota // spare, or not yet decided
	waiting                 // in the room
	admitted                // holds its slots
	turnedAway              // put out of the room by Close or SetCapacity
)

// signal tells a waiting operation why it is woken.
type signal uint8

const (
	ctxDone    signal = iota // it woke by itself; never sent
	due                      // its wait is over, if it still waits
	handedOver               // it has its slots
	refused                  // it was turned away
)

// mostSignals is how many there can be in one wait, so that sending never blocks:
// due, sent under the lock while it waits, and what was decided.
//
// What was decided is sent after the lock was given back (see journal). So it
// may come when its receiver has woken for another reason, and found by its state
// that something was decided. It must hear it before it does anything else:
// else it would hear it in the next use of the record.
const mostSignals = 2

// hear returns what was decided about an operation that no longer waits.
func (op *operation) hear() signal {
	why := <-op.wake
	for why == due {
		why = <-op.wake
	}
	return why
}

// maxSpare bounds how many unused records a bulkhead keeps, so that one
// crowd does not cost memory for ever.
const maxSpare = 1024

// spares is the list of unused records.
type spares struct {
	top *operation
	len int
}

// take returns a record for an operation of so many slots.
func (b *Bulkhead) take(slots int) *operation {
	op := b.spares.top
	if op == nil {
		op = &operation{bulkhead: b}
	} else {
		b.spares.top = op.next
		b.spares.len--
		op.next = nil
	}
	op.slots = slots
	return op
}

// giveBack ends the use of a record: what was a Slot of it no longer is.
func (b *Bulkhead) giveBack(op *operation) {
	op.turn++
	op.state = idle
	op.queued = false
	if op.bubbled {
		op.wake, op.bubbled = nil, false
	}
	if b.spares.len == maxSpare {
		if op.place != 0 {
			heap.Remove(&b.alarm.keys, op.place-1) // or it would be kept until it rings
		}
		return
	}
	op.next = b.spares.top
	b.spares.top = op
	b.spares.len++
}

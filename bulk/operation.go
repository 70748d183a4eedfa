package bulk

import "container/heap"

// operation is the record of one operation from the moment that it needs one:
// because it waits, or because a [Slot] stands for it. An operation that is
// admitted at once by Run needs none.
//
//	arrive ─┬─────────────► admitted ─┬─► finished
//	        │                 ▲       └─► abandoned    ctx was done when it woke
//	        ├─► waiting ──────┤
//	        │                 └─► turned away          expired, cancelled, closed, oversized
//	        └─► turned away
//
// A record is kept from the first of these steps to the last, then reused.
// Every field is guarded by the bulkhead's lock, except wake.
type operation struct {
	bulkhead *Bulkhead
	turn     uint64 // counts the uses of this record, so that a Slot of an earlier use frees nothing
	slots    int
	state    state
	queued   bool  // it had to wait before it was admitted
	sampled  bool  // its time in flight is measured
	granted  int64 // clock reading at admission, if sampled

	// While it waits.
	next, prev *operation // neighbours in the room; next also links spare records
	wake       chan signal
	bubbled    bool  // wake was made inside a synctest bubble: see bubble.go
	arrived    int64 // clock reading
	deadline   int64 // clock reading at which the wait ends; never if there is no bound
	refusal    error // why it was turned away while waiting

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
	handedOver               // it has its slots
	refused                  // it was turned away
	due                      // its wait is over, if it still waits
)

// poke wakes op. The channel holds one signal: one that finds it full is not
// needed, because whoever takes the first one (always due) looks at the state
// under the lock. Called with the lock held, so that the signals of one use of
// the record never reach the next.
func (op *operation) poke(s signal) {
	select {
	case op.wake <- s:
	default:
	}
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
	op.refusal = nil
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

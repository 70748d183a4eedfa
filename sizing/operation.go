package sizing

import (
	"math"

	"github.com/bulklink/bulklink-go/bulk"
)

// moment is an instant, in nanoseconds from an origin, and the place of a transition
// among those of the same instant: the Seq of its event.
type moment struct {
	at  int64
	seq uint64
}

func (m moment) before(n moment) bool {
	return m.at < n.at || m.at == n.at && m.seq < n.seq
}

// The places of what has no event. The number of the operation is added.
const (
	draws  = 1 << 62 // ends with holds that were drawn: the events of that instant may have been processed before
	bounds = 1 << 63 // wait bounds: an operation that is granted a slot at its bound runs
)

// unknown is an instant that is not known.
const unknown = math.MinInt64

// facts is what is known about an operation of the real bulkhead.
type facts struct {
	number  uint64  // Op of its events
	arrival moment  //
	slots   int     //
	queued  bool    // it joined the queue
	limited bool    // a limit of its call rejected it: it was not allowed to wait, or not longer
	outcome Outcome // InFlight or Waiting until over
	allowed int64   // the longest wait that the bulkhead itself allowed, if queued
	started int64   // when it was admitted, or unknown
	over    bool    // it was rejected, or has ended: outcome is final, and ended is known
	ended   moment  //
}

// hold returns how long the operation was in flight, if it was and is over.
func (f *facts) hold() int64 { return f.ended.at - f.started }

// operation is an operation of the real bulkhead and what becomes of it in the virtual
// one.
type operation struct {
	facts

	state     state
	fromQueue bool   // it waited in the virtual bulkhead
	sampled   bool   // its time in flight counts in Holds
	abandoned bool   // it was admitted after its ctx was done
	scheduled bool   // its end in the virtual bulkhead is known
	start     int64  // when it was admitted in the virtual bulkhead
	bound     int64  // when its wait in the virtual bulkhead ends
	atLeast   int64  // the shortest hold that may be drawn for it
	due       moment // its key in the heap
	index     int    // in the heap plus 1; 0: it is in none

	next, prev *operation // neighbors in the list; next also links free records
}

// leaves reports whether the wait of the operation, which is queued here, ends no later
// than it ended in reality: its ctx was done, or a limit of its call passed, or the bound
// that passed there is also the bound here. (So operations that expire and slots that are
// released at the same instant come in the same order as in reality.)
func (op *operation) leaves() bool {
	if !op.over {
		return false
	}
	switch op.outcome {
	case Canceled, Abandoned:
		return true
	case Expired:
		return op.limited || op.ended.at == op.bound
	}
	return false
}

type state uint8

const (
	outside  state = iota // it has not arrived in the virtual bulkhead
	waiting               // in its queue
	inFlight              // it holds its slots
	gone                  // rejected or ended
)

// list is a queue from which each operation can be removed.
type list struct {
	head, tail *operation
	len        int
}

func (l *list) push(op *operation) {
	op.prev, op.next = l.tail, nil
	if l.tail == nil {
		l.head = op
	} else {
		l.tail.next = op
	}
	l.tail = op
	l.len++
}

func (l *list) remove(op *operation) {
	if op.prev == nil {
		l.head = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		l.tail = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.prev, op.next = nil, nil
	l.len--
}

// pool has the records that are not in use.
type pool struct{ top *operation }

func (p *pool) get() *operation {
	op := p.top
	if op == nil {
		return new(operation)
	}
	p.top = op.next
	*op = operation{}
	return op
}

func (p *pool) put(op *operation) { op.next, p.top = p.top, op }

// forever is a wait without a bound, and the instant of a bound that does not exist.
const forever = math.MaxInt64

// later returns at+d, or forever if the sum overflows or d is forever.
func later(at, d int64) int64 {
	if sum := at + d; d != forever && sum >= at {
		return sum
	}
	return forever
}

// longestWait returns for how long an operation that joins a queue may wait, and whether
// delay control shortened it. The queue has not been empty for the given time.
func longestWait(c bulk.Capacity, standing int64) (wait int64, shortened bool) {
	wait = forever
	if c.WaitLimit > 0 {
		wait = int64(c.WaitLimit)
	}
	if c.DelayInterval > 0 && standing >= int64(c.DelayInterval) && int64(c.DelayTarget) < wait {
		return int64(c.DelayTarget), true
	}
	return wait, false
}

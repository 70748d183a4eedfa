package sizing

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// engine is the virtual bulkhead: the rules of package bulk in virtual time, without
// goroutines and locks. Its methods are its transitions, to be called in the order of
// their moments.
//
// For a FIFO queue with c slots, one slot for each operation and no bounds it computes
// the recursion of J. Kiefer and J. Wolfowitz, "On the theory of queues with many
// servers", Transactions of the AMS 78 (1955): operation n starts at the later of its
// arrival and the earliest time at which a slot is free, and then that slot is free again
// after its hold. A heap of the ends is the vector of that recursion. The waiting room,
// wait bounds, weights, pauses and changes of the capacity decide in addition who takes
// part in it.
type engine struct {
	capacity bulk.Capacity
	now      int64 // instant of the present transition
	closed   bool
	drained  bool
	inFlight int
	inUse    int
	queue    list
	standing int64 // instant since which the queue is not empty

	// due has the waiting operations whose wait has a bound, and the operations in flight
	// whose end is known.
	due heap

	totals  bulk.Totals // without Waits
	count   func(time.Duration)
	waits   func() bulk.Waits
	peak    bulk.Peak
	resizes uint64

	begun func(*operation) // an operation was admitted: schedule it if its hold is known
	left  func(*operation) // an operation was rejected or has ended
}

func newEngine(c bulk.Capacity, begun, left func(*operation)) engine {
	count, waits := hooks.Histogram[bulk.Waits]()
	return engine{capacity: c, count: count, waits: waits, begun: begun, left: left}
}

// arrive applies the admission rules in their order.
func (e *engine) arrive(op *operation) {
	t := &e.totals
	switch {
	case op.outcome == Canceled && !op.queued: // 1. A done ctx never starts an operation.
		t.CanceledAtArrival++
	case e.closed: // 2.
		t.ClosedAtArrival++
	case e.tooLarge(op): // 3. It could never fit.
		t.OversizedAtArrival++
	case op.outcome == Expired && !op.queued: // 4. Also when slots are free.
		t.ExpiredAtArrival++
	case e.queue.head == nil && e.fits(op): // 5. No operation overtakes another.
		e.admit(op)
		return
	case op.outcome == Saturated && op.limited, e.queue.len >= e.capacity.WaitingRoom: // 6.
		t.Saturated++
	default: // 7.
		e.enqueue(op)
		return
	}
	e.leave(op)
}

func (e *engine) tooLarge(op *operation) bool {
	return op.slots > e.capacity.Parallelism && e.capacity.Parallelism > 0
}

func (e *engine) fits(op *operation) bool { return op.slots <= e.capacity.Parallelism-e.inUse }

func (e *engine) enqueue(op *operation) {
	if e.queue.head == nil {
		e.standing = e.now
	}
	wait, shortened := longestWait(e.capacity, e.now-e.standing)
	if shortened {
		e.totals.Shortened++
	}
	op.state, op.fromQueue = waiting, true
	op.bound = later(e.now, wait)
	e.queue.push(op)
	e.totals.Queued++
	e.peak.Waiting = max(e.peak.Waiting, e.queue.len)
	due := moment{op.bound, bounds + op.number}
	if op.leaves() && op.ended.before(due) {
		due = op.ended
	}
	if due.at != forever {
		e.due.push(op, due)
	}
}

// leaveEarly ends the wait of an operation at the moment at which it ended in reality.
func (e *engine) leaveEarly(op *operation) {
	switch {
	case op.index == 0:
		e.due.push(op, op.ended)
	case op.ended.before(op.due):
		e.due.move(op, op.ended)
	}
}

func (e *engine) admit(op *operation) {
	op.state, op.start = inFlight, e.now
	op.sampled = sampled(e.totals.Admitted)
	e.occupy(op.slots)
	e.begun(op)
}

func (e *engine) occupy(slots int) {
	e.totals.Admitted++
	e.inFlight++
	e.inUse += slots
	e.peak.InFlight = max(e.peak.InFlight, e.inFlight)
	e.peak.InUse = max(e.peak.InUse, e.inUse)
}

// vacate is the end of an operation in flight.
func (e *engine) vacate(slots int, abandoned bool) {
	if abandoned {
		e.totals.Abandoned++
	} else {
		e.totals.Finished++
	}
	e.inFlight--
	e.inUse -= slots
	e.grant()
	e.drain()
}

// step makes the transition that is due next: the end of a wait or of an operation in
// flight.
func (e *engine) step() {
	op := e.due.top()
	e.due.remove(op)
	e.now = max(e.now, op.due.at)
	if op.state == waiting {
		e.expire(op)
		return
	}
	if op.sampled && !op.abandoned {
		e.totals.Holds.Samples++
		e.totals.Holds.Sum = time.Duration(later(int64(e.totals.Holds.Sum), e.now-op.start))
	}
	e.vacate(op.slots, op.abandoned)
	e.leave(op)
}

// expire ends a wait at its bound, or when its ctx was done, which precedes the bound.
func (e *engine) expire(op *operation) {
	e.dequeue(op)
	if op.leaves() && op.outcome != Expired && !op.due.before(op.ended) {
		e.totals.Canceled++
	} else {
		e.totals.Expired++
	}
	e.leave(op)
	e.grant()
}

// grant admits the head of the queue for as long as it fits.
func (e *engine) grant() {
	for op := e.queue.head; op != nil && e.fits(op); op = e.queue.head {
		e.dequeue(op)
		waited := time.Duration(e.now - op.arrival.at)
		t := &e.totals
		t.AdmittedFromQueue++
		t.Wait = time.Duration(later(int64(t.Wait), int64(waited)))
		t.LongestWait = max(t.LongestWait, waited)
		e.count(waited)
		e.admit(op)
	}
}

func (e *engine) dequeue(op *operation) {
	e.due.remove(op)
	e.queue.remove(op)
	if e.queue.head == nil {
		e.totals.Queueing = time.Duration(later(int64(e.totals.Queueing), e.now-e.standing))
	}
}

func (e *engine) leave(op *operation) {
	op.state = gone
	e.left(op)
}

func (e *engine) drain() {
	e.drained = e.closed && e.inFlight == 0
}

func (e *engine) close() {
	e.closed = true
	e.rejectWaiting(&e.totals.Closed, func(*operation) bool { return true })
	e.drain()
}

func (e *engine) setCapacity(c bulk.Capacity) {
	if e.closed || c == e.capacity {
		return
	}
	e.capacity = c
	e.resizes++
	e.rejectWaiting(&e.totals.Oversized, e.tooLarge)
	e.grant()
}

func (e *engine) rejectWaiting(counter *uint64, concerned func(*operation) bool) {
	for op := e.queue.head; op != nil; {
		next := op.next
		if concerned(op) {
			e.dequeue(op)
			*counter++
			e.leave(op)
		}
		op = next
	}
}

// sampled reports whether the hold of the admission after n others counts in Holds. It is
// one of 64, at the position that the documentation of [bulk.Holds] publishes.
func sampled(n uint64) bool {
	block := n / 64
	return n%64 == block*block*0x624D9807103842BB>>58
}

// transitions returns the Seq that the last event of the virtual bulkhead would have.
func (e *engine) transitions() uint64 {
	t := &e.totals
	n := t.Admitted + t.Finished + t.Abandoned + t.Queued + t.Saturated +
		t.Expired + t.ExpiredAtArrival + t.Canceled + t.CanceledAtArrival +
		t.Closed + t.ClosedAtArrival + t.Oversized + t.OversizedAtArrival + e.resizes
	if e.closed {
		n++
	}
	if e.drained {
		n++
	}
	return n
}

// status returns the state of the virtual bulkhead without what identifies it.
func (e *engine) status() bulk.Status {
	s := bulk.Status{
		LastEvent: e.transitions(), Capacity: e.capacity, Closed: e.closed,
		InFlight: e.inFlight, InUse: e.inUse, Waiting: e.queue.len, Totals: e.totals, Peak: e.peak,
	}
	s.Totals.Waits = e.waits()
	if head := e.queue.head; head != nil {
		s.Queueing = time.Duration(e.now - e.standing)
		s.OldestWait = time.Duration(e.now - head.arrival.at)
		s.Totals.Queueing = time.Duration(later(int64(s.Totals.Queueing), int64(s.Queueing)))
	}
	return s
}

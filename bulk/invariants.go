package bulk

import (
	"errors"
	"fmt"
)

// check returns every violation of the invariants that are written at the lock,
// joined, or nil. It is for tests, which reach it through internal/hooks.
func (b *Bulkhead) check() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	b.checkCounts(must)
	b.checkQueue(must)
	b.checkHeld(must)
	b.checkFree(must)
	b.checkExpiry(must)
	return errors.Join(errs...)
}

func (b *Bulkhead) checkCounts(must func(bool, string, ...any)) {
	t := &b.totals
	must(t.Admitted >= t.Finished+t.Abandoned, "admitted %d < finished %d + abandoned %d", t.Admitted, t.Finished, t.Abandoned)
	must(b.inUse >= b.inFlight(), "%d slots in use by %d operations", b.inUse, b.inFlight())
	must((b.inUse == 0) == (b.inFlight() == 0), "%d slots in use by %d operations", b.inUse, b.inFlight())
	left := t.AdmittedFromQueue + t.Expired + t.Canceled + t.Closed + t.Oversized
	must(t.Queued == left+uint64(b.queue.len), "queued %d ≠ left %d + waiting %d", t.Queued, left, b.queue.len)
	must(b.waits.snapshot().Count() == t.AdmittedFromQueue, "%d waits of %d admitted from the queue", b.waits.snapshot().Count(), t.AdmittedFromQueue)
	must(!b.closed || b.queue.len == 0, "closed, and %d wait", b.queue.len)
	must(b.drained == (b.closed && b.inFlight() == 0), "drained %t: closed %t, %d in flight", b.drained, b.closed, b.inFlight())
	must(b.slowPath == (b.closed || b.trackHolds || b.listeners != nil), "slow path %t: closed %t, tracked %t, %d handlers", b.slowPath, b.closed, b.trackHolds, len(b.handlers()))
	block := b.nextSample / holdSampleEvery
	must(b.nextSample == sampleOf(block) && (b.nextSample >= t.Admitted) && (block == 0 || sampleOf(block-1) < t.Admitted),
		"next sample %d after %d admissions", b.nextSample, t.Admitted)
	must(b.peak.InFlight >= b.inFlight() && b.peak.InUse >= b.inUse && b.peak.Waiting >= b.queue.len,
		"peak %+v below %d in flight, %d in use, %d waiting", b.peak, b.inFlight(), b.inUse, b.queue.len)
	for i, e := range b.lastRejections {
		must(e == nil || int(e.Reason) == i+1, "last rejection %d is %v", i, e)
	}
}

func (b *Bulkhead) checkQueue(must func(bool, string, ...any)) {
	q := &b.queue
	head := q.head
	must(head == nil || head.slots > b.capacity.Parallelism-b.inUse, "the head fits: %d slots, %d of %d in use", slotsOf(head), b.inUse, b.capacity.Parallelism)
	n := 0
	var prev *operation
	for op := head; op != nil && n <= q.len; prev, op = op, op.next {
		n++
		must(op.prev == prev, "operation %d of the queue: wrong link back", n)
		must(op.bulkhead == b && op.state == waiting && op.queued, "operation %d of the queue: state %d, queued %t", n, op.state, op.queued)
		must(!b.tooLarge(op.slots), "operation %d of the queue: %d slots, parallelism %d", n, op.slots, b.capacity.Parallelism)
		if op.waitUntil != noDeadline && !op.timedOut {
			tracked := b.expiry != nil && op.heapIndex > 0 && op.heapIndex <= len(b.expiry.heap) && b.expiry.heap[op.heapIndex-1] == op
			must(tracked && op.heapKey <= op.waitUntil, "operation %d of the queue: nothing wakes it at its wait bound", n)
		}
	}
	must(n == q.len && q.tail == prev, "queue: %d linked of %d", n, q.len)
}

func slotsOf(op *operation) int {
	if op == nil {
		return 0
	}
	return op.slots
}

func (b *Bulkhead) checkHeld(must func(bool, string, ...any)) {
	n, slots := 0, 0
	var older *operation
	for op := b.held.oldest; op != nil && n <= b.inFlight(); older, op = op, op.newer {
		n++
		slots += op.slots
		must(op.prev == older && op.bulkhead == b && op.state == inFlight, "held operation %d: state %d, or wrong link", n, op.state)
		must(older == nil || older.since <= op.since, "held operation %d was granted before the one before it", n)
	}
	must(b.held.newest == older, "held: wrong end of the list")
	if b.trackHolds {
		must(n == b.inFlight() && slots == b.inUse, "held: %d operations with %d slots, %d in flight with %d", n, slots, b.inFlight(), b.inUse)
	} else {
		must(n == 0, "held: %d operations that are not tracked", n)
	}
}

func (b *Bulkhead) checkFree(must func(bool, string, ...any)) {
	n := 0
	for op := b.free.top; op != nil && n <= b.free.len; op = op.next {
		n++
		must(op.bulkhead == b && op.state == free && !op.queued && !op.sampled && !op.timedOut && op.rejection == nil,
			"free record %d is in use: state %d", n, op.state)
		must(len(op.wake) == 0, "free record %d: a signal is left", n)
		must(!op.inBubble, "free record %d: it keeps a channel of a bubble", n)
	}
	must(n == b.free.len && n <= maxFree, "free records: %d linked of %d, at most %d", n, b.free.len, maxFree)
}

func (b *Bulkhead) checkExpiry(must func(bool, string, ...any)) {
	x := b.expiry
	if x == nil {
		return
	}
	for i, op := range x.heap {
		must(op.heapIndex == i+1, "heap: record %d has index %d", i, op.heapIndex-1)
		must(i == 0 || x.heap[(i-1)/2].heapKey <= op.heapKey, "heap: record %d before its parent", i)
	}
	if len(x.heap) > 0 {
		must(x.firesAt <= x.heap[0].heapKey, "the timer fires at %d, after the first key %d", x.firesAt, x.heap[0].heapKey)
	}
	must(!x.inBubble || b.queue.head != nil, "a timer of a bubble is kept with an empty queue")
}

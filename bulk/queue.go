package bulk

import "time"

// queueStands reports whether delay control shortens waits: the queue, which is not
// empty now, has not been empty for the interval. The lock is held.
func (b *Bulkhead) queueStands(now int64) bool {
	interval := int64(b.capacity.DelayInterval)
	return interval > 0 && subSat(now, b.queueingSince) >= interval
}

// enqueue puts an operation at the end of the queue, for maxWait and the wait limit
// at most. It returns the time of its arrival if it had to read the wall clock, or
// handlers will need it. The lock is held.
func (b *Bulkhead) enqueue(slots int, maxWait int64) (op *operation, at time.Time) {
	op = b.getOperation(slots)
	op.state, op.queued = waiting, true
	bubble := false
	if head := b.queue.head; head != nil && b.listeners == nil {
		bubble = head.inBubble // a bulkhead is used in one bubble at a time
		op.since = readClock()
	} else {
		at = time.Now()
		bubble = inBubble(at)
		op.since = instantOf(at)
	}
	if op.wake == nil || bubble {
		op.wake, op.inBubble = make(chan struct{}, signalRoom), bubble
	}
	if limit := b.capacity.WaitLimit; limit > 0 {
		maxWait = min(maxWait, int64(limit))
	}
	if b.queue.head == nil {
		b.queueingSince = op.since
	} else if b.queueStands(op.since) && int64(b.capacity.DelayTarget) < maxWait {
		maxWait = int64(b.capacity.DelayTarget)
		b.totals.Shortened++
	}
	op.waitUntil = addSat(op.since, maxWait)
	b.queue.push(op)
	b.totals.Queued++
	b.peak.Waiting = max(b.peak.Waiting, b.queue.len)
	if op.waitUntil != noDeadline {
		b.trackDeadline(op, op.since)
	}
	return op, at
}

// fifo is a queue of operations from which each can be removed at a cost that
// does not depend on the length.
type fifo struct {
	head, tail *operation
	len        int
}

func (q *fifo) push(op *operation) {
	op.prev, op.next = q.tail, nil
	if q.tail == nil {
		q.head = op
	} else {
		q.tail.next = op
	}
	q.tail = op
	q.len++
}

func (q *fifo) remove(op *operation) {
	if op.prev == nil {
		q.head = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		q.tail = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.next, op.prev = nil, nil
	q.len--
}

// heldList has the operations in flight in the order of their grants, if the holds
// are tracked. Operations that are not in it may be removed.
type heldList struct{ oldest, newest *operation }

func (l *heldList) push(op *operation) {
	op.prev = l.newest
	if l.newest == nil {
		l.oldest = op
	} else {
		l.newest.newer = op
	}
	l.newest = op
}

func (l *heldList) remove(op *operation) {
	if op.prev == nil && l.oldest != op {
		return
	}
	if op.prev == nil {
		l.oldest = op.newer
	} else {
		op.prev.newer = op.newer
	}
	if op.newer == nil {
		l.newest = op.prev
	} else {
		op.newer.prev = op.prev
	}
	op.prev, op.newer = nil, nil
}

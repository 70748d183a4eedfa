package bulk

import "time"

// release returns the slots of an operation that is over, and grants them to the
// head of the queue. It is called with the lock held and releases it.
func (b *Bulkhead) release(op *operation, slots int) {
	b.inUse -= slots
	b.totals.Finished++
	about := subject{slots: slots}
	if op != nil {
		about = op.subject()
		if op.sampled {
			b.totals.Holds.add(subSat(readClock(), op.since))
		}
		b.held.remove(op)
		b.putOperation(op)
	}
	if b.slowPath {
		b.releaseObserved(about)
		return
	}
	head := b.queue.head
	if head == nil || head.slots > b.capacity.Parallelism-b.inUse {
		b.mu.Unlock()
		return
	}
	b.grant(head, readClock())
	if next := b.queue.head; next != nil && next.slots <= b.capacity.Parallelism-b.inUse {
		var out outbox
		out.addDecided(head)
		b.grantNext(&out)
		b.mu.Unlock()
		b.flush(&out)
		return
	}
	b.mu.Unlock()
	head.wake <- struct{}{}
}

// releaseObserved is the rest of release for a bulkhead that has handlers, tracks holds
// or is closed.
func (b *Bulkhead) releaseObserved(about subject) {
	if b.queue.head == nil && !b.closed && b.listeners != nil {
		b.deliverOne(time.Now(), EventReleased, about, nil)
		return
	}
	var out outbox
	b.record(&out, EventReleased, about, 0)
	b.grantNext(&out)
	b.drainIfIdle(&out)
	b.mu.Unlock()
	b.flush(&out)
}

// grantNext grants free slots to the head of the queue for as long as it fits.
// A section that frees slots, removes the head or changes the capacity calls it before
// it ends, or does the same itself. The lock is held.
func (b *Bulkhead) grantNext(out *outbox) {
	head := b.queue.head
	if head == nil || head.slots > b.capacity.Parallelism-b.inUse {
		return
	}
	now := b.nowFor(out)
	for head != nil && head.slots <= b.capacity.Parallelism-b.inUse {
		waited := b.grant(head, now)
		b.record(out, EventAdmitted, head.subject(), waited)
		out.addDecided(head)
		head = b.queue.head
	}
}

// grant gives the head of the queue its slots, and returns how long it waited. The
// lock is held.
func (b *Bulkhead) grant(op *operation, now int64) time.Duration {
	b.dequeue(op, now)
	waited := time.Duration(subSat(now, op.since))
	op.state = inFlight
	if op.sampled = b.takeSample(); op.sampled || b.trackHolds {
		b.hold(op, now)
	}
	b.occupy(op.slots)
	b.totals.AdmittedFromQueue++
	b.totals.Wait = time.Duration(addSat(int64(b.totals.Wait), int64(waited)))
	b.totals.LongestWait = max(b.totals.LongestWait, waited)
	if b.waits == nil {
		b.waits = new(waitCounts)
	}
	b.waits[bucketOf(waited)]++
	return waited
}

// dequeue removes op from the queue. The lock is held.
func (b *Bulkhead) dequeue(op *operation, now int64) {
	b.queue.remove(op)
	if b.queue.head != nil {
		return
	}
	b.totals.Queueing = time.Duration(addSat(int64(b.totals.Queueing), subSat(now, b.queueingSince)))
	if b.expiry != nil && b.expiry.inBubble {
		b.dropExpiry() // its bubble may end now
	}
}

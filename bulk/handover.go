package bulk

import (
	"context"
	"time"
)

// await blocks until op has its slots or its wait is over.
//
// Three things can end a wait at the same time: slots are handed over, ctx
// ends, the bound is reached. Between hand-over and bound, whoever takes the
// lock first decides: what is handed over runs. ctx comes before both: an
// operation whose ctx is done when it wakes never runs, even if it has slots.
func (b *Bulkhead) await(ctx context.Context, op *operation) (*operation, error) {
	decided := false
	defer func() {
		if !decided { // ctx panicked: nobody else would take op out of the room
			_, _ = b.leave(op, &canceled)
		}
	}()
	done := ctx.Done()
	why := ctxDone
	if done == nil {
		why = <-op.wake
	} else {
		select {
		case why = <-op.wake:
		case <-done:
		}
	}
	var end *ending
	if why == due {
		why, end = b.overdue(ctx, done, op)
	} else {
		end = endingOf(ctx)
	}
	if why == ctxDone && end == nil {
		end = &canceled // a ctx that is done and doesn't say how
	}
	if why == due && end == nil {
		// Slots that are handed over before it has left are a hand-over like any
		// other: ctx may have ended since it was looked at.
		decided = true
		if kept, err := b.leave(op, nil); kept == nil {
			return nil, err
		}
		decided = false
		why, end = handedOver, endingOf(ctx)
	}
	decided = true
	if why == handedOver && end == nil {
		return op, nil
	}
	return b.leave(op, end)
}

// overdue says what ends the wait of op, whose bound is reached. A ctx that ends
// no later than the bound is about to be done: it gets a moment, so that its
// cause is learnt. If it isn't done then, because this machine is busy or because
// it doesn't keep its word, its deadline says enough.
func (b *Bulkhead) overdue(ctx context.Context, done <-chan struct{}, op *operation) (signal, *ending) {
	if done == nil || !b.endsWithin(ctx, op.deadline) {
		return due, endingOf(ctx)
	}
	grace := time.NewTimer(time.Millisecond)
	defer grace.Stop()
	select {
	case <-done:
		return ctxDone, endingOf(ctx)
	case why := <-op.wake:
		return why, endingOf(ctx)
	case <-grace.C:
	}
	if end := endingOf(ctx); end != nil {
		return due, end
	}
	return due, &exceeded
}

// endsWithin reports whether ctx has a deadline that is not after the reading.
func (b *Bulkhead) endsWithin(ctx context.Context, reading int64) bool {
	dies, ok := ctx.Deadline()
	return ok && b.reading(dies) <= reading
}

// leave ends the wait of op, whatever has become of it by now: it still waits,
// or has been turned away, or has been given its slots. In this last case it
// returns op if ctx has not ended, else the slots go to the next.
func (b *Bulkhead) leave(op *operation, end *ending) (*operation, error) {
	var j journal
	b.mu.Lock()
	select {
	case <-op.wake: // a signal that came meanwhile: not for the next use of the record
	default:
	}
	var err error
	switch op.state {
	case admitted:
		if end == nil {
			b.mu.Unlock()
			return op, nil
		}
		err = b.abandon(op, end, &j)
	case turnedAway:
		err = op.refusal
	default:
		reason := Expired
		if end != nil {
			reason = Cancelled
		}
		b.unqueue(op)
		err = b.refuse(reason, op, end, &j)
	}
	b.giveBack(op)
	b.settle(&j)
	b.mu.Unlock()
	b.deliver(&j)
	return nil, err
}

// abandon takes the slots back from an operation that was given them and won't
// run. The lock is held.
func (b *Bulkhead) abandon(op *operation, end *ending, j *journal) error {
	b.inUse -= op.slots
	b.totals.Abandoned++
	b.note(j, EventAbandoned, op.slots, op.queued, 0)
	return b.errorOf(Cancelled, op.slots, 0, end)
}

// unqueue takes op out of the waiting room. The lock is held.
func (b *Bulkhead) unqueue(op *operation) {
	b.room.remove(op)
	if b.room.head == nil && b.alarm != nil && b.alarm.bubbled {
		b.dropAlarm() // its bubble may end now
	}
}

// release frees slots and hands them over. It is called with the lock held and
// gives it back.
func (b *Bulkhead) release(op *operation, slots int) {
	b.inUse -= slots
	b.totals.Finished++
	queued := false
	if op != nil {
		queued = op.queued
		if op.sampled {
			b.totals.Holds.add(elapsed(op.granted, b.now()))
		}
		b.giveBack(op)
	}
	if b.room.head == nil && !b.watched {
		b.mu.Unlock()
		return
	}
	var j journal
	b.note(&j, EventReleased, slots, queued, 0)
	b.settle(&j)
	b.mu.Unlock()
	b.deliver(&j)
}

// settle restores what holds between two sections, after slots were freed, the
// head left, or the capacity changed: it hands free slots to the head of the
// room as long as that fits, and notices the end of a closed bulkhead. The lock
// is held.
func (b *Bulkhead) settle(j *journal) {
	if head := b.room.head; head != nil && head.slots <= b.capacity.Parallelism-b.inUse {
		b.handOver(j)
	}
	if b.closed && !b.drained && b.inFlight() == 0 {
		b.drain(j)
	}
}

func (b *Bulkhead) handOver(j *journal) {
	now := b.nowFor(j)
	for op := b.room.head; op != nil && op.slots <= b.capacity.Parallelism-b.inUse; op = b.room.head {
		b.unqueue(op)
		op.state = admitted
		op.sampled, op.granted = b.samples(), now
		b.begin(op.slots)
		waited := time.Duration(elapsed(op.arrived, now))
		b.countWait(waited)
		b.note(j, EventAdmitted, op.slots, true, waited)
		op.poke(handedOver)
	}
}

// countWait enters the wait of an operation that was admitted from the queue.
func (b *Bulkhead) countWait(d time.Duration) {
	t := &b.totals
	t.AdmittedFromQueue++
	t.Wait = time.Duration(add(int64(t.Wait), int64(d)))
	t.LongestWait = max(t.LongestWait, d)
	if b.waits == nil {
		b.waits = new(waitCounts)
	}
	b.waits[bucketOf(d)]++
}

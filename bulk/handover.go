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
	over, why := false, ctxDone
	defer func() {
		if !over { // ctx panicked: nobody else would end the wait
			b.quit(op, why)
		}
	}()
	done := ctx.Done()
	if done == nil {
		why = <-op.wake
	} else {
		select {
		case why = <-op.wake:
		case <-done:
		}
	}
	var presumed *ending // how ctx has ended, if it doesn't say so itself
	switch why {
	case ctxDone:
		presumed = &canceled
	case due:
		why, presumed = b.overdue(ctx, done, op)
	}
	end := endingOf(ctx)
	if end == nil {
		end = presumed
	}
	if why == ctxDone || why == due {
		over = true // if a handler ends this goroutine, it has left
		if err := b.leave(op, end); err != nil {
			return nil, err
		}
		over = false
		// It was decided about before it had left, so its bound no longer counts.
		// But ctx may have ended since it was looked at.
		if why = op.hear(); end == nil {
			end = endingOf(ctx)
		}
	}
	over = true
	switch {
	case why == refused:
		return nil, b.dismiss(op)
	case end != nil:
		return nil, b.abandon(op, end)
	}
	return op, nil
}

// quit ends the wait of op, whatever has become of it. why is what it has heard.
func (b *Bulkhead) quit(op *operation, why signal) {
	if why == ctxDone || why == due {
		if b.leave(op, &canceled) != nil {
			return
		}
		why = op.hear()
	}
	if why == refused {
		_ = b.dismiss(op)
	} else {
		_ = b.abandon(op, &canceled)
	}
}

// overdue says what ends the wait of op, whose bound is reached, and how ctx has
// ended if it doesn't say so itself. A ctx whose deadline is not after the bound
// is about to be done: it gets a moment. If it is not done then, because its timer
// is late on a busy machine or because its deadline is not true, the bound has
// ended the wait: an operation is never canceled while ctx.Err() is nil.
func (b *Bulkhead) overdue(ctx context.Context, done <-chan struct{}, op *operation) (signal, *ending) {
	if done == nil || !b.endsWithin(ctx, op.deadline) {
		return due, nil
	}
	grace := time.NewTimer(time.Millisecond)
	defer grace.Stop()
	select {
	case <-done:
		return ctxDone, &canceled
	case why := <-op.wake:
		return why, nil
	case <-grace.C:
		return due, nil
	}
}

// endsWithin reports whether ctx has a deadline that is not after the reading.
func (b *Bulkhead) endsWithin(ctx context.Context, reading int64) bool {
	dies, ok := ctx.Deadline()
	return ok && b.reading(dies) <= reading
}

// leave takes op out of the waiting room, because ctx has ended or else its bound
// is reached, and returns why. If it has been decided about meanwhile, leave does
// nothing and returns nil: op is to hear what.
func (b *Bulkhead) leave(op *operation, end *ending) error {
	var j journal
	b.mu.Lock()
	if op.state != waiting {
		b.mu.Unlock()
		return nil
	}
	select {
	case <-op.wake: // due: not for the next use of the record
	default:
	}
	reason := Expired
	if end != nil {
		reason = Canceled
	}
	b.unqueue(op)
	err := b.refuse(reason, op, end, &j)
	b.giveBack(op)
	b.settle(&j)
	b.mu.Unlock()
	b.deliver(&j)
	return err
}

// dismiss ends the use of the record of an operation that has heard that it was
// turned away, and returns why.
func (b *Bulkhead) dismiss(op *operation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := op.refusal
	op.refusal = nil
	b.giveBack(op)
	return err
}

// abandon takes the slots back from an operation that was given them and won't
// run.
func (b *Bulkhead) abandon(op *operation, end *ending) error {
	var j journal
	b.mu.Lock()
	b.inUse -= op.slots
	b.totals.Abandoned++
	b.note(&j, EventAbandoned, op.slots, op.queued, 0)
	err := b.errorOf(Canceled, op.slots, 0, end)
	b.giveBack(op)
	b.settle(&j)
	b.mu.Unlock()
	b.deliver(&j)
	return err
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
		if op.sampled = b.samples(); op.sampled {
			op.granted = now
		}
		b.begin(op.slots)
		waited := time.Duration(elapsed(op.arrived, now))
		b.countWait(waited)
		b.note(j, EventAdmitted, op.slots, true, waited)
		j.decided(op)
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

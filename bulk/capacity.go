package bulk

import "fmt"

// Resize is [Bulkhead.SetCapacity] with another parallelism and all else as it
// is.
func (b *Bulkhead) Resize(parallelism int) error {
	return b.change(func(c Capacity) Capacity {
		c.Parallelism = parallelism
		return c
	})
}

// SetCapacity changes all three at once. It never blocks and cancels nothing:
//
//   - More slots admit from the queue, in order, before it returns.
//   - Fewer let the work in flight drain; admission resumes below the new
//     parallelism. A waiting operation that could never fit any more is turned
//     away as oversized.
//   - A smaller waiting room turns nobody out; it takes effect as people leave.
//   - A new wait limit holds for operations that arrive later.
//
// Setting what is already set does nothing. A value that is not allowed is a
// [*ConfigError] and changes nothing, also on a closed bulkhead. A closed one
// is not changed: the error matches [ErrClosed] and is not an
// [*AdmissionError].
func (b *Bulkhead) SetCapacity(c Capacity) error {
	return b.change(func(Capacity) Capacity { return c })
}

func (b *Bulkhead) change(to func(Capacity) Capacity) error {
	var j journal
	b.mu.Lock()
	old := b.capacity
	c := to(old)
	if err := c.validate(b.label); err != nil {
		b.mu.Unlock()
		return err
	}
	if b.closed {
		b.mu.Unlock()
		return fmt.Errorf("bulkhead %s: capacity not changed: %w", quoted(b.label), ErrClosed)
	}
	if c != old {
		b.capacity = c
		b.resizes++
		if len(b.handlers) > 0 {
			b.write(&j, Event{Kind: EventResized, Previous: old})
		}
		b.turnOut(Oversized, func(op *operation) bool { return op.slots > c.Parallelism }, &j)
		b.settle(&j)
	}
	b.mu.Unlock()
	b.deliver(&j)
	return nil
}

// turnOut puts those who are concerned out of the waiting room, in order. The
// lock is held.
func (b *Bulkhead) turnOut(reason Reason, concerned func(*operation) bool, j *journal) {
	for op := b.room.head; op != nil; {
		next := op.next
		if concerned(op) {
			b.unqueue(op)
			op.state = turnedAway
			op.refusal = b.refuse(reason, op, nil, j)
			j.decided(op)
		}
		op = next
	}
}

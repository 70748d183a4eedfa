package bulk

import (
	"errors"
	"fmt"
	"time"
)

// Capacity is how much a bulkhead takes: Parallelism slots in use at once
// (at least 1), WaitingRoom operations waiting (0: none), each for WaitLimit at
// the most (0: no limit).
type Capacity struct {
	Parallelism, WaitingRoom int
	WaitLimit                time.Duration
}

// Validate returns nil, or all that is wrong with c: a join of [*ConfigError],
// one for each field.
func (c Capacity) Validate() error { return c.validate("") }

// validate is Validate for the capacity of the bulkhead with the label.
func (c Capacity) validate(label string) error {
	return errors.Join(c.problems(label)...)
}

func (c Capacity) problems(label string) []error {
	var errs []error
	if c.Parallelism < 1 {
		errs = append(errs, &ConfigError{Label: label, Field: "parallelism", Value: c.Parallelism, Problem: "must be at least 1"})
	}
	if c.WaitingRoom < 0 {
		errs = append(errs, &ConfigError{Label: label, Field: "waiting_room", Value: c.WaitingRoom, Problem: "must be 0 (nobody waits) or more"})
	}
	if c.WaitLimit < 0 {
		errs = append(errs, &ConfigError{Label: label, Field: "wait_limit", Value: c.WaitLimit, Problem: "must be 0 (no limit) or more"})
	}
	return errs
}

// Resize is [Bulkhead.SetCapacity] with another parallelism and everything else
// as it is.
func (b *Bulkhead) Resize(parallelism int) error {
	return b.UpdateCapacity(func(c Capacity) Capacity {
		c.Parallelism = parallelism
		return c
	})
}

// SetCapacity replaces the capacity in one step. To change some of its fields
// use [Bulkhead.UpdateCapacity]. SetCapacity never blocks and cancels nothing:
//
//   - More slots admit operations from the queue, in order, before it returns.
//   - With fewer slots the work in flight drains; admission resumes below the
//     new parallelism. A waiting operation that could never fit any more is
//     rejected as oversized.
//   - A smaller waiting room rejects no operation that waits. It takes effect as
//     they leave.
//   - A new wait limit holds for operations that arrive later.
//
// Setting what is already set does nothing. A value that is not allowed is a
// [*ConfigError] and changes nothing, also on a closed bulkhead. A closed one
// is not changed: the error matches [ErrClosed] and is not an
// [*AdmissionError].
func (b *Bulkhead) SetCapacity(c Capacity) error {
	return b.UpdateCapacity(func(Capacity) Capacity { return c })
}

// UpdateCapacity sets the capacity that f returns for the present one, as
// [Bulkhead.SetCapacity] does. Concurrent changes are not lost: if the capacity
// has changed while f ran, f runs again, with the new one.
//
//	err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
//		c.WaitingRoom = 100
//		return c
//	})
//
// f runs on the caller's goroutine, without the lock. It must not change the
// capacity of b itself, because then it would run again each time. If it panics,
// nothing has changed. A nil f panics.
func (b *Bulkhead) UpdateCapacity(f func(Capacity) Capacity) error {
	if f == nil {
		panic("bulk: UpdateCapacity: nil f")
	}
	for {
		old := b.Capacity()
		swapped, err := b.swapCapacity(old, f(old))
		if swapped || err != nil {
			return err
		}
	}
}

// swapCapacity sets c if the capacity is still old, and reports whether it is. An
// error is about c or a closed bulkhead, and nothing has changed then.
func (b *Bulkhead) swapCapacity(old, c Capacity) (swapped bool, err error) {
	var out outbox
	b.mu.Lock()
	if b.capacity != old {
		b.mu.Unlock()
		return false, nil
	}
	if err := c.validate(b.label); err != nil {
		b.mu.Unlock()
		return false, err
	}
	if b.closed {
		b.mu.Unlock()
		return false, fmt.Errorf("bulkhead %s: capacity not changed: %w", quoted(b.label), ErrClosed)
	}
	if c != old {
		b.capacity = c
		b.resizes++
		if len(b.handlers) > 0 {
			e := b.nextEvent(&out)
			b.describe(e, out.now(), EventResized, 0, false, 0)
			e.Previous = old
		}
		b.rejectWaiting(Oversized, func(op *operation) bool { return op.slots > c.Parallelism }, &out)
		b.grantNext(&out)
	}
	b.mu.Unlock()
	b.flush(&out)
	return true, nil
}

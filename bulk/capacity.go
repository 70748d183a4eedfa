package bulk

import (
	"errors"
	"fmt"
	"time"
)

// Capacity is how much a bulkhead takes.
type Capacity struct {
	Parallelism int           // slots: at least 1
	WaitingRoom int           // operations that may wait; 0: none
	WaitLimit   time.Duration // longest wait; 0: no limit
}

// Validate returns an error if a value of c is not allowed: the problems joined,
// each a [*ConfigError].
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

// Resize sets the parallelism and leaves the rest of the capacity unchanged. Its
// effects and errors are those of [Bulkhead.SetCapacity].
func (b *Bulkhead) Resize(parallelism int) error {
	return b.UpdateCapacity(func(c Capacity) Capacity {
		c.Parallelism = parallelism
		return c
	})
}

// SetCapacity replaces the capacity in one step. To change only some of its fields,
// use [Bulkhead.UpdateCapacity]. SetCapacity cancels nothing:
//
//   - If slots are added, operations are admitted from the queue in order before
//     SetCapacity returns.
//   - If slots are removed, operations in flight finish, and admission resumes below
//     the new parallelism. A waiting operation that could never fit is rejected as
//     oversized.
//   - A smaller waiting room rejects no operation that waits. It takes effect as they
//     leave.
//   - A new wait limit applies to operations that arrive later.
//
// Setting the present capacity does nothing. If a value is not allowed, SetCapacity
// returns [*ConfigError]s and changes nothing. If the bulkhead is closed, it returns
// an error that matches [ErrClosed] and is not an [*AdmissionError].
//
// SetCapacity does not block, except while event handlers run. Its cost is
// proportional to the number of waiting operations.
func (b *Bulkhead) SetCapacity(c Capacity) error {
	return b.UpdateCapacity(func(Capacity) Capacity { return c })
}

// UpdateCapacity sets the capacity that f returns for the present one, as
// [Bulkhead.SetCapacity] does. No concurrent change is lost: if the capacity changes
// while f runs, f runs again with the new one.
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
			b.describe(e, out.now(), EventResized, subject{}, 0)
			e.Previous = old
		}
		b.rejectWaiting(Oversized, func(op *operation) bool { return op.slots > c.Parallelism }, &out)
		b.grantNext(&out)
	}
	b.mu.Unlock()
	b.flush(&out)
	return true, nil
}

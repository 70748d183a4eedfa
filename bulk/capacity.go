package bulk

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Capacity is how much a bulkhead takes.
type Capacity struct {
	Parallelism   int           // slots; 0: paused, no operation is admitted; [Unlimited]: every operation is
	WaitingRoom   int           // operations that may wait; 0: none
	WaitLimit     time.Duration // longest wait; 0: no limit
	DelayTarget   time.Duration // see [ControlDelay]; 0: no delay control
	DelayInterval time.Duration // see [ControlDelay]; 0: no delay control
}

// Unlimited is a parallelism that admits every operation immediately, and counts
// everything as any other does.
const Unlimited = math.MaxInt

// Validate returns an error if a value of c is not allowed: the problems joined,
// each a [*ConfigError].
func (c Capacity) Validate() error { return c.validate("") }

// validate is Validate for the capacity of the bulkhead with the label.
func (c Capacity) validate(label string) error {
	return errors.Join(c.problems(label)...)
}

func (c Capacity) problems(label string) []error {
	var errs []error
	add := func(ok bool, field string, value any, problem string) {
		if !ok {
			errs = append(errs, &ConfigError{Label: label, Field: field, Value: value, Problem: problem})
		}
	}
	add(c.Parallelism >= 0, "parallelism", c.Parallelism, "must be 0 (paused) or more")
	add(c.WaitingRoom >= 0, "waiting_room", c.WaitingRoom, "must be 0 (no waiting room) or more")
	add(c.WaitLimit >= 0, "wait_limit", c.WaitLimit, "must be 0 (no limit) or more")
	add(c.DelayTarget >= 0, "delay_target", c.DelayTarget, "must be 0 (no delay control) or more")
	add(c.DelayInterval >= 0, "delay_interval", c.DelayInterval, "must be 0 (no delay control) or more")
	add(c.DelayTarget != 0 || c.DelayInterval <= 0, "delay_target", c.DelayTarget, "must be more than 0 with a delay interval")
	add(c.DelayInterval != 0 || c.DelayTarget <= 0, "delay_interval", c.DelayInterval, "must be more than 0 with a delay target")
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
//   - A new wait limit and delay control apply to operations that arrive later.
//   - Parallelism 0 pauses the bulkhead: no operation is admitted, and no size is too
//     large to wait. When it is raised again, a waiting operation that does not fit
//     into the new parallelism is rejected as oversized, and the others are admitted in
//     order.
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
	var out outbox
	err := b.updateCapacity(f, &out)
	b.flush(&out)
	return err
}

// updateCapacity is UpdateCapacity, except that its caller flushes out.
func (b *Bulkhead) updateCapacity(f func(Capacity) Capacity, out *outbox) error {
	for {
		old := b.Capacity()
		swapped, err := b.swapCapacity(old, f(old), out)
		if swapped || err != nil {
			return err
		}
	}
}

// swapCapacity sets c if the capacity is still old, and reports whether it is. An
// error is about c or a closed bulkhead, and nothing has changed then.
func (b *Bulkhead) swapCapacity(old, c Capacity, out *outbox) (swapped bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.capacity != old {
		return false, nil
	}
	if err := c.validate(b.label); err != nil {
		return false, err
	}
	if b.closed {
		return false, fmt.Errorf("bulkhead %s: capacity not changed: %w", safetext.Quote(b.label), ErrClosed)
	}
	if c != old {
		b.capacity = c
		b.resizes++
		if b.listeners != nil {
			e := b.nextEvent(out)
			b.describe(e, out.now(), EventResized, subject{}, 0)
			e.Previous = old
		}
		b.rejectWaiting(Oversized, func(op *operation) bool { return b.tooLarge(op.slots) }, out)
		b.grantNext(out)
	}
	return true, nil
}

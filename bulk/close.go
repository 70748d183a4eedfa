package bulk

import (
	"context"
	"fmt"
)

// Close turns away everyone who waits and everyone who comes later, and
// interrupts nothing in flight. It never blocks, may be called again, and
// always returns nil.
func (b *Bulkhead) Close() error {
	var j journal
	b.mu.Lock()
	if !b.closed {
		b.closed, b.watched = true, true
		b.note(&j, EventClosed, 0, false, 0)
		b.turnOut(Closed, func(*operation) bool { return true }, &j)
		b.dropAlarm()
		b.settle(&j)
	}
	b.mu.Unlock()
	b.deliver(&j)
	return nil
}

// drain makes it known that a closed bulkhead has nothing in flight any more.
// The lock is held.
func (b *Bulkhead) drain(j *journal) {
	b.drained = true
	b.note(j, EventDrained, 0, false, 0)
	if b.done != nil {
		close(b.done)
	}
	for c := range b.drainers {
		close(c)
	}
	b.drainers = nil
}

// Done returns a channel that is closed once the bulkhead is closed and nothing
// is in flight. It is always the same one.
//
// In a testing/synctest bubble, waiting for the channel of a bulkhead that was
// made outside does not count as durably blocked; [Bulkhead.Wait] does.
func (b *Bulkhead) Done() <-chan struct{} { return b.done }

// Wait blocks until the bulkhead is closed and nothing is in flight; it may
// begin before Close. It returns nil then, even with a done ctx. If ctx ends
// first it gives up with a [*DrainError]; that disturbs nobody else.
func (b *Bulkhead) Wait(ctx context.Context) error {
	done := ctx.Done()
	c := make(chan struct{}) // of the caller's bubble, if it runs in one
	b.mu.Lock()
	if b.drained {
		b.mu.Unlock()
		return nil
	}
	if b.drainers == nil {
		b.drainers = make(map[chan struct{}]struct{})
	}
	b.drainers[c] = struct{}{}
	b.mu.Unlock()

	select {
	case <-c:
		return nil
	case <-done:
	}
	end := endingOf(ctx)
	if end == nil {
		end = &canceled
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drained {
		return nil
	}
	delete(b.drainers, c)
	return &DrainError{Label: b.label, InFlight: b.inFlight(), ended: end}
}

// Shutdown is Close, then Wait.
func (b *Bulkhead) Shutdown(ctx context.Context) error {
	_ = b.Close() // always nil
	return b.Wait(ctx)
}

// DrainError says that Wait or Shutdown gave up because its ctx ended while
// operations were in flight. It matches ctx.Err() and context.Cause(ctx), with
// errors.Is and errors.As, but never says that an operation was not started.
type DrainError struct {
	Label    string
	InFlight int

	ended *ending // nil in one that was not made here
}

func (e *DrainError) Error() string {
	text := fmt.Sprintf("bulkhead %s: not drained, %d in flight", quoted(e.Label), e.InFlight)
	if e.ended == nil {
		return text
	}
	return fmt.Sprintf("%s: %v", text, e.ended.cause)
}

// Is reports whether ctx.Err() or its cause matches target. No DrainError matches
// [ErrNotStarted] and the other sentinels of its kind, whatever the cause: it is not
// the error of an operation.
func (e *DrainError) Is(target error) bool {
	return e.ended != nil && ((&ranError{e.ended.err}).Is(target) || (&ranError{e.ended.cause}).Is(target))
}

// As finds what ctx ended with, but no [*AdmissionError].
func (e *DrainError) As(target any) bool {
	return e.ended != nil && ((&ranError{e.ended.cause}).As(target) || (&ranError{e.ended.err}).As(target))
}

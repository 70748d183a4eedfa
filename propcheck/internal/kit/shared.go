package kit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// sentinels lists which reasons each sentinel matches.
var sentinels = map[error][]bulk.Reason{
	bulk.ErrNotStarted: {bulk.Saturated, bulk.Expired, bulk.Closed, bulk.Oversized, bulk.Canceled},
	bulk.ErrOverload:   {bulk.Saturated, bulk.Expired},
	bulk.ErrSaturated:  {bulk.Saturated},
	bulk.ErrExpired:    {bulk.Expired},
	bulk.ErrClosed:     {bulk.Closed},
	bulk.ErrOversized:  {bulk.Oversized},
	bulk.ErrCanceled:   {bulk.Canceled},
}

// WrongSentinels says what is wrong with which sentinels err matches, the error of an
// operation that was rejected for a reason, or of one that was not rejected: 0.
func WrongSentinels(err error, reason bulk.Reason) string {
	for sentinel, reasons := range sentinels {
		if errors.Is(err, sentinel) != slices.Contains(reasons, reason) {
			return fmt.Sprintf("whether %v matches %v is wrong", err, sentinel)
		}
	}
	return ""
}

// Leaves returns the errors that errors.Join has joined.
func Leaves(err error) (list []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if _, one := err.(*bulk.DrainError); one || !ok {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		list = append(list, Leaves(one)...)
	}
	return list
}

// Drains returns what the DrainErrors in err say, each of which must match the
// cause.
func Drains(err, cause error) (list []string) {
	for _, leaf := range Leaves(err) {
		var e *bulk.DrainError
		switch {
		case errors.As(leaf, &e) && errors.Is(leaf, cause):
			list = append(list, Drained(e.Label, e.InFlight))
		case leaf != nil:
			list = append(list, fmt.Sprintf("no DrainError with the cause: %v", leaf))
		}
	}
	return list
}

// Drained is what Drains returns for a DrainError as it should be.
func Drained(label string, inFlight int) string {
	return fmt.Sprintf("%q has %d in flight", label, inFlight)
}

var errShut = errors.New("no more patience")

// Closable is what every subject can do.
type Closable interface {
	// Close ends the admission, and rejects the operations that wait.
	Close() error
	// Shutdown is Close, and then waits until all is drained, or ctx ends.
	Shutdown(ctx context.Context) error
}

// Resizable is a subject with a capacity.
type Resizable interface {
	Closable
	// Capacity returns the capacity in effect.
	Capacity() bulk.Capacity
	// Resize changes the parallelism.
	Resize(parallelism int) error
	// SetCapacity replaces the whole capacity.
	SetCapacity(c bulk.Capacity) error
	// UpdateCapacity replaces the capacity by what f makes of it, in one step.
	UpdateCapacity(f func(bulk.Capacity) bulk.Capacity) error
}

// Change chooses one of the three ways to change the capacity: to another parallelism,
// another waiting room, or all that is given. It returns what that makes of a capacity,
// and what does it, with meanwhile in the middle of an update.
func Change(d *Dice, s Resizable, to bulk.Capacity, meanwhile func()) (text string, change func(bulk.Capacity) bulk.Capacity, set func() error) {
	switch d.Int(3) {
	case 1:
		change = func(c bulk.Capacity) bulk.Capacity { c.WaitingRoom = to.WaitingRoom; return c }
		return fmt.Sprintf("UpdateCapacity(waiting room %d)", to.WaitingRoom), change, func() error {
			return s.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity { meanwhile(); return change(c) })
		}
	case 2:
		change = func(bulk.Capacity) bulk.Capacity { return to }
		return fmt.Sprintf("SetCapacity(%+v)", to), change, func() error { return s.SetCapacity(to) }
	}
	change = func(c bulk.Capacity) bulk.Capacity { c.Parallelism = to.Parallelism; return c }
	return fmt.Sprintf("Resize(%d)", to.Parallelism), change, func() error { return s.Resize(to.Parallelism) }
}

// Shut calls Close, or Shutdown with a ctx that ends after a while: want is what
// must be in flight then, as Drained says it.
func Shut(s *Story, c Coverage, d *Dice, subject Closable, want ...string) {
	patience, start := time.Duration(d.Int(3))*time.Second, time.Now()
	if d.OneIn(2) {
		s.Did("Close()")
		c.Hit("Close")
		s.Must(subject.Close() == nil, "it returned an error")
		return
	}
	s.Did("Shutdown, with a ctx that ends after %v", patience)
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errShut)
	defer cancel()
	err := subject.Shutdown(ctx)
	took := time.Since(start)
	c.Hit("Shutdown after %v: in flight %d", patience, min(len(want), 2))
	if len(want) == 0 {
		patience = 0
	}
	s.Must(slices.Equal(Drains(err, errShut), want) && took == patience, "it returned %v after %v; by the contract %q after %v", err, took, want, patience)
}

// Overloaded returns the rejection of a bulkhead that is not the subject.
func Overloaded() error {
	b := bulk.Must(bulk.New("another", 1))
	slot, _ := b.TryAcquire()
	defer slot.Release()
	_, err := b.Acquire(context.Background(), deadline.NoWait())
	return err
}

// IsClosed reports whether a channel is closed on which nothing is ever sent.
func IsClosed[T any](c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Yields is an option that changes nothing, and lets others run while a bulkhead
// is being made.
func Yields(*bulk.Config) error {
	for range 3 {
		runtime.Gosched()
	}
	return nil
}

// Differences says in words in which fields two values of a type differ.
func Differences(what string, got, want any) []string {
	return differences(what, reflect.ValueOf(got), reflect.ValueOf(want))
}

func differences(what string, got, want reflect.Value) (list []string) {
	if got.Equal(want) {
		return nil
	}
	if got.Kind() != reflect.Struct || !got.Type().Field(0).IsExported() {
		return []string{fmt.Sprintf("%s is %v; by the contract it is %v", what, got, want)}
	}
	for i := range got.NumField() {
		list = append(list, differences(what+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i))...)
	}
	return list
}

// Package hooks lets packages registry and sizing, and tests, reach into package bulk,
// and tests into package registry, where no exported name should.
//
// Package bulk imports this package, so its types cannot be named here: they are
// type parameters, and package bulk sets the functions when the program starts.
package hooks

import (
	"context"
	"time"
)

var (
	onRelease    any // func(*bulk.Config, func())
	joinGroup    any // func(*bulk.Config, *Group)
	rejectedBy   func(*Group, error) bool
	ran          any // func(context.Context, bulk.Slot, error) error
	withCapacity any // func(*bulk.Config, *bulk.Capacity)
	addStatus    any // func(*bulk.Status, *bulk.Bulkhead, bool) bool
	totalsText   any // func(bulk.Totals, time.Duration) string
	histogram    any // func() (func(time.Duration), func() bulk.Waits)
	check        any // func(*bulk.Bulkhead) error
	checkKeyed   func(any) error
	change       any // func(*bulk.Bulkhead, func(bulk.Capacity) bulk.Capacity) (func(), error)
	claim        any // func(*bulk.Bulkhead, Owner) Owner
	unclaim      any // func(*bulk.Bulkhead, Owner)
	load         any // func(*bulk.Bulkhead) Load
	onOversized  any // func(*bulk.Bulkhead, func(int))
)

// SetOnRelease sets what [OnRelease] calls.
func SetOnRelease[Config any](f func(*Config, func())) { onRelease = f }

// OnRelease makes every bulkhead of a [*bulk.Config] call f each time that one
// of its slots (a bulk.Slot, not those of Run) has been released: once for each
// slot, without the lock, after the events.
//
// Such a bulkhead belongs to a Keyed and is seen by no one else, so it needs no
// channel for Done. It must not have one, because it may be made in one synctest
// bubble and closed in another.
func OnRelease[Config any](c *Config, f func()) { onRelease.(func(*Config, func()))(c, f) }

// A Group is several bulkheads that are one to their users: those of a Keyed. An
// operation that runs in one of them never returns a rejection by another one, as
// it never returns a rejection by its own bulkhead: see [bulk.NotStarted].
type Group struct {
	// Rejection is the error with which the group itself rejects an operation. It
	// is compared by identity.
	Rejection error
}

// SetGroups sets what [JoinGroup] and [RejectedBy] call.
func SetGroups[Config any](join func(*Config, *Group), rejected func(*Group, error) bool) {
	joinGroup, rejectedBy = join, rejected
}

// JoinGroup makes every bulkhead of a [*bulk.Config] a member of g.
func JoinGroup[Config any](c *Config, g *Group) { joinGroup.(func(*Config, *Group))(c, g) }

// RejectedBy reports whether the outermost error in err that says that an
// operation was not started (of several joined ones, the first) is a rejection by
// g or by a member of g.
func RejectedBy(g *Group, err error) bool { return rejectedBy(g, err) }

// SetRan sets what [Ran] calls.
func SetRan[Slot any](f func(context.Context, Slot, error) error) { ran = f }

// Ran returns the error of an operation that was admitted with s, a [bulk.Slot],
// ran with ctx and returned err. It is err, or an error with the same text that
// says nothing about an operation that was not started: see [bulk.NotStarted]. s
// may have been released.
func Ran[Slot any](ctx context.Context, s Slot, err error) error {
	return ran.(func(context.Context, Slot, error) error)(ctx, s, err)
}

// SetWithCapacity sets what [WithCapacity] calls.
func SetWithCapacity[Config, Capacity any](f func(*Config, *Capacity)) { withCapacity = f }

// WithCapacity makes every bulkhead of a [*bulk.Config] start with a given
// [bulk.Capacity], which may be paused, instead of the parallelism and the options
// of [bulk.New]. So a key's bulkhead starts with the present capacity of its Keyed,
// without an event that says it was resized.
func WithCapacity[Config, Capacity any](c *Config, given *Capacity) {
	withCapacity.(func(*Config, *Capacity))(c, given)
}

// SetAddStatus sets what [AddStatus] calls.
func SetAddStatus[Status, Bulkhead any](f func(*Status, *Bulkhead, bool) bool) { addStatus = f }

// AddStatus adds a [*bulk.Bulkhead] to a [*bulk.Status] that is a sum: its
// parallelism, waiting room, load and totals; the ages become those of the bulkhead
// if they are longer. It does not count as a Status call of the bulkhead.
//
// It adds histograms in place if own says that the histogram of the sum is not
// shared, and reports whether it is not shared now. So a sum over many bulkheads
// needs one histogram, not one for each.
func AddStatus[Status, Bulkhead any](sum *Status, b *Bulkhead, own bool) bool {
	return addStatus.(func(*Status, *Bulkhead, bool) bool)(sum, b, own)
}

// SetTotalsText sets what [TotalsText] calls.
func SetTotalsText[Totals any](f func(Totals, time.Duration) string) { totalsText = f }

// TotalsText returns the rows of a [bulk.Totals] in text forms, each with a newline
// before it. They have rates if the duration is more than 0.
func TotalsText[Totals any](t Totals, duration time.Duration) string {
	return totalsText.(func(Totals, time.Duration) string)(t, duration)
}

// SetHistogram sets what [Histogram] calls.
func SetHistogram[Waits any](f func() (func(time.Duration), func() Waits)) { histogram = f }

// Histogram returns two functions for an empty [bulk.Waits] that its maker alone can
// change: one counts a wait, the other returns a copy. So package sizing can count the
// waits of a bulkhead that does not exist.
func Histogram[Waits any]() (count func(time.Duration), snapshot func() Waits) {
	return histogram.(func() (func(time.Duration), func() Waits))()
}

// SetChangeCapacity sets what [ChangeCapacity] calls.
func SetChangeCapacity[Bulkhead, Capacity any](f func(*Bulkhead, func(Capacity) Capacity) (func(), error)) {
	change = f
}

// ChangeCapacity is UpdateCapacity of a [*bulk.Bulkhead], except that it does not wake the
// operations concerned and calls no event handler: the caller calls deliver, which does
// both, as soon as it has released its own locks. f must not panic.
func ChangeCapacity[Bulkhead, Capacity any](b *Bulkhead, f func(Capacity) Capacity) (deliver func(), err error) {
	return change.(func(*Bulkhead, func(Capacity) Capacity) (func(), error))(b, f)
}

// A Load is what package adaptive reads of a bulkhead at each decision.
type Load struct {
	Parallelism int
	InUse       int    // slots
	InFlight    int    // operations
	NotAdmitted uint64 // operations so far that were not admitted immediately because the bulkhead was full: queued or saturated
	Owners      Owner  // of the bulkhead
	Closed      bool
}

// SetLimiting sets what [Claim], [Unclaim], [LoadOf] and [OnOversized] call.
func SetLimiting[Bulkhead any](c func(*Bulkhead, Owner) Owner, u func(*Bulkhead, Owner), l func(*Bulkhead) Load, o func(*Bulkhead, func(int))) {
	claim, unclaim, load, onOversized = c, u, l, o
}

// An Owner is a set of roles at a bulkhead. At most one owner has each role.
type Owner uint8

// The roles. A fleet.Member is Member and Setter, an adaptive.Limiter is Limiter and
// Setter, and one that observes is Limiter alone. So a bulkhead can have a member and a
// limiter that observes, but no two that set its parallelism.
const (
	Limiter Owner = 1 << iota
	Member
	Setter
)

// Claim reserves all roles of an owner at a [*bulk.Bulkhead], and returns 0. If some are
// taken, it reserves none, and returns all roles that are taken. The marks are in the
// bulkhead, so they need no table that could leak.
func Claim[Bulkhead any](b *Bulkhead, by Owner) (taken Owner) {
	return claim.(func(*Bulkhead, Owner) Owner)(b, by)
}

// Unclaim makes the roles free for another owner. They are those that were claimed.
func Unclaim[Bulkhead any](b *Bulkhead, by Owner) { unclaim.(func(*Bulkhead, Owner))(b, by) }

// LoadOf returns the load of a [*bulk.Bulkhead]. Unlike a Status it copies no
// histogram, so it allocates nothing.
func LoadOf[Bulkhead any](b *Bulkhead) Load { return load.(func(*Bulkhead) Load)(b) }

// OnOversized makes a [*bulk.Bulkhead] call f with the slots of each operation that it
// rejects as oversized at its arrival: without the lock, on the goroutine of that
// operation, after the event. It replaces the f before; nil is none. Such an operation is
// in no Load, because nothing is measured while every operation is oversized.
func OnOversized[Bulkhead any](b *Bulkhead, f func(slots int)) {
	onOversized.(func(*Bulkhead, func(int)))(b, f)
}

// SetCheck sets what [Check] calls.
func SetCheck[Bulkhead any](f func(*Bulkhead) error) { check = f }

// Check returns every violation of the invariants of a [*bulk.Bulkhead], joined,
// or nil. It is for tests.
func Check[Bulkhead any](b *Bulkhead) error { return check.(func(*Bulkhead) error)(b) }

// SetCheckKeyed sets what [CheckKeyed] calls.
func SetCheckKeyed(f func(any) error) { checkKeyed = f }

// CheckKeyed returns every violation of the invariants of a [*registry.Keyed] and its
// bulkheads, joined, or nil. It is for tests.
func CheckKeyed(k any) error { return checkKeyed(k) }

// Package hooks lets package registry and tests reach into package bulk where no
// exported name should.
//
// Package bulk imports this package, so its types cannot be named here: they are
// type parameters, and package bulk sets the functions when the program starts.
package hooks

var (
	onRelease any // func(*bulk.Config, func())
	check     any // func(*bulk.Bulkhead) error
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

// SetCheck sets what [Check] calls.
func SetCheck[Bulkhead any](f func(*Bulkhead) error) { check = f }

// Check returns every violation of the invariants of a [*bulk.Bulkhead], joined,
// or nil. It is for tests.
func Check[Bulkhead any](b *Bulkhead) error { return check.(func(*Bulkhead) error)(b) }

// Package hooks lets package registry reach into package bulk where no exported
// name should.
package hooks

// onRelease is a func(*bulk.Config, func()). Package bulk imports this package,
// so its types cannot be named here.
var onRelease any

// SetOnRelease is called by package bulk when the program starts.
func SetOnRelease[Config any](set func(*Config, func())) { onRelease = set }

// OnRelease makes every bulkhead of a [*bulk.Config] call f each time that one
// of its slots (a bulk.Slot, not those of Run) has been released: once for each
// slot, without the lock, after the events.
//
// Such a bulkhead belongs to a Keyed and is seen by no one else, so it needs no
// channel for Done. It must not have one, because it may be made in one synctest
// bubble and closed in another.
func OnRelease[Config any](c *Config, f func()) { onRelease.(func(*Config, func()))(c, f) }

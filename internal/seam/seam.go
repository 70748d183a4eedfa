// Package seam is where package registry reaches into package bulk for what
// is nobody else's business. Package bulk sets the functions when
// the program starts; its types are passed as any, because it imports this
// package.
package seam

import "time"

// OnRelease makes every bulkhead of a *bulk.Config call f each time that one of
// its slots (a bulk.Slot, not those of Run) has been released: once for each
// slot, without the lock, after the events. Such a bulkhead belongs to a Keyed,
// that nobody else has, so it needs no channel for Done; and must not have one,
// because it may be made in one synctest bubble and closed in another.
var OnRelease func(config any, f func())

// Part is a capacity of which some is said. What is nil stays as it is.
type Part struct {
	Parallelism, WaitingRoom *int
	WaitLimit                *time.Duration
}

// SetPart is SetCapacity of a *bulk.Bulkhead for a part, in one step: a Resize
// at the same time is not undone.
var SetPart func(bulkhead any, p Part) error

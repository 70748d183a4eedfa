// Package seam is where package registry reaches into package bulk for what
// is nobody else's business. Package bulk sets the functions when
// the program starts; its types are passed as any, because it imports this
// package.
package seam

// OnRelease makes every bulkhead of a *bulk.Config call f each time that one of
// its slots (a bulk.Slot, not those of Run) has been released: once for each
// slot, without the lock, after the events. Such a bulkhead belongs to a Keyed,
// that nobody else has, so it needs no channel for Done; and must not have one,
// because it may be made in one synctest bubble and closed in another.
var OnRelease func(config any, f func())

// Package linear checks bulkheads under real concurrency: many goroutines, real
// time, no bubble. What they ask and are told is recorded as a history, and
// porcupine searches for an order in which [model.Model], one thing after
// another, gives the same answers. Only if there is none has the bulkhead
// failed.
//
// It is a module of its own so that only its tests need porcupine.
//
// # One call, one or two steps
//
// A call that does not wait is one step, somewhere between its call and its return:
// TryAcquireN, AcquireN with deadline.NoWait, Release, Resize, SetCapacity, Close,
// Status, a look at Done. So is the end of a ctx. All that was answered counts:
// each number of an AdmissionError and of a Status, and the count of readings.
//
// An AcquireN or RunN that may wait is not atomic. It is two steps, both between
// its call and its return:
//
//	arrive   the admission rules are applied; it may be queued
//	wake     it learns how its wait ended
//
// The grant itself is no step: it is part of the Release, or the other call, that
// freed the slots, and the model makes it there, to the head of its room. The
// answer of wake follows from the state:
//
//	a slot       it is in flight, and its ctx had not ended when it was granted
//	Expired      it is in the room, and its bound has passed in real time
//	Canceled     its ctx has ended, and it is in the room, or was handed slots
//	             from there, which it then gives back
//	the rest     it was rejected in the step of another, with these numbers
//
// One thing is not decided by the order of steps: whether an arrival saw the end
// of its ctx, which it looks at before it takes the lock. If the ctx ended before
// its arrival, but not before its call, both are allowed.
//
// # With events and without
//
// Half of the bulkheads have a handler. Their events, in the order of Seq, must
// then be those of the model, in the same order that explains the answers. The
// other half has none, and takes the paths that are quick without a
// handler.
//
// # What is left out
//
// Model time stands still: of times only the wait that was allowed is compared,
// and that no operation expired before it. The rest of time is for virtual time, where
// it is exact: see package propcheck.
package linear

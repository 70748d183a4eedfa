// Package propcheck checks bulkheads, functions that run operations in one,
// registries, and bulkheads per key: those of this module themselves, and what is
// built around them. It drives a subject through random sequences of actions, in
// virtual time, side by side with a reference model, and compares all that can be
// seen after each step.
//
// A function, or a method of a struct of your own:
//
//	func TestCharge(t *testing.T) {
//		propcheck.TestDo(t, func(b *bulk.Bulkhead) propcheck.DoFunc {
//			return NewPayments(b).Do
//		})
//	}
//
// A type that embeds a bulkhead:
//
//	func TestMyBulkhead(t *testing.T) {
//		propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
//			return NewMyBulkhead(label, parallelism, opts...)
//		})
//	}
//
// # A failure
//
// A failure is made as short as possible and printed as a list of steps: each
// action, its effects, and the differences from the contract. This is the one of
// a Do that skips its Release when fn panics:
//
//	The shortest sequence that fails:
//	     A subject "subject" is made: 1 slot, 2 places; handlers: 1.
//	  1. #1 Do(background)
//	          1ns: #1 is admitted (rule 5)
//	  2. #1: fn panics
//	          by the contract:
//	          2ns: #1: fn panics
//	     Then the subject breaks the contract:
//	          Status().LastEvent is 1; by the contract it is 2
//	          Status().InFlight is 1; by the contract it is 0
//	          Status().InUse is 1; by the contract it is 0
//	          Status().Totals.Finished is 0; by the contract it is 1
//	          …
//	          handler 0 was not given event 2 (released)
//
// The flags of rapid apply: -rapid.checks for more sequences, -rapid.steps for
// longer ones, -rapid.seed to see a failure again. One that comes from a race may
// not come again; its steps are printed all the same.
//
// # What is checked
//
//  1. Which operations are admitted: by the first admission rule of package bulk
//     that applies, at its instant, to the nanosecond.
//  2. The order: first come, first served. No operation overtakes another, none is
//     forgotten.
//  3. The answer: a rejected operation gets the reason, the numbers of that moment
//     and the sentinels that go with them, and its function is not called. One
//     that is admitted runs once, with a ctx derived from the caller's; what it
//     returns, its panic and its runtime.Goexit come out.
//  4. The error of an operation that ran is never taken for "not started".
//  5. No slot is lost or released twice: not by a panic, by Goexit, by a caller
//     that gives up when it is granted, by a second Release, by a handler.
//  6. Limits and contexts: a wait ends at the earliest bound and not before, and
//     never by a bound that ctx precedes.
//  7. Ties: when several things happen at one instant, the outcome is one that
//     some order of them allows.
//  8. Changes of the capacity, pauses and delay control among them, Close, Done,
//     Wait and Shutdown do what they say, and never block for others.
//  9. Every Status, also one that a handler takes, is the one that the model
//     predicts.
//  10. Events: each handler is given exactly the events between its addition and
//     its removal, with every field right, those of one call in their order, before
//     that call returns, and after the handlers that were added before. A handler
//     that panics, takes a Status or ends its goroutine does no harm.
//  11. A value that is not allowed is rejected by its name, and counts as nothing.
//  12. In the end everything drains, and no goroutine is left.
//
// Of registries: a label is there once, also when several create it; Get, All,
// Statuses and Reports agree, in the order of creation, and a loop over All sees
// what there was when it began; defaults come before options; Remove closes,
// waits, then forgets; Apply and ApplyJSON set all or nothing; after Close nothing
// is created, and Shutdown names each member that still has something in flight.
//
// Keyeds are members like the others: see registry.CreateKeyed.
//
// Of bulkheads per key: each key has its own slots; the key left first makes room,
// and one in use is never evicted; EvictIdle takes those idle for IdleAfter, to the
// nanosecond; an operation with a done ctx or a passed bound makes and evicts no
// key; Status and Statuses count everything once; no error names a key; a change of the
// common capacity reaches each key, as registry.CapacityOf has it, also one that comes
// meanwhile; NotStarted is exact; Close and Shutdown reach all keys.
//
// # What is not checked
//
// What works on one Status alone is the same for every subject, and has its tests
// in package bulk: intervals, reports, and all forms in text and JSON. So have
// [bulk.Map] and what a nil function does. That fn runs on the caller's goroutine
// is seen only by how its panic and its Goexit come out. The order in which several
// goroutines call at the same instant is left to propcheck/linear: run your own
// stress tests under the race detector as well.
//
// A subject that holds a mutex while it waits, or while it calls a handler, can
// make a sequence hang instead of fail, because a goroutine that is blocked by a
// mutex does not let the virtual time of a bubble pass.
//
// # How
//
// [Model] is the contract as plain code, one thing after another: package
// propcheck/model. It is the place to look when it is not clear what should happen.
// The documentation of propcheck/internal/kit has a picture of the machines and the ten
// nouns that they are made of.
// A sequence runs in a testing/synctest bubble. In calm sequences one thing happens
// at a time, so there is one outcome. In the others several happen at one instant:
// the machine lets them, and then tries the orders that the contract allows on
// copies of the model. The subject has failed only if none explains what is seen.
//
// The package is for tests. Speed is a goal only as far as it buys sequences.
package propcheck

// Package propcheck checks bulkheads, registries of them and bulkheads per key:
// those of this module themselves, and whatever is built around one. It drives
// the thing to be checked through random sequences of actions, in virtual time,
// side by side with a reference model, and compares all that can be seen after
// each step.
//
//	func TestMyBulkhead(t *testing.T) {
//		propcheck.TestBulkhead(t, func(label string, parallelism int, opts ...bulk.Option) (propcheck.Subject, error) {
//			return NewMyBulkhead(label, parallelism, opts...)
//		})
//	}
//
// # What is checked
//
//  1. Who is admitted: each operation by the first rule of package bulk that
//     applies, at its instant, to the nanosecond.
//  2. The order: first come, first served. Nobody overtakes, nobody is forgotten.
//  3. The answer: an operation that was turned away gets the reason, the numbers
//     of that moment and the sentinels that go with them; its function is not
//     called. One that was admitted runs once, and what it returns, its panic or
//     its runtime.Goexit comes out untouched.
//  4. No slot is lost or freed twice: not by a panic, by Goexit, by a caller who
//     gives up when it is granted, by a Release too many, by a handler.
//  5. Limits and contexts: the wait ends at the earliest bound and not before,
//     and never by a bound that ctx precedes.
//  6. Ties: when several things happen at one instant, what comes of it is one of
//     the outcomes that some order of them allows, and no other.
//  7. SetCapacity, Close, Done, Wait and Shutdown do what they say, no more, and
//     never block for others.
//  8. Every Status, wherever it is taken, is the one that the model predicts; its
//     equations hold; and it is what the events up to LastEvent add up to.
//  9. Events: each handler is given exactly those that it is owed, with every
//     field right, those of one call in their order, before that call returns,
//     and after the handlers that were added before. A handler that panics, calls
//     back, or ends its goroutine does no harm.
//  10. What is not allowed is refused as it should be, each mistake by its name,
//     and counts as nothing.
//  11. In the end everything drains, and no goroutine is left.
//
// # Registries
//
// [TestRegistry] checks a [registry.Registry] or a wrapper of one, by all its
// methods, while slots of the members come and go:
//
//  1. A label is there once. Of several GetOrCreate at the same time one makes the
//     bulkhead, and all get that one. One that exists stays as it is.
//  2. Get, All, Statuses and Reports agree, in the order of creation. A loop over
//     All sees what there was when it began.
//  3. The defaults come before the options of a bulkhead.
//  4. Remove closes, waits, and then forgets. Until then the label is taken. Who
//     gives up gets a DrainError, and the member stays.
//  5. Apply and ApplyJSON set all that is said and nothing else; with anything
//     wrong they set nothing, and the error matches each of the things wrong.
//     Closed members are reported, the others set.
//  6. After Close nothing is created. Shutdown names each member that still has
//     something in flight, and how much, in order, when ctx ends and not before.
//
// # Bulkheads per key
//
// [TestKeyed] checks a [registry.Keyed] with strings as keys, or a wrapper of one:
//
//  1. Each key has its own slots and places, first come, first served.
//  2. There are at most maxKeys keys. The one left first makes room; if none is
//     idle a new one is turned away. A key that is used is never evicted, also if
//     Evict and several operations come at the same time.
//  3. EvictIdle takes those that have been idle for IdleAfter, to the nanosecond.
//     Whatever way an operation ends, its key is idle from then on.
//  4. A done ctx, a passed bound or a closed Keyed makes and evicts no key.
//  5. Status counts everything once, also what was evicted. Events agree with it.
//  6. No error names a key. Each matches its sentinels and has the label.
//  7. Close turns out all who wait, Shutdown counts what is in flight over all keys.
//
// Acquire and Release are checked of every subject. RunKey and GuardKey take a
// *registry.Keyed, so they are checked if the subject is one; a wrapper offers
// its own way as a [KeyedDoer].
//
// The models of both are in the files whose names end in _model.go.
//
// # How
//
// [Model] is the contract as plain code, one thing after another. It is the
// place to look when it is not clear what should happen.
//
// A sequence runs in a testing/synctest bubble. In calm sequences one thing
// happens at a time, so there is one outcome. In the others several happen at
// one instant: the machine doesn't know in which order they will take the lock,
// so it lets them, and then searches all orders that the contract allows for
// those that explain what it sees. Only if there is none has the subject failed.
//
// A failure is made as short as it can be and told as a story: what was done,
// what the model says about it, and in what the subject differs. The flags of
// rapid apply: -rapid.checks for more sequences, -rapid.steps for longer ones,
// -rapid.seed to see a failure again. One that comes from a race may not come
// again; its story is told all the same.
//
// # What it is not for
//
// What works on a reading alone is the same for every Subject, and has its own
// tests in package bulk: intervals, reports, and all forms in text and JSON. So
// has [bulk.Map]. That a function runs on the caller's goroutine is seen only by
// how its panic and its runtime.Goexit come out.
//
// Inside a bubble there is little real concurrency: run your own stress tests
// under the race detector as well. A subject that holds a mutex while it waits,
// or while it calls a handler, can make a sequence hang instead of fail, because
// a goroutine that is blocked by a mutex does not let virtual time pass.
//
// The package is for tests. Speed is a goal only as far as it buys sequences.
package propcheck

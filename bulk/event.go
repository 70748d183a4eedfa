package bulk

import (
	"slices"
	"time"
)

// EventKind says what happened.
type EventKind uint8

const (
	EventQueued         EventKind = iota + 1 // an arrival took its place in the waiting room
	EventAdmitted                            // an operation got its slots, at once or after waiting
	EventReleased                            // an operation finished and its slots are free
	EventAbandoned                           // slots were handed to an operation whose ctx was done: it never ran and passed them on
	EventSaturated                           // turned away: no slot free and no place, or no time, to wait
	EventExpired                             // turned away: a bound of its wait passed
	EventCanceled                            // turned away: its ctx was done
	EventOversized                           // turned away: it asked for more slots than the parallelism
	EventRejectedClosed                      // turned away: the bulkhead was closed
	EventClosed                              // Close was called
	EventDrained                             // closed, and the last operation in flight is gone
	EventResized                             // the capacity was changed
)

var eventKinds = enumText{"queued", "admitted", "released", "abandoned", "saturated", "expired", "canceled",
	"oversized", "rejected_closed", "closed", "drained", "resized"}

// String returns the kind as one lower-case word, the same as in JSON.
func (k EventKind) String() string { return eventKinds.name("event kind", uint8(k)) }

// MarshalText returns the word of String. A kind that doesn't exist is a
// [*ConfigError].
func (k EventKind) MarshalText() ([]byte, error) { return eventKinds.marshal("kind", uint8(k)) }

// UnmarshalText accepts the words of String. Any other is a [*ConfigError] and
// leaves k as it was.
func (k *EventKind) UnmarshalText(text []byte) error {
	return eventKinds.unmarshal("kind", text, (*uint8)(k))
}

// Event is one transition of a bulkhead, with the numbers as they were right
// after it.
type Event struct {
	ID       uint64        `json:"id"`  // the bulkhead's: see [Status.ID]
	Seq      uint64        `json:"seq"` // 1, 2, 3 … in the order in which the transitions happened, from New on, whether or not anybody listens
	Kind     EventKind     `json:"kind"`
	Label    string        `json:"label"`
	At       time.Time     `json:"at"`
	Slots    int           `json:"slots"`     // what the operation asked for; 0 where no operation is concerned
	Queued   bool          `json:"queued"`    // the operation had been waiting: on each of its events but queued itself
	Waited   time.Duration `json:"waited_ns"` // from arrival to admission or to being turned away; 0 on all other events
	Capacity Capacity      `json:"capacity"`
	Previous Capacity      `json:"previous,omitzero"` // the capacity before, on resized only

	// After this one transition: a hand-over is released, then admitted, each
	// with its own step.
	InFlight int  `json:"in_flight"`
	InUse    int  `json:"in_use"`
	Waiting  int  `json:"waiting"`
	Closed   bool `json:"closed"`
}

// tellsWait reports whether Waited says how long the operation waited. Released
// and abandoned come after an admitted that has said it.
func (e Event) tellsWait() bool {
	return e.Queued && e.Kind != EventReleased && e.Kind != EventAbandoned
}

// handler is boxed so that the same function added twice can be told apart.
type handler struct{ handle func(Event) }

// OnEvent adds a handler. From now on it is given an [Event] for every
// transition, after those handlers that were added before. The function
// returned takes it off again; calling it more than once does nothing more.
// A nil h panics.
//
// Handlers run outside the lock, on the goroutine that made the transition:
// when a call of this package returns, they have had every event of the
// transitions that it made. Events of different goroutines can be delivered in
// another order than that of the transitions, and at the same time: Seq has
// the true order.
//
// Handlers may call any method of the bulkhead that doesn't wait for it. They
// should be brief: a slow handler of queued keeps its own operation from
// starting, a slow handler of released delays the caller whose operation is
// over. A handler that panics is contained: see [OnHandlerPanic]. One that ends
// its goroutine (runtime.Goexit, t.FailNow) costs no slot: an operation that
// was just admitted on that goroutine is abandoned, one that was just queued
// leaves as canceled.
//
// What a handler does makes events of its own, and the handlers are given them
// before it returns. A handler that reacts to a kind of event by causing that
// kind again therefore recurses without end, and the program ends with a stack
// overflow, which can't be recovered: a TryAcquire in a handler of saturated
// does so, and a Resize in a handler of resized. (A Resize that changes nothing
// is no event.) Hand such work to a goroutine of your own, without waiting for
// it:
//
//	saturated := make(chan bulk.Event, 1)
//	b.OnEvent(func(e bulk.Event) {
//		if e.Kind == bulk.EventSaturated {
//			select {
//			case saturated <- e:
//			default: // one that is not handled yet says the same
//			}
//		}
//	})
//	go func() {
//		for range saturated {
//			// any method of the bulkhead, also those that wait
//		}
//	}()
//
// Or react by causing events of other kinds only.
//
// Without handlers, events cost nothing. With some, getting slots and giving
// them back each read the clock once, and each handler is given a copy of each
// event, of 168 bytes; in steady state nothing is allocated. One handler that
// does nothing costs about 0.1 µs for each event where a bare mutex
// lock/unlock pair costs 5 ns: BenchmarkUncontended/RunListened measures it.
func (b *Bulkhead) OnEvent(h func(Event)) (remove func()) {
	if h == nil {
		panic("bulk: OnEvent: nil handler")
	}
	added := &handler{h}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setHandlers(append(slices.Clip(b.handlers), added))
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		rest := slices.Clone(b.handlers)
		b.setHandlers(slices.DeleteFunc(rest, func(h *handler) bool { return h == added }))
	}
}

// setHandlers sets who listens. A list is never changed once it is set, so that
// deliveries read theirs without the lock. The lock is held.
func (b *Bulkhead) setHandlers(handlers []*handler) {
	b.handlers = handlers
	b.slowPath = b.closed || len(handlers) > 0
}

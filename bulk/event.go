package bulk

import (
	"slices"
	"sync"
	"time"
)

// EventKind says what happened.
type EventKind uint8

const (
	EventQueued         EventKind = iota + 1 // an arrival joined the queue
	EventAdmitted                            // an operation got its slots, immediately or after it waited
	EventReleased                            // an operation finished, and its slots are free
	EventAbandoned                           // an operation got slots after its ctx was done: it does not run, and its slots are free
	EventSaturated                           // rejected: no free slot, and the waiting room was full or waiting was not allowed
	EventExpired                             // rejected: a bound of its wait passed
	EventCanceled                            // rejected: its ctx was done
	EventOversized                           // rejected: it asked for more slots than the parallelism
	EventRejectedClosed                      // rejected: the bulkhead was closed
	EventClosed                              // Close was called
	EventDrained                             // closed, and nothing is in flight any more
	EventResized                             // the capacity was changed
)

var eventKinds = enumText{"queued", "admitted", "released", "abandoned", "saturated", "expired", "canceled",
	"oversized", "rejected_closed", "closed", "drained", "resized"}

// String returns the kind as one lower-case word, the same as in JSON.
func (k EventKind) String() string { return eventKinds.name("event kind", uint8(k)) }

// MarshalText returns the word of String. The error for an unknown kind is a
// [*ConfigError].
func (k EventKind) MarshalText() ([]byte, error) { return eventKinds.marshal("kind", uint8(k)) }

// UnmarshalText accepts the words of String. The error for any other word is a
// [*ConfigError], and k is unchanged.
func (k *EventKind) UnmarshalText(text []byte) error {
	return eventKinds.unmarshal("kind", text, (*uint8)(k))
}

// Event describes one transition of a bulkhead. The numbers are those right after it:
// a release that grants the slots to a waiting operation makes two events, released and
// then admitted, each with its own numbers.
//
// Folding the events of a bulkhead, given to handlers of New, in Seq order up to
// [Status.LastEvent] gives that Status: every count of Totals and Peak, and the waits.
// Shortened, Queueing and Holds are not in the events.
//
// One arrival makes exactly one of admitted, queued, or an event of a rejection. One
// queued operation makes exactly one of admitted or an event of a rejection.
type Event struct {
	ID       uint64        `json:"id"`        // of the bulkhead: see [Status.ID]
	Seq      uint64        `json:"seq"`       // 1, 2, 3 … in the order of the transitions since New, whether or not there are handlers
	Op       uint64        `json:"op"`        // of the operation: the same on all its events; 0 if the event concerns no operation, or one that arrived before there were handlers
	Kind     EventKind     `json:"kind"`      // what happened
	Label    string        `json:"label"`     // of the bulkhead
	At       time.Time     `json:"at"`        // when it happened
	Slots    int           `json:"slots"`     // what the operation asked for; 0 if the event concerns no operation
	Queued   bool          `json:"queued"`    // the operation had been waiting: on each of its events except queued itself
	Waited   time.Duration `json:"waited_ns"` // from arrival to admission or rejection; 0 on other events
	Capacity Capacity      `json:"capacity"`  // of the bulkhead
	Previous Capacity      `json:"previous"`  // the capacity before; resized only

	InFlight int  `json:"in_flight"` // operations
	InUse    int  `json:"in_use"`    // slots
	Waiting  int  `json:"waiting"`   // operations
	Closed   bool `json:"closed"`    // of the bulkhead
}

// hasWait reports whether Waited says how long the operation waited. Released and
// abandoned follow an admitted event that said it.
func (e Event) hasWait() bool {
	return e.Queued && e.Kind != EventReleased && e.Kind != EventAbandoned
}

// handler is a pointer target, so that a function that was added twice can be removed
// once.
type handler struct{ handle func(Event) }

// listeners are the handlers of a bulkhead. The list is never changed: adding or removing
// a handler makes new listeners, so that deliveries read theirs without the lock.
type listeners struct {
	handlers []*handler
	batches  sync.Pool // of *batch: see outbox.go
}

// OnEvent adds a handler, which is called with an [Event] for every transition from
// now on, after the handlers that were added before. The returned function removes
// it, and does nothing when called again. A removed handler can still be called with
// events of transitions before its removal. A nil h panics.
//
// Handlers are called without the lock, on the goroutine that made the transition.
// When a call of this package returns, they have been called with every event of the
// transitions that it made. Events of different goroutines can be delivered
// concurrently and out of order; Seq gives the order of the transitions.
//
// A handler may call any method of the bulkhead that does not wait for it. It should
// be brief: a slow handler of [EventQueued] delays its own operation, one of
// [EventReleased] the caller whose operation is over. The panic of a handler is
// contained: see [OnHandlerPanic]. If a handler ends its goroutine (runtime.Goexit,
// t.FailNow), no slot is lost: an operation that was just admitted on that goroutine is
// abandoned, and one that was just queued leaves as canceled.
//
// What a handler does makes further events, and the handlers are called with them
// before it returns. A handler that reacts to a kind of event by causing that kind
// again therefore recurses without end, and the program ends with a stack overflow,
// which cannot be recovered. A TryAcquire in a handler of [EventSaturated] does so, and
// a Resize in a handler of [EventResized]. (A Resize that changes nothing makes no
// event.) Pass such work to a goroutine of your own without waiting for it:
//
//	saturated := make(chan bulk.Event, 1)
//	b.OnEvent(func(e bulk.Event) {
//		if e.Kind == bulk.EventSaturated {
//			select {
//			case saturated <- e:
//			default: // an earlier one is not handled yet
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
// Without handlers, events cost nothing. With handlers, an admission and a release
// read the clock once each, and each handler gets a copy of each event. In steady state
// nothing is allocated. BenchmarkUncontended/RunListened measures the cost.
func (b *Bulkhead) OnEvent(h func(Event)) (remove func()) {
	if h == nil {
		panic("bulk: OnEvent: nil handler")
	}
	added := &handler{h}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.setHandlers(append(b.handlers(), added))
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.setHandlers(slices.DeleteFunc(b.handlers(), func(h *handler) bool { return h == added }))
	}
}

// handlers returns a copy of the list of handlers. The lock is held.
func (b *Bulkhead) handlers() []*handler {
	if b.listeners == nil {
		return nil
	}
	return slices.Clone(b.listeners.handlers)
}

// setHandlers replaces the handlers. The lock is held.
func (b *Bulkhead) setHandlers(handlers []*handler) {
	b.listeners = nil
	if len(handlers) > 0 {
		b.listeners = &listeners{handlers: handlers}
	}
	b.slowPath = b.closed || b.trackHolds || b.listeners != nil
}

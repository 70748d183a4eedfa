package bulk

import "time"

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

var eventKinds = words{"queued", "admitted", "released", "abandoned", "saturated", "expired", "canceled",
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

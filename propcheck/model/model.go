// Package model is the contract of a bulkhead as plain code: one thing after
// another, no lock, no goroutine, no clock. Time is an argument and must not run
// backwards. The package shares no code with package bulk but the public types
// that carry its predictions.
//
// Each verb is an atomic step of a bulkhead:
//
//	Arrive        an operation asks to be admitted          rules.go: the admission rules
//	Release       an operation has finished
//	Expire        a waiting operation reaches its bound
//	Cancel        a waiting operation gives up: its ctx
//	Abandon       an operation returns what it was granted
//	SetCapacity   the capacity is changed
//	Close         the bulkhead is closed
//	Status        the caller reads the status
//
// When a verb may be called at all is not the business of the model: that an
// operation expires at its bound and not before, for example. See [Operation.Until].
package model

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Model is a bulkhead. Each verb appends its decisions about operations to
// Decisions and its events to Events; the user of the model empties both.
type Model struct {
	ID       uint64        // as in Status
	Label    string        // as in Status
	Capacity bulk.Capacity // the one in effect
	Closed   bool          // Close was called
	Drained  bool          // closed, and nothing is in flight

	TrackHolds bool // the option of this name
	Handlers   int  // how many event handlers there are; set by the user of the model

	Room     []Operation // in the order of arrival
	Since    time.Time   // since when Room is not empty
	InFlight []Operation // in the order of admission

	Seq    uint64          // of the last event
	Totals bulk.Totals     // without Waits
	Waits  []time.Duration // the wait of each operation that was admitted from the queue
	Peak   bulk.Peak       // the highest numbers up to now

	Events    []bulk.Event // in the order of Seq
	Decisions []Decision   // in the order in which they were taken
}

// Arrival is an operation that asks to be admitted.
type Arrival struct {
	Op          int              // what the caller calls it
	Slots       int              // how many it asks for
	Limits      []deadline.Limit // those given with the call
	CtxDeadline time.Time        // zero: ctx has none
}

// Operation is an operation in the waiting room or in flight.
type Operation struct {
	Op      int           // as in its Arrival
	Slots   int           // how many it asked for
	Number  uint64        // Op of its events
	Arrived time.Time     // when its wait began, if it was queued
	Allowed time.Duration // how long it may wait; forever if there is no bound
	Queued  bool          // it waits, or had been waiting
	Granted time.Time     // when it was admitted
	Sampled bool          // its time in flight is measured
}

// Until returns the instant at which the wait ends, and false if it has no bound.
func (o Operation) Until() (time.Time, bool) { return o.Arrived.Add(o.Allowed), o.Allowed != forever }

// forever is the wait of an operation without any bound.
const forever = time.Duration(1<<63 - 1)

// Decision is what was decided about an operation. There are two about one that is
// queued: that it is, and how its wait ended.
type Decision struct {
	Op        int       // as in its Arrival
	Rule      int       // at arrival: the admission rule that decided, from 1 to 7
	Rejection Rejection // of a rejected operation; zero for others
}

// Rejected reports whether the operation never starts.
func (d Decision) Rejected() bool { return d.Rejection.Reason != 0 }

// Queued reports whether the operation is in the waiting room.
func (d Decision) Queued() bool { return d.Rule == 7 }

// Admitted reports whether the operation holds its slots.
func (d Decision) Admitted() bool { return !d.Rejected() && !d.Queued() }

// String returns the decision as a sentence about the operation.
func (d Decision) String() string {
	text := fmt.Sprintf("#%d is admitted", d.Op)
	if d.Rejected() {
		text = fmt.Sprintf("#%d is rejected: %v", d.Op, d.Rejection.Reason)
	} else if d.Queued() {
		text = fmt.Sprintf("#%d is queued", d.Op)
	}
	if d.Rule > 0 {
		text += fmt.Sprintf(" (rule %d)", d.Rule)
	}
	return text
}

// Rejection is what a rejected operation is told: the exported fields of its error.
type Rejection = bulk.AdmissionError

// RejectionOf returns the exported fields of an error, to be compared.
func RejectionOf(e *bulk.AdmissionError) Rejection {
	return Rejection{
		Label: e.Label, Reason: e.Reason, Slots: e.Slots, Parallelism: e.Parallelism, WaitingRoom: e.WaitingRoom,
		InFlight: e.InFlight, InUse: e.InUse, Waiting: e.Waiting, Limit: e.Limit,
	}
}

// New returns the model of a bulkhead that was just made.
func New(label string, c bulk.Capacity) *Model { return &Model{Label: label, Capacity: c} }

// Clone returns an independent copy.
func (m *Model) Clone() *Model {
	// What is only ever appended to can be shared up to its length.
	m.Waits, m.Events, m.Decisions = slices.Clip(m.Waits), slices.Clip(m.Events), slices.Clip(m.Decisions)
	c := *m
	c.Room, c.InFlight = slices.Clone(m.Room), slices.Clone(m.InFlight)
	return &c
}

// InUse returns how many slots are in use.
func (m *Model) InUse() int {
	n := 0
	for _, r := range m.InFlight {
		n += r.Slots
	}
	return n
}

// find returns the place of an operation in a list, or -1.
func find(list []Operation, op int) int {
	return slices.IndexFunc(list, func(o Operation) bool { return o.Op == op })
}

// IsInFlight reports whether an operation is in flight.
func (m *Model) IsInFlight(op int) bool { return find(m.InFlight, op) >= 0 }

// Status returns the status of this instant, without Index, which counts calls of
// which the model knows nothing, and without Totals.Waits, which is a histogram
// of Waits.
func (m *Model) Status(now time.Time) bulk.Status {
	s := bulk.Status{
		ID: m.ID, LastEvent: m.Seq, Label: m.Label, At: now, Capacity: m.Capacity,
		InFlight: len(m.InFlight), InUse: m.InUse(), Waiting: len(m.Room), Closed: m.Closed,
		Queueing: m.queueing(now), Totals: m.Totals, Peak: m.Peak,
	}
	s.Totals.Queueing += s.Queueing
	if len(m.Room) > 0 {
		s.OldestWait = now.Sub(m.Room[0].Arrived)
	}
	if m.TrackHolds && len(m.InFlight) > 0 {
		s.OldestHold = now.Sub(m.InFlight[0].Granted)
	}
	return s
}

// queueing returns how long the waiting room has not been empty.
func (m *Model) queueing(now time.Time) time.Duration {
	if len(m.Room) == 0 {
		return 0
	}
	return now.Sub(m.Since)
}

// event makes a transition known that has just been made: Seq counts 1, 2, 3 …
// in the order in which the transitions happened, and the numbers are those
// after this one transition.
func (m *Model) event(now time.Time, e bulk.Event) {
	m.Seq++
	e.ID, e.Seq, e.Label, e.At = m.ID, m.Seq, m.Label, now
	e.Capacity, e.Closed = m.Capacity, m.Closed
	e.InFlight, e.InUse, e.Waiting = len(m.InFlight), m.InUse(), len(m.Room)
	m.Events = append(m.Events, e)
}

func (m *Model) decide(d Decision) Decision {
	m.Decisions = append(m.Decisions, d)
	return d
}

// rejection returns what a rejected operation is told: the numbers as they were
// at that moment, without this operation. limit is the wait that was allowed, of
// an operation that expired.
func (m *Model) rejection(why bulk.Reason, slots int, limit time.Duration) Rejection {
	return Rejection{
		Label: m.Label, Reason: why, Slots: slots,
		Parallelism: m.Capacity.Parallelism, WaitingRoom: m.Capacity.WaitingRoom,
		InFlight: len(m.InFlight), InUse: m.InUse(), Waiting: len(m.Room), Limit: limit,
	}
}

// kindOf says which event a rejection makes.
var kindOf = map[bulk.Reason]bulk.EventKind{
	bulk.Saturated: bulk.EventSaturated,
	bulk.Expired:   bulk.EventExpired,
	bulk.Closed:    bulk.EventRejectedClosed,
	bulk.Oversized: bulk.EventOversized,
	bulk.Canceled:  bulk.EventCanceled,
}

// counter returns what counts rejections for a reason, of operations that had
// been waiting and of others.
func (m *Model) counter(why bulk.Reason, queued bool) *uint64 {
	t := &m.Totals
	counters := [...][2]*uint64{
		bulk.Saturated: {&t.Saturated}, // no waiting operation is Saturated
		bulk.Expired:   {&t.ExpiredAtArrival, &t.Expired},
		bulk.Closed:    {&t.ClosedAtArrival, &t.Closed},
		bulk.Oversized: {&t.OversizedAtArrival, &t.Oversized},
		bulk.Canceled:  {&t.CanceledAtArrival, &t.Canceled},
	}[why]
	if queued {
		return counters[1]
	}
	return counters[0]
}

// Sampled reports whether the admission after n others is timed. It is one of
// each 64, at the position that the documentation of [bulk.Holds] publishes.
func Sampled(n uint64) bool {
	block := n / 64
	return n%64 == block*block*0x624D9807103842BB>>58
}

// BeforeSample returns how many are to be admitted, at least one, before one whose
// time in flight is measured.
func (m *Model) BeforeSample() int {
	n := 1
	for !Sampled(m.Totals.Admitted + uint64(n)) {
		n++
	}
	return n
}

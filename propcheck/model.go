package propcheck

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Model is the contract of a bulkhead as plain code: one thing after another,
// no lock, no goroutine, no clock. Time is an argument, and must not run
// backwards. It shares no code with package bulk but the public types that
// carry its predictions.
//
// Each verb is what a bulkhead does in one step that nobody can look into:
//
//	Arrive        an operation asks to be admitted          rules.go
//	Release       an operation is over                      transitions.go
//	Expire        a waiting operation gives up: its bound
//	Cancel        a waiting operation gives up: its ctx
//	Abandon       an operation gives back what it was handed
//	SetCapacity   the capacity is changed
//	Close         the bulkhead is closed
//	Status        somebody looks                            ledger.go
//
// What a verb decided about operations is appended to Decisions, what it made
// known to Events. Whoever uses the model empties both when he has read them.
//
// When a verb may be called at all is not the business of the model: that an
// operation expires at its bound and not before, say. See [Waiting.Until].
type Model struct {
	ID       uint64 // as in Status
	Label    string
	Capacity bulk.Capacity
	Closed   bool
	Drained  bool // closed, and the last operation is gone

	Room   []Waiting // who waits, in the order of arrival
	Flight []Flying  // who is in flight, in the order of admission

	Seq    uint64          // of the last event
	Totals bulk.Totals     // but for Waits
	Waits  []time.Duration // the wait of each that was admitted from the queue
	Peak   bulk.Peak

	Events    []bulk.Event
	Decisions []Decision
}

// Arrival is an operation that asks to be admitted.
type Arrival struct {
	Op     int // what the caller calls it
	Slots  int
	Limits []deadline.Limit
	Dies   time.Time // when its ctx will end; zero if that is not known
}

// Waiting is an operation in the waiting room.
type Waiting struct {
	Op, Slots int
	Arrived   time.Time
	Allowed   time.Duration // how long it may wait; forever if there is no bound
}

// Flying is an operation in flight.
type Flying struct {
	Op, Slots int
	Queued    bool // it had been waiting
	Granted   time.Time
	Sampled   bool // its time in flight is measured
}

// Verdict is what was decided about an operation.
type Verdict uint8

// The three ends of a decision.
const (
	Admitted Verdict = iota + 1
	Queued
	TurnedAway
)

// Decision is one verdict. Two are made about an operation that is queued: that
// it is, and how its wait ended.
type Decision struct {
	Op      int
	Verdict Verdict
	Rule    int     // at arrival: the admission rule that decided, from 1 to 7
	Refusal Refusal // if turned away
}

// Refusal has the fields of a [bulk.AdmissionError].
type Refusal struct {
	Label                    string
	Reason                   bulk.Reason
	Slots                    int
	Parallelism, WaitingRoom int
	InFlight, InUse, Waiting int
	Limit                    time.Duration
}

// NewModel returns the model of a bulkhead that was just made.
func NewModel(label string, c bulk.Capacity) *Model {
	return &Model{Label: label, Capacity: c}
}

// Clone returns a model that goes its own way from here.
func (m *Model) Clone() *Model {
	c := *m
	c.Room = slices.Clone(m.Room)
	c.Flight = slices.Clone(m.Flight)
	c.Waits = slices.Clip(m.Waits) // only ever appended to
	c.Events = slices.Clip(m.Events)
	c.Decisions = slices.Clip(m.Decisions)
	m.Waits, m.Events, m.Decisions = c.Waits, c.Events, c.Decisions
	return &c
}

// InUse returns how many slots are in use.
func (m *Model) InUse() int {
	n := 0
	for _, f := range m.Flight {
		n += f.Slots
	}
	return n
}

// fits reports whether so many slots are free. While a shrink drains, none are.
func (m *Model) fits(slots int) bool {
	return slots <= m.Capacity.Parallelism-m.InUse()
}

// forever is the patience of an operation without any bound.
const forever = time.Duration(1<<63 - 1)

// Until returns the instant at which the wait ends, and false if it has none.
func (w Waiting) Until() (time.Time, bool) {
	return w.Arrived.Add(w.Allowed), w.Allowed != forever
}

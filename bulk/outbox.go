package bulk

import (
	"math"
	"time"
)

// outbox collects what a call must do after it has released the lock: wake the
// operations that it granted or rejected, and deliver events.
type outbox struct {
	at          time.Time  // of the section; the clock is read when it is first needed
	first, last *operation // granted or rejected, in order, linked by next
	batch       *batch     // nil: no event yet
}

// batch is the events of one section. Batches are reused, each for the same listeners:
// what a pool keeps must not be shared between synctest bubbles.
type batch struct {
	events    []Event
	listeners *listeners
}

// addDecided adds an operation that was granted its slots, or rejected by another
// call than its own. Waking it costs more than all the rest of the section.
func (o *outbox) addDecided(op *operation) {
	if o.first == nil {
		o.first = op
	} else {
		o.last.next = op
	}
	o.last = op
}

func (o *outbox) now() time.Time {
	if o.at.IsZero() {
		o.at = time.Now()
	}
	return o.at
}

// nowFor returns the instant of the section. It reads the wall clock only if an
// event will need it. The lock is held.
func (b *Bulkhead) nowFor(o *outbox) int64 {
	if b.listeners == nil {
		return readClock()
	}
	return instantOf(o.now())
}

// record adds the event of a transition that was just made, if anyone listens. The
// lock is held.
func (b *Bulkhead) record(o *outbox, kind EventKind, about subject, waited time.Duration) {
	if b.listeners != nil {
		b.describe(b.nextEvent(o), o.now(), kind, about, waited)
	}
}

// subject is what an event says about the operation concerned. It is zero if the
// event concerns none.
type subject struct {
	slots  int
	queued bool
	number uint64 // or firstEvent
}

// firstEvent stands for the number of an operation on its first event: that is the
// Seq of the event.
const firstEvent = math.MaxUint64

func (op *operation) subject() subject { return subject{op.slots, op.queued, op.number} }

// nextEvent returns a zero event at the end of the batch.
func (b *Bulkhead) nextEvent(o *outbox) *Event {
	if o.batch == nil {
		if o.batch, _ = b.listeners.batches.Get().(*batch); o.batch == nil {
			o.batch = &batch{listeners: b.listeners}
		}
	}
	o.batch.events = append(o.batch.events, Event{})
	return &o.batch.events[len(o.batch.events)-1]
}

// describe fills in e, which is zero, after a transition. The lock is held.
func (b *Bulkhead) describe(e *Event, at time.Time, kind EventKind, about subject, waited time.Duration) {
	e.ID, e.Seq, e.Kind, e.Label, e.At = b.id, b.transitions(), kind, b.label, at
	e.Slots, e.Queued, e.Op, e.Waited = about.slots, about.queued, about.number, waited
	if about.number == firstEvent {
		e.Op = e.Seq
	}
	e.Capacity, e.Closed = b.capacity, b.closed
	e.InFlight, e.InUse, e.Waiting = b.inFlight(), b.inUse, b.queue.len
}

// flush wakes the operations and delivers the events. The lock is not held.
func (b *Bulkhead) flush(o *outbox) {
	for op := o.first; op != nil; {
		next := op.next
		op.next = nil // after the signal it is no longer ours
		op.wake <- struct{}{}
		op = next
	}
	if o.batch == nil {
		return
	}
	d := delivery{bulkhead: b, handlers: o.batch.listeners.handlers, event: o.batch.events[0], more: o.batch.events[1:]}
	d.run()
	clear(o.batch.events)
	o.batch.events = o.batch.events[:0]
	o.batch.listeners.batches.Put(o.batch)
}

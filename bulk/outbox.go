package bulk

import (
	"log/slog"
	"math"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// outbox collects what a call owes to others and may not do under the lock: to
// wake the operations about which it decided, and to deliver events. The call
// flushes it after the section.
type outbox struct {
	at          time.Time  // of the section, read when it is first needed
	first, last *operation // granted or rejected, in order, linked by next
	batch       *batch     // nil: no event yet
}

// batch is the events of one section. Batches are reused: each bulkhead has its
// own pool, because what it keeps must not be shared between synctest bubbles.
type batch struct {
	events   []Event
	handlers []*handler // those that listened
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
	if len(b.handlers) == 0 {
		return b.now()
	}
	return b.instant(o.now())
}

// record adds the event of a transition that was just made, if anyone listens. The
// lock is held.
func (b *Bulkhead) record(o *outbox, kind EventKind, about subject, waited time.Duration) {
	if len(b.handlers) > 0 {
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
		if o.batch, _ = b.batches.Get().(*batch); o.batch == nil {
			o.batch = new(batch)
		}
		o.batch.handlers = b.handlers
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
	d := delivery{bulkhead: b, handlers: o.batch.handlers, event: o.batch.events[0], more: o.batch.events[1:]}
	d.run()
	clear(o.batch.events)
	o.batch.events, o.batch.handlers = o.batch.events[:0], nil
	b.batches.Put(o.batch)
}

// deliverOne delivers the only event of a section, as most have, without a batch.
// If op is not nil, it was just admitted or queued on this goroutine: should a
// handler end the goroutine, the operation leaves again, because no caller would
// release its slots. deliverOne is called with the lock held and releases it.
func (b *Bulkhead) deliverOne(at time.Time, kind EventKind, about subject, op *operation) {
	var d delivery
	b.describe(&d.event, at, kind, about, 0)
	d.bulkhead, d.handlers, d.op = b, b.handlers, op
	if op != nil {
		op.number = d.event.Op
	}
	b.mu.Unlock()
	// These are the calls of delivery.call. They stand here because a handler's copy
	// of the event is made once from a local variable, and twice through a pointer.
	all := false
	defer func() {
		if !all {
			d.recovered(recover())
			d.run()
		}
	}()
	for d.next < len(d.handlers) {
		h := d.handlers[d.next]
		d.next++
		h.handle(d.event)
	}
	all = true
}

// delivery is how far the calls of handlers have come: each handler is called with
// an event, then with the next one.
type delivery struct {
	bulkhead *Bulkhead
	handlers []*handler
	event    Event
	next     int        // the handler of the next call
	more     []Event    // after event
	op       *operation // see deliverOne
}

// run makes the calls that remain.
func (d *delivery) run() {
	for {
		for !d.call() {
		}
		if len(d.more) == 0 {
			return
		}
		d.event, d.more, d.next = d.more[0], d.more[1:], 0
	}
}

// call makes the calls for one event until all are made or a handler panics. If a
// handler ends the goroutine, the calls that remain are made while it unwinds.
func (d *delivery) call() (all bool) {
	defer func() {
		if !all {
			d.recovered(recover())
		}
	}()
	for d.next < len(d.handlers) {
		h := d.handlers[d.next]
		d.next++
		h.handle(d.event)
	}
	return true
}

// recovered reports the panic of the last call. If there was none, or
// OnHandlerPanic does not return either, the goroutine is ending.
func (d *delivery) recovered(r any) {
	ending := true
	defer func() {
		if ending {
			d.run()
			d.leave()
		}
	}()
	if r != nil {
		d.bulkhead.reportPanic(d.event, r)
		ending = false
	}
}

// leave ends the operation of an ending goroutine.
func (d *delivery) leave() {
	op := d.op
	d.op = nil
	switch {
	case op == nil:
	case d.event.Kind == EventQueued:
		w := wait{bulkhead: d.bulkhead, op: op}
		w.giveUp()
	default:
		_ = d.bulkhead.returnSlots(op, &endCanceled)
	}
}

// reportPanic calls OnHandlerPanic, and discards a panic of it.
func (b *Bulkhead) reportPanic(e Event, recovered any) {
	defer func() { _ = recover() }()
	b.onHandlerPanic(e, recovered)
}

func logHandlerPanic(e Event, recovered any) {
	slog.Error("bulkhead event handler panicked", "bulkhead", safetext.Printable(e.Label), "event", e.Kind.String(), "seq", e.Seq, "panic", recovered)
}

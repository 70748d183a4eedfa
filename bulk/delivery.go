package bulk

import (
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// How a handler can end, and what follows:
//
//	it returns                   the next handler is called
//	it panics                    OnHandlerPanic is called, then the next handler
//	it ends its goroutine        the remaining handlers are called while the goroutine
//	                             unwinds; then the operation that was just admitted or
//	                             queued on it leaves
//	OnHandlerPanic ends it       the same

// deliverOne delivers the only event of a section, as most have, without a batch.
// If op is not nil, it was just admitted or queued on this goroutine: should a
// handler end the goroutine, the operation leaves again, because no caller would
// release its slots. deliverOne is called with the lock held and releases it.
func (b *Bulkhead) deliverOne(at time.Time, kind EventKind, about subject, op *operation) {
	var d delivery
	b.describe(&d.event, at, kind, about, 0)
	d.bulkhead, d.handlers, d.op = b, b.listeners.handlers, op
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

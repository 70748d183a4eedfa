package bulk

import (
	"log/slog"
	"slices"
	"time"
)

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
	b.listen(append(slices.Clip(b.handlers), added))
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		rest := slices.Clone(b.handlers)
		b.listen(slices.DeleteFunc(rest, func(h *handler) bool { return h == added }))
	}
}

// listen sets who listens. A list is never changed once it is here, so that
// those who are delivering can read theirs without the lock.
func (b *Bulkhead) listen(handlers []*handler) {
	b.handlers = handlers
	b.watched = b.closed || len(handlers) > 0
}

// journal is what one call writes down under the lock, to be done after it:
// signals to send, events to deliver. The clock is read once for all of it, and
// only when it is needed.
type journal struct {
	at          time.Time
	first, last *operation // those decided about, in order
	page        *page      // nil as long as there is no event
}

// decided writes down an operation that has left the room with slots, or turned
// away. Waking it costs more than all the rest, so it isn't done under the lock.
func (j *journal) decided(op *operation) {
	if j.first == nil {
		j.first = op
	} else {
		j.last.next = op
	}
	j.last = op
}

// wake sends the signals. The lock is not held.
func (j *journal) wake() {
	for op := j.first; op != nil; {
		next, why := op.next, handedOver
		if op.state == turnedAway {
			why = refused
		}
		op.next = nil // from the signal on it is not ours
		op.wake <- why
		op = next
	}
	j.first = nil
}

// page is where events are written down. It is reused: the pages of a bulkhead
// are in its pool.
type page struct {
	events   []Event
	handlers []*handler // those who listened
}

func (j *journal) now() time.Time {
	if j.at.IsZero() {
		j.at = time.Now()
	}
	return j.at
}

// nowFor returns the clock reading of this call, in the cheaper way if no event
// needs the wall clock. The lock is held.
func (b *Bulkhead) nowFor(j *journal) int64 {
	if len(b.handlers) == 0 && j.at.IsZero() {
		return b.now()
	}
	return b.reading(j.now())
}

// note writes down a transition that has just been made, with what there is to
// say about the operation concerned. The lock is held.
func (b *Bulkhead) note(j *journal, kind EventKind, slots int, queued bool, waited time.Duration) {
	if len(b.handlers) > 0 {
		b.tell(j, kind, slots, queued, waited)
	}
}

// tell is apart from note, so that those whom nobody listens to don't have an
// Event on their stack.
func (b *Bulkhead) tell(j *journal, kind EventKind, slots int, queued bool, waited time.Duration) {
	b.write(j, Event{Kind: kind, Slots: slots, Queued: queued, Waited: waited})
}

func (b *Bulkhead) write(j *journal, e Event) {
	if j.page == nil {
		if j.page, _ = b.pages.Get().(*page); j.page == nil {
			j.page = new(page)
		}
	}
	e.ID, e.Seq, e.Label, e.At = b.id, b.transitions(), b.label, j.now()
	e.Capacity, e.Closed = b.capacity, b.closed
	e.InFlight, e.InUse, e.Waiting = b.inFlight(), b.inUse, b.room.len
	j.page.events = append(j.page.events, e)
	j.page.handlers = b.handlers
}

// deliver sends the signals and gives the events to the handlers, if there are
// any. The lock is not held.
func (b *Bulkhead) deliver(j *journal) {
	j.wake()
	if j.page != nil {
		b.deliverPage(j)
	}
}

func (b *Bulkhead) deliverPage(j *journal) {
	d := delivery{bulkhead: b, page: j.page}
	d.run()
	j.page.events, j.page.handlers = j.page.events[:0], nil
	b.pages.Put(j.page)
}

// deliverOwn delivers what an operation made that was let in on this goroutine,
// to run or to wait. If a handler ends the goroutine, it leaves again: nobody
// would free its slots.
func (b *Bulkhead) deliverOwn(op *operation, v verdict, j *journal) {
	if j.page != nil {
		b.deliverPageOf(op, v, j)
	}
}

func (b *Bulkhead) deliverPageOf(op *operation, v verdict, j *journal) {
	returned := false
	defer func() {
		switch {
		case returned:
		case v == queueUp:
			b.quit(op, ctxDone)
		default:
			_ = b.abandon(op, &canceled)
		}
	}()
	b.deliverPage(j)
	returned = true
}

// delivery is how far the delivery of a journal has come.
type delivery struct {
	bulkhead *Bulkhead
	page     *page
	next     int // counts handlers through all the events
}

func (d *delivery) run() {
	for d.next < len(d.page.events)*len(d.page.handlers) {
		d.one()
	}
}

// one calls the next handler. If that ends the goroutine, the others still
// have their events, on the way out.
func (d *delivery) one() {
	handlers := d.page.handlers
	e, h := d.page.events[d.next/len(handlers)], handlers[d.next%len(handlers)]
	d.next++
	returned := false
	defer func() {
		if !returned {
			d.run()
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			d.bulkhead.report(e, r)
			returned = true
		}
	}()
	h.handle(e)
	returned = true
}

// report tells OnHandlerPanic, which may end the goroutine as well.
func (b *Bulkhead) report(e Event, recovered any) {
	defer func() { _ = recover() }()
	b.onHandlerPanic(e, recovered)
}

func logHandlerPanic(e Event, recovered any) {
	slog.Error("bulkhead event handler panicked", "bulkhead", shown(e.Label), "event", e.Kind.String(), "seq", e.Seq, "panic", recovered)
}

package sizing

import (
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// observer follows the operations of a real bulkhead by its events.
type observer struct {
	bulkhead *bulk.Bulkhead
	origin   time.Time // instants count from here
	to       audience

	mu       sync.Mutex
	remove   func()
	stopped  bool
	order    sequence
	first    uint64 // Seq of the last event before it began to listen
	shift    int64  // what is added to instants because the clock went back
	now      int64  // instant of the last transition
	live     map[uint64]*operation
	records  pool
	late     uint64        // events that came when they were no longer waited for
	capacity bulk.Capacity // of the real bulkhead
	standing int64         // instant since which its queue is not empty, or unknown
}

// audience is told in order what happened.
type audience interface {
	arrived(op *operation)                        // if it was rejected immediately, it is over
	admitted(op *operation, at moment)            // from the queue
	ended(op *operation)                          // it was rejected while it waited, or is no longer in flight
	earlier(kind inputKind, slots int, at moment) // an operation that arrived before the observation began
	closed(at moment)
}

// listen begins to observe b and returns the status of that moment: every later event is
// observed. o.mu is held.
func (o *observer) listen(b *bulk.Bulkhead, to audience) bulk.Status {
	o.bulkhead, o.to, o.live = b, to, make(map[uint64]*operation)
	o.remove = b.OnEvent(o.handle)
	// A transition that came after this status is delivered. One before may be: handle
	// waits for the lock, and ignores it then.
	s := b.Status()
	o.origin, o.first, o.order.next = s.At, s.LastEvent, s.LastEvent+1
	o.capacity, o.standing = s.Capacity, unknown
	if s.Waiting > 0 {
		o.standing = -int64(s.Queueing)
	}
	return s
}

// stop ends the observation.
func (o *observer) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped {
		o.stopped = true
		o.remove()
	}
}

func (o *observer) handle(e bulk.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped || e.Seq <= o.first {
		return
	}
	o.order.put(transitionOf(&e, o.origin), o.apply)
}

// caughtUp returns the present moment if every event up to now has been delivered.
func (o *observer) caughtUp() (now moment, ok bool) {
	if o.stopped {
		return moment{}, false
	}
	s := o.bulkhead.Status()
	if s.LastEvent != o.order.next-1 {
		return moment{}, false
	}
	return moment{o.instant(int64(s.At.Sub(o.origin))), s.LastEvent}, true
}

// instant makes instants monotonic: a bulkhead can be used in a synctest bubble, where the
// clock shows other years, and outside again.
func (o *observer) instant(at int64) int64 {
	at += o.shift
	if at < o.now {
		o.shift += o.now - at
		at = o.now
	}
	o.now = at
	return at
}

// time returns the time of an instant.
func (o *observer) time(at int64) time.Time { return o.origin.Add(time.Duration(at - o.shift)) }

// apply makes a transition known to the audience. One that is late counts as if it
// happened after those that were delivered before it.
func (o *observer) apply(t transition, late bool) {
	at := moment{o.now, o.order.next - 1}
	if late {
		o.late++
	} else {
		at = moment{o.instant(t.at), t.seq}
	}
	switch {
	case t.kind == bulk.EventResized:
		if !late {
			o.capacity = *t.capacity
		}
	case t.kind == bulk.EventClosed:
		o.to.closed(at)
	case t.kind == bulk.EventDrained:
	case t.op <= o.first:
		o.earlier(t, at)
	case t.op == t.seq:
		if !late { // what else happens to it is then ignored too
			o.arrival(t, at)
		}
	default:
		if op := o.live[t.op]; op != nil {
			o.change(op, t, at)
		}
	}
	if t.empty {
		o.standing = unknown
	}
}

// earlier handles a transition of an operation that arrived before the observation began.
func (o *observer) earlier(t transition, at moment) {
	switch t.kind {
	case bulk.EventAdmitted:
		o.to.earlier(occupies, t.slots, at)
	case bulk.EventReleased:
		o.to.earlier(vacates, t.slots, at)
	case bulk.EventAbandoned:
		o.to.earlier(abandons, t.slots, at)
	}
}

func (o *observer) arrival(t transition, at moment) {
	op := o.records.get()
	op.facts = facts{number: t.op, arrival: at, slots: t.slots, started: unknown}
	switch t.kind {
	case bulk.EventAdmitted:
		op.outcome, op.started = InFlight, at.at
	case bulk.EventQueued:
		if o.standing == unknown {
			o.standing = at.at
		}
		op.outcome, op.queued = Waiting, true
		op.allowed, _ = longestWait(o.capacity, at.at-o.standing)
	default:
		op.outcome, op.over, op.ended = outcomeOf[t.kind], true, at
		op.limited = t.kind == bulk.EventSaturated && t.placed
		o.to.arrived(op)
		return
	}
	o.live[t.op] = op
	o.to.arrived(op)
}

// change is a transition of an operation that was queued or is in flight.
func (o *observer) change(op *operation, t transition, at moment) {
	if t.kind == bulk.EventAdmitted {
		op.outcome, op.started = InFlight, at.at
		o.to.admitted(op, at)
		return
	}
	outcome := outcomeOf[t.kind]
	if outcome.admitted() && op.started == unknown { // that event is late
		op.started = op.arrival.at
		o.to.admitted(op, at)
	}
	delete(o.live, t.op)
	op.outcome, op.over, op.ended = outcome, true, at
	op.limited = t.kind == bulk.EventExpired && at.at-op.arrival.at < op.allowed
	o.to.ended(op)
}

package sizing

import "github.com/bulklink/bulklink-go/bulk"

// virtual runs the engine beside a real bulkhead whose operations have not all ended.
//
// The end of an operation in the virtual bulkhead is its start there plus its hold, and
// the hold is known only when the operation ends in reality. So the virtual clock may
// advance only as far as no end is missing. For an operation without a known hold:
//
//	not admitted in reality yet       its hold is at least 0: it ends no earlier than it starts
//	in flight in reality since r      its hold is more than now − r: if it started at v in the
//	                                  virtual bulkhead, it ends later than now − (r − v)
//
// The second bound is now or later unless the operation started earlier than in reality.
// The virtual bulkhead is therefore behind reality only while an operation is in flight
// in it that waits in reality, or did: by the wait at most, while it is in flight. Beside
// an unlimited bulkhead it is never behind.
type virtual struct {
	engine

	seen    moment           // everything that the real bulkhead did up to then is known
	pending ring[input]      // what is not processed yet, in the order of the moments
	early   list             // in flight here, still waiting in reality, in the order of start
	ahead   heap             // in flight here and in reality, started here first: by start − started
	holds   holds            // observed
	undrawn list             // in flight until a hold is observed
	drawn   uint64           // holds that were drawn
	closing bool             // an input that closes has come
	recycle func(*operation) // called when an operation is over in both bulkheads
}

// input is a transition that does not follow from others.
type input struct {
	moment
	kind     inputKind
	op       *operation     // arrives
	slots    int            // occupies, vacates, abandons
	capacity *bulk.Capacity // changes
}

type inputKind uint8

const (
	arrives  inputKind = iota // an operation
	occupies                  // an operation that is not known otherwise takes slots, even if none are free
	vacates                   // … and has ended
	abandons                  // … and never ran
	changes                   // the capacity
	closes
)

// maxPending is how many inputs are kept at most. If more come, holds are drawn before
// they are known, so that the clock can advance.
const maxPending = 1 << 14

func newVirtual(c bulk.Capacity, recycle func(*operation)) *virtual {
	v := &virtual{recycle: recycle}
	v.engine = newEngine(c, v.begin, v.end)
	return v
}

// add adds an input that happens now, and advances.
func (v *virtual) add(in input) {
	v.seen = in.moment
	v.closing = v.closing || in.kind == closes
	v.pending.push(in)
	v.advance()
	for v.pending.len > maxPending {
		v.force()
		v.advance()
	}
}

// admitted says that an operation was admitted in reality.
func (v *virtual) admitted(op *operation, at moment) {
	v.seen = at
	if op.state == inFlight && !op.scheduled {
		v.early.remove(op)
		v.trackHold(op)
	}
	v.advance()
}

// ended says that an operation is over in reality.
func (v *virtual) ended(op *operation) {
	v.seen = op.facts.ended
	if op.outcome == Finished {
		v.observe(op.hold())
	}
	switch {
	case op.state == gone:
		v.recycle(op)
	case op.state == inFlight && !op.scheduled:
		v.untrackHold(op)
		v.schedule(op)
	case op.state == waiting && op.leaves():
		v.leaveEarly(op)
	}
	v.advance()
}

// advance processes everything that is certain.
func (v *virtual) advance() {
	for {
		// A grant in here can bring the limit closer, never before the present.
		limit := v.limit()
		due, in := v.due.top(), v.pending.front()
		switch {
		case due != nil && (in == nil || !in.before(due.due)):
			if limit.before(due.due) {
				v.now = max(v.now, limit.at)
				return
			}
			v.step()
		case in != nil && !limit.before(in.moment):
			v.take(v.pending.pop())
		default:
			v.now = max(v.now, limit.at)
			return
		}
	}
}

// limit returns the moment up to which everything is known.
func (v *virtual) limit() moment {
	limit := v.seen
	if op := v.early.head; op != nil {
		limit.at = min(limit.at, op.start)
	}
	if op := v.ahead.top(); op != nil {
		limit.at = min(limit.at, v.seen.at+op.due.at)
	}
	return limit
}

func (v *virtual) take(in input) {
	v.now = max(v.now, in.at)
	switch in.kind {
	case arrives:
		v.arrive(in.op)
	case occupies:
		v.occupy(in.slots)
	case vacates, abandons:
		v.vacate(in.slots, in.kind == abandons)
	case changes:
		v.setCapacity(*in.capacity)
	case closes:
		v.close()
	}
}

// begin is called when the engine admits an operation.
func (v *virtual) begin(op *operation) {
	switch {
	case op.over:
		v.schedule(op)
	case op.started == unknown:
		v.early.push(op)
	default:
		v.trackHold(op)
	}
}

// end is called when an operation is over in the engine.
func (v *virtual) end(op *operation) {
	if op.over {
		v.recycle(op)
	}
}

func (v *virtual) trackHold(op *operation) {
	if op.start < op.started {
		v.ahead.push(op, moment{at: op.start - op.started})
	}
}

func (v *virtual) untrackHold(op *operation) {
	if op.started == unknown {
		v.early.remove(op)
	} else {
		v.ahead.remove(op)
	}
}

// schedule sets the end of an operation in flight that is over in reality.
func (v *virtual) schedule(op *operation) {
	real := op.facts.ended
	switch {
	case op.outcome == InFlight: // the trace ends before the operation
		op.scheduled = true
	case op.outcome == Finished:
		v.endAt(op, moment{later(op.start, op.hold()), real.seq})
	case op.outcome == Abandoned && op.start >= op.started,
		op.outcome == Canceled && op.start >= real.at:
		// Its ctx was done when it was admitted here.
		op.abandoned = true
		v.endAt(op, moment{max(op.start, real.at), real.seq})
	case op.outcome == Abandoned:
		v.draw(op, op.hold())
	default:
		v.draw(op, 0)
	}
}

func (v *virtual) endAt(op *operation, end moment) {
	op.scheduled = true
	v.due.push(op, end)
}

// draw sets the end of an operation that never ran in reality. If nothing has ended in
// reality yet, it is in flight until a hold has been observed.
func (v *virtual) draw(op *operation, atLeast int64) {
	v.drawn++
	op.scheduled, op.atLeast = true, atLeast
	if len(v.holds.times) == 0 {
		v.undrawn.push(op)
		return
	}
	hold := max(atLeast, v.holds.draw(op.number))
	v.endAt(op, moment{max(v.now, later(op.start, hold)), draws + op.number})
}

// observe adds a hold to those from which others are drawn.
func (v *virtual) observe(hold int64) {
	v.holds.add(hold)
	for op := v.undrawn.head; op != nil; op = v.undrawn.head {
		v.undrawn.remove(op)
		v.drawn--
		v.draw(op, op.atLeast)
	}
}

// force draws the hold of the operation that keeps the clock from advancing.
func (v *virtual) force() {
	op, atLeast := v.ahead.top(), int64(0)
	if first := v.early.head; first != nil && (op == nil || first.start < v.seen.at+op.due.at) {
		op = first
		v.early.remove(op)
	} else {
		atLeast = v.seen.at - op.started
		v.ahead.remove(op)
	}
	v.draw(op, atLeast)
}

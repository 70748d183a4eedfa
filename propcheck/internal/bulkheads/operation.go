package bulkheads

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// operation is an operation of the subject, or a Wait, on a goroutine of its own.
// How its function ends is told to it through gate.
type operation struct {
	m      *machine
	id     int
	text   string // for the story
	verb   *verb
	ctx    *ctxRef
	slots  int
	limits []deadline.Limit
	gate   chan order

	settled Outcome // as it was at the end of the last step; "" before

	// Guarded by m.mu: written on its goroutine, read when it can't move.
	fate     fate
	err      error
	started  bool
	slot     bulk.Slot
	expected order // what fn was told to end with
}

// order tells the function of an operation how to end.
type order struct {
	exit       kit.Exit
	value      int
	err, plain error // plain is the part of err that is no rejection
}

func (o *operation) String() string { return o.text }

// arrival is what the model has to know of an operation.
func (o *operation) arrival() model.Arrival {
	return model.Arrival{Op: o.id, Slots: o.slots, Limits: o.limits, CtxDeadline: o.ctx.deadline}
}

// describe sets what the story tells of it.
func (o *operation) describe() {
	args := []string{o.ctx.text}
	if o.verb.sized {
		args = append(args, fmt.Sprint(o.slots))
	}
	for _, l := range o.limits {
		args = append(args, l.String())
	}
	o.text = fmt.Sprintf("#%d %s(%s)", o.id, o.verb.name, strings.Join(args, ", "))
}

// body is the function of every operation: it ends as it is told.
func (o *operation) body(ctx context.Context) (int, error) {
	o.note(func() {
		o.m.require(!o.started, "%v: fn was called twice", o)
		o.m.require(o.m.bulkhead == nil || ctx == o.ctx.Context, "%v: fn was not called with the caller's ctx", o)
		o.m.require(ctx.Value(ctxMark{}) == o.ctx.Value(ctxMark{}), "%v: fn's ctx is not derived from the caller's", o)
		o.started = true
		o.enter(InFlight)
	})
	end, ok := <-o.gate
	if !ok {
		return 0, nil // the sequence is over
	}
	o.note(func() { o.expected = end })
	end.exit.Leave(end.err)
	return end.value, end.err
}

// note does something under m.mu.
func (o *operation) note(f func()) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	f()
}

// enter notes its outcome, at this point of the log. m.mu is held.
func (o *operation) enter(end Outcome) {
	o.fate = fate{Outcome: end, Since: time.Now()}
	if end == GaveUp || end == Rejected && !o.verb.try {
		o.fate.Error = rejectionOf(o.err)
	}
	o.m.log = append(o.m.log, entry{maker: o.id})
}

// run calls the subject, and notes how that ends: also if a handler ends the
// goroutine.
func (o *operation) run() {
	returned, value := false, 0
	var err error
	defer func() {
		r := recover()
		o.note(func() {
			o.err = err
			switch want := o.expected; {
			case returned && o.verb.wait != nil:
				o.enter(map[bool]Outcome{true: Drained, false: GaveUp}[err == nil])
			case returned && o.verb.run == nil:
				o.m.require(err == nil || o.slot == bulk.Slot{}, "%v: rejected with a slot", o)
				o.enter(map[bool]Outcome{true: InFlight, false: Rejected}[err == nil])
			case returned && !o.started:
				o.m.require(err != nil && value == 0, "%v returned (%v, %v), though fn was not called", o, value, err)
				o.enter(Rejected)
			case returned:
				wrong := o.m.wrongResult(o, want, value)
				o.m.require(wrong == "", "%v: fn returned (%v, %v), and the call (%v, %v): %s", o, want.value, want.err, value, err, wrong)
				o.enter(Outcome(want.exit))
			case r != nil && want.exit == kit.Panics:
				o.m.require(r == any(want.err), "%v: fn panicked with %v, and out came %v", o, want.err, r)
				o.enter(Outcome(kit.Panics))
			default: // by fn, or by a handler
				o.m.require(r == nil, "%v: panic %v, but fn did not panic", o, r)
				o.enter(Exited)
			}
		})
	}()
	switch v := o.verb; {
	case v.run != nil:
		value, err = v.run(o)
	case v.wait != nil:
		err = v.wait(o.ctx.Context)
	default:
		var slot bulk.Slot
		slot, err = v.acquire(o)
		o.note(func() { o.slot = slot })
	}
	returned = true
}

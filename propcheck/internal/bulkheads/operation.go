package bulkheads

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// operation is an operation of the subject, a Wait or a Shutdown.
type operation struct {
	kit.Operation
	m     *machine
	text  string // for the story
	verb  *verb
	ctx   *ctxRef
	slots int
	fate  fate // guarded by m.mu
}

func (o *operation) String() string { return o.text }

// arrival is what the model has to know of an operation.
func (o *operation) arrival() model.Arrival {
	return model.Arrival{Op: o.ID, Slots: o.slots, Limits: o.Limits, CtxDeadline: o.ctx.deadline}
}

// describe sets what the story tells of it.
func (o *operation) describe() {
	args := []string{o.ctx.text}
	if o.verb.sized {
		args = append(args, fmt.Sprint(o.slots))
	}
	for _, l := range o.Limits {
		args = append(args, l.String())
	}
	o.text = fmt.Sprintf("#%d %s(%s)", o.ID, o.verb.name, strings.Join(args, ", "))
}

// moved notes how far it has come, at this point of the log.
func (o *operation) moved() {
	m := o.m
	m.mu.Lock()
	defer m.mu.Unlock()
	end := InFlight
	switch {
	case !o.Over:
		m.require(o.Calls == 1, "%v: fn was called twice", o)
		m.require(m.bulkhead == nil || o.FnCtx == o.Ctx, "%v: fn was not called with the caller's ctx", o)
		m.require(o.FnCtx.Value(ctxMark{}) == o.Ctx.Value(ctxMark{}), "%v: fn's ctx is not derived from the caller's", o)
	case o.Returned && o.verb.waits:
		end = map[bool]Outcome{true: Drained, false: GaveUp}[o.Err == nil]
	case o.Returned && o.Calls == 0:
		m.require(o.Err != nil && o.Value == 0 && o.Slot == bulk.Slot{}, "%v returned (%v, %v), though it did not start", o, o.Value, o.Err)
		end = Rejected
	default: // by fn, or by a handler
		end = Outcome(o.How())
		wrong := m.wrongResult(o)
		m.require(wrong == "", "%v: fn was told to end with (%v, %v), and the call with (%v, %v): %s", o, o.Told.Value, o.Told.Err, o.Value, o.Err, wrong)
	}
	o.fate = fate{Outcome: end, Since: time.Now()}
	if end == GaveUp || end == Rejected && !o.verb.try {
		o.fate.Error = rejectionOf(o.Err)
	}
	m.log = append(m.log, entry{maker: o.ID})
}

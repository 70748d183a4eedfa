package bulkheads

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// check looks at all that is not part of the view, now that it is known what
// happened: s.
func (m *machine) check(s *state, last bulk.Status) {
	// Index and the histogram are not compared.
	m.require(last.Index == m.readings || m.bulkhead == nil, "Status call number %d has Index %d", m.readings, last.Index)
	m.require(last.Totals.Waits.Count() == last.Totals.AdmittedFromQueue, "Waits has %d waits, AdmittedFromQueue is %d", last.Totals.Waits.Count(), last.Totals.AdmittedFromQueue)
	for _, o := range m.operations {
		if o.fate.Outcome == GaveUp || o.fate.Outcome == Rejected && !o.verb.try {
			m.checkError(o)
		}
	}
	for _, l := range m.listeners {
		m.require(!l.panics || slices.Equal(bySeq(l.caught), bySeq(l.got)), "handler %d panicked %d times, OnHandlerPanic was told of %d", l.id, len(l.got), len(l.caught))
	}
	// Most who wait for the drain asked for the channel long before it.
	m.require(kit.IsClosed(m.subject.Done()) == s.model.Drained, "whether Done is closed: by the contract %t", s.model.Drained)
	m.require(kit.IsClosed(m.done) == s.model.Drained, "the channel that Done returned at the beginning: drained is %t", s.model.Drained)
	if m.bulkhead != nil {
		err := hooks.Check(m.bulkhead)
		m.require(err == nil, "invariants: %v", err)
	}
	m.require(m.subject.Label() == s.model.Label, "Label is %q, not %q", m.subject.Label(), s.model.Label)
	m.require(m.subject.Capacity() == s.model.Capacity, "Capacity is %v, not %v", m.subject.Capacity(), s.model.Capacity)
}

// rejectionOf returns the numbers in the error of an operation that was rejected,
// or of a Wait that ended before the drain.
func rejectionOf(err error) model.Rejection {
	var e *bulk.AdmissionError
	var drain *bulk.DrainError
	switch {
	case errors.As(err, &drain):
		return model.Rejection{Label: drain.Label, InFlight: drain.InFlight}
	case errors.As(err, &e):
		return model.RejectionOf(e)
	}
	return model.Rejection{Label: fmt.Sprintf("no AdmissionError: %v", err)}
}

// checkError looks at an error whose fields are right.
func (m *machine) checkError(c *operation) {
	reason, label := bulk.Reason(0), m.state.model.Label
	var e *bulk.AdmissionError
	if c.fate.Outcome == Rejected && errors.As(c.Err, &e) {
		reason, m.rejected = e.Reason, c.Err
		m.require(strings.HasPrefix(e.Error(), fmt.Sprintf("bulkhead %q: %v", label, reason)), "%v: the error reads %q", c, e)
		m.require(m.bulkhead == nil || bulk.NotStarted(c.Err, m.bulkhead), "%v: NotStarted(%v) is false", c, c.Err)
	}
	m.require(!bulk.NotStarted(c.Err, m.other), "%v: NotStarted(%v) is true for another bulkhead", c, c.Err)
	wrong := kit.WrongSentinels(c.Err, reason)
	m.require(wrong == "", "%v: %s", c, wrong)
	if reason != 0 && reason != bulk.Canceled {
		m.require(!errors.Is(c.Err, context.Canceled) && !errors.Is(c.Err, context.DeadlineExceeded), "%v: %v matches a context error", c, c.Err)
		return
	}
	// It matches ctx.Err() and the cause, of a ctx that is done.
	end, cause := c.ctx.Err(), context.Cause(c.Ctx)
	m.require(end != nil && errors.Is(c.Err, end) && errors.Is(c.Err, cause), "%v: %v does not match how ctx ended: %v, %v", c, c.Err, end, cause)
	// context.DeadlineExceeded has a method that can be asked for, and a cause has
	// not: it is found behind one.
	var timeout interface{ Timeout() bool }
	m.require(!errors.As(end, &timeout) || errors.As(c.Err, &timeout), "%v: errors.As does not find %v", c, end)
	var got, want *causeError
	m.require(!errors.As(cause, &want) || errors.As(c.Err, &got) && got == want, "%v: errors.As does not find the cause, %v", c, cause)
}

// wrongResult says what is wrong with what came out of a call whose function was called,
// which hides each rejection of this bulkhead, and each that the cause of ctx contains
// too. m.mu is held.
func (m *machine) wrongResult(o *operation) string {
	var e, cause *bulk.AdmissionError
	ours := errors.As(o.Told.Err, &e) && m.bulkhead != nil && bulk.NotStarted(o.Told.Err, m.bulkhead)
	ended := o.Ctx.Err() != nil && errors.As(context.Cause(o.Ctx), &cause) && e == cause
	return o.WrongResult(m.bulkhead != nil && !o.verb.slot, ours || ended && m.calm, ours || ended)
}

// wrongStatus compares all statuses that were taken in this step, wherever, with
// those that there were if s is what happened. It says what is wrong.
func (m *machine) wrongStatus(s *state) string {
	for _, got := range m.statuses {
		i := slices.IndexFunc(s.statuses, func(want bulk.Status) bool { return want.LastEvent == got.LastEvent })
		if i < 0 {
			return fmt.Sprintf("a Status has LastEvent %d, which never was", got.LastEvent)
		}
		want := s.statuses[i]
		want.At, got.Index, got.Totals.Waits = got.At, 0, want.Totals.Waits
		if got != want {
			return kit.Differences("a Status", got, want)[0]
		}
	}
	return ""
}

// What is not allowed is rejected by its name, and is no arrival: nothing is
// counted, no event is made.
func (m *machine) misuse() {
	m.Hit("misuse")
	m.step(command{text: "all that is not allowed is done", apply: nothing, run: func() {
		s, label, ctx := m.subject, m.state.model.Label, context.Background()
		demand := func(label, want string, err error) {
			got := badFields(label, err)
			m.demand(slices.Equal(got, strings.Fields(want)) && !errors.Is(err, bulk.ErrNotStarted), "a ConfigError is due for each of %s, and there is %q: %v", want, got, err)
		}
		_, err := m.build(" ", 0, nil, bulk.OnEvent(nil), bulk.OnHandlerPanic(nil), bulk.WaitLimit(-1), bulk.WaitingRoom(-1))
		demand("", "handler handler label option parallelism wait_limit waiting_room", err)
		_, err = m.build("label", 0, bulk.WaitingRoom(-1))
		demand("label", "parallelism waiting_room", err)
		demand(label, "parallelism wait_limit waiting_room", s.SetCapacity(bulk.Capacity{Parallelism: -1, WaitingRoom: -1, WaitLimit: -1}))
		_, err = s.AcquireN(ctx, 0)
		demand(m.subject.Label(), "slots", err)
		_, ok := s.TryAcquireN(-1)
		m.demand(!ok, "TryAcquireN(-1) is true")
		bulk.Slot{}.Release()
	}})
}

// badFields returns the fields of all ConfigErrors in err, which must have the
// label.
func badFields(label string, err error) (fields []string) {
	for _, leaf := range kit.Leaves(err) {
		var e *bulk.ConfigError
		if !errors.As(leaf, &e) || e.Label != label {
			return []string{fmt.Sprintf("not a ConfigError for %q: %v", label, leaf)}
		}
		fields = append(fields, e.Field)
	}
	slices.Sort(fields)
	return fields
}

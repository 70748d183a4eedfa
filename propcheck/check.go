package propcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
)

// check looks at all that is not part of the view, now that the order of the
// step is known.
func (m *machine) check(w *world, status bulk.Status) {
	m.checkStatuses(w, status)
	m.checkReaction(w)
	m.checkCaught()
	for _, c := range m.calls {
		if t := w.task(c.id); t.phase == over {
			m.checkError(c, t)
		}
	}
	// Most who wait for the drain asked for the channel long before it.
	if early := isClosed(m.done); early != w.model.Drained {
		m.problem("the channel that Done returned at the beginning: closed is %t, drained is %t", early, w.model.Drained)
	}
	if got := m.subject.Label(); got != w.model.Label {
		m.problem("Label is %q, not %q", got, w.model.Label)
	}
	if got := m.subject.Capacity(); got != w.model.Capacity {
		m.problem("Capacity is %v, not %v", got, w.model.Capacity)
	}
}

// checkError looks at what an operation was told that was turned away, or who
// waited in vain.
func (m *machine) checkError(c *call, t *task) {
	switch {
	case t.state == hasGivenUp:
		m.matches(c, c.err)
		if c.drain.Label != m.world.model.Label {
			m.problem("%s: the DrainError's label is %q", c.text(), c.drain.Label)
		}
		for _, s := range sentinels { // whatever the cause is
			if errors.Is(c.err, s.err) {
				m.problem("%s: the DrainError matches %v", c.text(), s.err)
			}
		}
	case t.state == wasTurned && !t.try:
		m.checkRefusal(c, c.err)
	}
}

func (m *machine) checkRefusal(c *call, err error) {
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		m.problem("%s: %v is no AdmissionError", c.text(), err)
		return
	}
	for _, s := range sentinels {
		if got, want := errors.Is(err, s.err), slices.Contains(s.reasons, e.Reason); got != want {
			m.problem("%s: errors.Is(%v, %v) is %t", c.text(), err, s.err, got)
		}
	}
	if !strings.HasPrefix(e.Error(), fmt.Sprintf("bulkhead %q: %v", e.Label, e.Reason)) {
		m.problem("%s: the error reads %q", c.text(), e)
	}
	if _, ok := error(e).(interface{ Timeout() bool }); ok {
		m.problem("%s: the error has a method Timeout", c.text())
	}
	if e.Reason == bulk.Canceled {
		m.matches(c, err)
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		m.problem("%s: %v matches a context error", c.text(), err)
	}
	if m.bulkhead != nil && !bulk.NotStarted(err, m.bulkhead) {
		m.problem("%s: NotStarted(%v) is false", c.text(), err)
	}
	if bulk.NotStarted(err, m.other) {
		m.problem("%s: NotStarted(%v) is true for another bulkhead", c.text(), err)
	}
}

// matches looks at an error that says that ctx ended: it matches ctx.Err() and
// the cause.
func (m *machine) matches(c *call, err error) {
	if end := c.ctx.Err(); end != nil && !errors.Is(err, end) {
		m.problem("%s: %v does not match %v", c.text(), err, end)
	}
	cause := context.Cause(c.ctx.Context)
	if cause != nil && !errors.Is(err, cause) {
		m.problem("%s: %v does not match the cause, %v", c.text(), err, cause)
	}
	// context.DeadlineExceeded has a method that can be asked for, and a cause
	// has not: it is found behind one.
	var timeout interface{ Timeout() bool }
	if errors.As(c.ctx.Err(), &timeout) && !errors.As(err, &timeout) {
		m.problem("%s: errors.As does not find %v", c.text(), c.ctx.Err())
	}
	var want *causeError
	if errors.As(cause, &want) {
		if got := (*causeError)(nil); !errors.As(err, &got) || got != want {
			m.problem("%s: errors.As does not find the cause, %v", c.text(), cause)
		}
	}
}

// sentinels lists which reasons each sentinel matches.
var sentinels = []struct {
	err     error
	reasons []bulk.Reason
}{
	{bulk.ErrNotStarted, []bulk.Reason{bulk.Saturated, bulk.Expired, bulk.Closed, bulk.Oversized, bulk.Canceled}},
	{bulk.ErrOverload, []bulk.Reason{bulk.Saturated, bulk.Expired}},
	{bulk.ErrSaturated, []bulk.Reason{bulk.Saturated}},
	{bulk.ErrExpired, []bulk.Reason{bulk.Expired}},
	{bulk.ErrClosed, []bulk.Reason{bulk.Closed}},
	{bulk.ErrOversized, []bulk.Reason{bulk.Oversized}},
	{bulk.ErrCanceled, []bulk.Reason{bulk.Canceled}},
}

// refusalOf returns what an error says about an operation that was turned away.
func refusalOf(err error) rejection {
	var e *bulk.AdmissionError
	if !errors.As(err, &e) {
		return rejection{Label: fmt.Sprintf("no AdmissionError: %v", err)}
	}
	return rejection{
		Label: e.Label, Reason: e.Reason, Slots: e.Slots,
		Parallelism: e.Parallelism, WaitingRoom: e.WaitingRoom,
		InFlight: e.InFlight, InUse: e.InUse, Waiting: e.Waiting, Limit: e.Limit,
	}
}

// checkCaught compares what OnHandlerPanic was told with what the handlers
// panicked about.
func (m *machine) checkCaught() {
	for _, l := range m.listeners {
		var told []bulk.Event
		for _, r := range m.caught {
			if r.recovered == any(l) {
				told = append(told, r.event)
			}
		}
		if want := l.bySeq(); l.panics && !slices.Equal(inOrder(told), want) {
			m.problem("handler %d panicked %d times, OnHandlerPanic was told of %d", l.id, len(want), len(told))
		}
	}
}

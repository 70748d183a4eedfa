package bulkheads

import (
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// explains reports whether every operation has come as far as it should have.
func (s *state) explains() bool {
	return !slices.ContainsFunc(s.tasks, func(t task) bool { return t.fate != t.operation.fate })
}

// tell adds the effects of a step to the story.
func (m *machine) tell(s *state) {
	at := m.now.Sub(m.began)
	for _, d := range s.model.Decisions {
		if s.task(d.Op) != nil {
			m.Came("%v: %v", at, d)
		}
	}
	for i := range s.tasks {
		if t := &s.tasks[i]; t.phase == over && t.fate.Outcome != Rejected {
			m.Came("%v: #%d: %v", at, t.ID, t.fate.Outcome)
		}
	}
}

// differs fails with what was seen and is not allowed.
func (m *machine) differs(f *search, status bulk.Status) {
	s := f.closest
	m.Came("by the contract:")
	m.tell(s)
	problems := m.problems
	if f.tried > 1 {
		problems = append(problems, fmt.Sprintf("none of the %d orders in which this can happen explains what is seen; for one of them:", f.tried))
	}
	for _, t := range s.tasks {
		problems = append(problems, kit.Differences(t.text, t.operation.fate, t.fate)...)
	}
	problems = append(problems, kit.Differences("Status()", status, s.model.Status(s.now))...)
	for _, wrong := range []string{s.wrong, m.wrongStatus(s), m.checkDelivery(s)} {
		if wrong != "" {
			problems = append(problems, wrong)
		}
	}
	m.Fail(problems...)
}

// require notes a problem that is not seen by comparing views. mu is held, or
// nothing moves.
func (m *machine) require(ok bool, format string, args ...any) {
	if !ok {
		m.problems = append(m.problems, fmt.Sprintf(format, args...))
	}
}

// demand is require for those who don't hold mu.
func (m *machine) demand(ok bool, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.require(ok, format, args...)
}

// count tells which corners a step reached that began at before.
func (m *machine) count(before *state, f *search) {
	after := f.found[0]
	if m.Coverage == nil {
		return
	}
	if len(f.found) > 1 {
		m.Hit("several states")
	}
	for _, d := range after.model.Decisions {
		if t := after.task(d.Op); d.Rule > 0 && t != nil {
			a := t.arrival()
			m.Hit("rule %d: %v, NoWait %t, a bound passed %t", d.Rule, d.Rejection.Reason, a.NoWait(), a.BoundPassed(m.now))
		}
	}
	for _, e := range after.model.Events {
		while := map[int]string{0: "paused: ", bulk.Unlimited: "unlimited: "}[e.Capacity.Parallelism]
		m.Hit("%sevent %v, queued %t", while, e.Kind, e.Queued)
		if m.exiting != nil && m.exiting.exited == e.Seq {
			m.Hit("a handler ends its goroutine: %v", e.Kind)
		}
	}
	slices.Sort(m.tied)
	for i := range after.tasks {
		t := &after.tasks[i]
		if t.phase == over {
			m.Hit("over: %s", t.fate.Outcome)
		}
		if b := before.task(t.ID); b != nil && b.phase == waiting && len(m.tied) == 2 {
			m.Hit("tie: %s & %s: %s", m.tied[0], m.tied[1], after.became(t))
		}
	}
}

// became says how the wait of an operation ended.
func (s *state) became(t *task) string {
	granted := slices.ContainsFunc(s.model.Decisions, func(d model.Decision) bool { return d.Op == t.ID && d.Admitted() })
	switch {
	case t.fate.Outcome == Rejected && granted:
		return "abandoned"
	case t.fate.Outcome == Rejected:
		return t.fate.Error.Reason.String()
	}
	return string(t.fate.Outcome)
}

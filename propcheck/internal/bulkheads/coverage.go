package bulkheads

import (
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// count counts what was reached in a step that began at before.
func (m *machine) count(before *state, f *search) {
	if m.counts == nil {
		return
	}
	hit, after := m.counts.Hit, f.found[0]
	hit("step")
	if len(f.found) > 1 {
		hit("several states")
	}
	for _, d := range after.model.Decisions {
		switch d.Rule {
		case 0:
		case 4, 6:
			hit(fmt.Sprintf("rule %d: ", d.Rule), after.why(d))
		default:
			hit(fmt.Sprintf("rule %d", d.Rule))
		}
	}
	for _, e := range after.model.Events {
		hit("event ", e.Kind.String())
		switch e.Kind {
		case bulk.EventSaturated, bulk.EventExpired, bulk.EventCanceled, bulk.EventOversized, bulk.EventRejectedClosed:
			when := "at arrival: "
			if e.Queued {
				when = "while waiting: "
			}
			hit(when, e.Kind.String())
		}
	}
	if holds := after.model.Totals.Holds; holds.Samples > 1 && holds != before.model.Totals.Holds {
		hit("a second hold sample")
	}
	if len(m.caught) > 0 {
		hit("handler panics")
	}
	for i := range after.tasks {
		if t := &after.tasks[i]; t.phase == over {
			hit(t.end.String())
		}
	}
	if len(m.tied) < 2 {
		return
	}
	for i := range before.tasks {
		if t := &before.tasks[i]; t.phase == waiting {
			hit("tie: ", tieName(m.tied), ": ", after.became(t.id))
		}
	}
}

// why says which of its parts made a rule reject an operation.
func (s *state) why(d model.Decision) string {
	a := s.task(d.Op).arrival()
	switch {
	case d.Rule == 4:
		for _, l := range a.Limits {
			if t, ok := l.Before(); ok && !s.now.Before(t) {
				return "Before"
			}
		}
		return "Reserve"
	case d.Rejection.Reason == bulk.Expired:
		return "no time left to wait"
	case a.NoWait():
		return "no wait allowed"
	default:
		return "waiting room full"
	}
}

// Corners are what the standard budget must reach, each many times on average.
var Corners = slices.Concat([]string{
	"rule 1", "rule 2", "rule 3", "rule 4: Before", "rule 4: Reserve", "rule 5",
	"rule 6: no wait allowed", "rule 6: waiting room full", "rule 6: no time left to wait", "rule 7",

	"at arrival: saturated", "at arrival: expired", "at arrival: canceled", "at arrival: oversized", "at arrival: rejected_closed",
	"while waiting: expired", "while waiting: canceled", "while waiting: oversized", "while waiting: rejected_closed",

	"verb Run", "verb RunN", "verb Do", "verb Guard", "verb Guard1", "verb GuardDo",
	"verb Acquire", "verb AcquireN", "verb TryAcquire", "verb TryAcquireN",

	"handler calls: Close", "handler calls: SetCapacity", "handler calls: Status", "handler calls: TryAcquire, Release",
	"handler calls: remove", "handler panics",
	"handler ends its goroutine: arrival", "handler ends its goroutine: release", "handler ends its goroutine: cancel",
	"handler ends its goroutine: expiry", "handler ends its goroutine: resize", "handler ends its goroutine: close",
	"double release", "stale release", "a second hold sample", "a measured operation that waited", "misuse", "several states",
	"inside an operation", "operation inside an operation",

	"tie: expiry & release: expired", "tie: expiry & release: in flight",
	"tie: cancel & release: canceled", "tie: cancel & release: abandoned", "tie: cancel & release: in flight",
	"tie: deadline & release: canceled", "tie: deadline & release: abandoned", "tie: deadline & release: in flight",
	"tie: close & expiry: closed", "tie: close & expiry: expired",
	"tie: close & deadline: closed", "tie: close & deadline: canceled",
	"tie: close & release: closed", "tie: close & release: in flight",
	"tie: cancel & close: canceled", "tie: cancel & close: closed",
	"tie: cancel & resize: canceled", "tie: cancel & resize: abandoned", "tie: cancel & resize: in flight",
	"tie: expiry & resize: expired", "tie: expiry & resize: in flight",
	"tie: deadline & expiry: canceled", "tie: cancel & expiry: canceled", "tie: cancel & expiry: expired",
	"tie: arrival & release: in flight", "tie: arrival & release: waiting",
}, eventCorners(), outcomeCorners())

func eventCorners() (list []string) {
	for k := bulk.EventKind(1); k <= 12; k++ {
		list = append(list, "event "+k.String())
	}
	return list
}

func outcomeCorners() (list []string) {
	for o := Returned; o < Odd; o++ {
		list = append(list, o.String())
	}
	return list
}

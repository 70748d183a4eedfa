package propcheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// coverage counts how often each corner was reached, over many sequences.
type coverage struct {
	mu        sync.Mutex
	counts    map[string]int
	sequences int
	steps     int
	tried     int
}

// tally counts for one sequence. A nil tally counts nothing.
type tally struct {
	counts map[string]int
	steps  int
	tried  int // the most orders in one step
}

// newTally returns the tally for one sequence, and what takes it in at the end. A
// nil coverage has a nil one.
func (c *coverage) newTally() (t *tally, end func()) {
	if c == nil {
		return nil, func() {}
	}
	t = &tally{counts: make(map[string]int)}
	return t, func() { c.add(t) }
}

func (t *tally) hit(corner string) {
	if t != nil {
		t.counts[corner]++
	}
}

// add takes in what was reached in one sequence.
func (c *coverage) add(t *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	for corner, n := range t.counts {
		c.counts[corner] += n
	}
	c.sequences++
	c.steps += t.steps
	c.tried = max(c.tried, t.tried)
}

// missing returns which of the corners were never reached.
func (c *coverage) missing(corners []string) []string {
	return slices.DeleteFunc(slices.Clone(corners), func(corner string) bool { return c.counts[corner] > 0 })
}

func (c *coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sequences", c.sequences)
	if c.steps > 0 {
		fmt.Fprintf(&b, ", %d steps, at most %d orders in one step", c.steps, c.tried)
	}
	b.WriteByte('\n')
	for _, corner := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&b, "%9d  %s\n", c.counts[corner], corner)
	}
	return b.String()
}

// step counts what was reached in a step that began at before.
func (t *tally) step(m *machine, before *world, s *search) {
	if t == nil {
		return
	}
	after := s.found[0]
	t.steps++
	if len(s.found) > 1 {
		t.hit("several worlds")
	}
	t.tried = max(t.tried, s.tried)
	for _, d := range after.model.Decisions {
		switch d.Rule {
		case 0:
		case 4, 6:
			t.hit(fmt.Sprintf("rule %d: %s", d.Rule, after.why(d)))
		default:
			t.hit(fmt.Sprintf("rule %d", d.Rule))
		}
	}
	for _, e := range after.model.Events {
		t.hit("event " + e.Kind.String())
		switch e.Kind {
		case bulk.EventSaturated, bulk.EventExpired, bulk.EventCanceled, bulk.EventOversized, bulk.EventRejectedClosed:
			if e.Queued {
				t.hit("while waiting: " + e.Kind.String())
			} else {
				t.hit("at arrival: " + e.Kind.String())
			}
		}
	}
	if after.model.Totals.Holds.Samples > 1 && after.model.Totals.Holds != before.model.Totals.Holds {
		t.hit("a second hold sample")
	}
	if before.model.Closed {
		t.hit("step after Close")
	}
	if len(m.caught) > 0 {
		t.hit("handler panics")
	}
	for i := range after.tasks {
		if a := &after.tasks[i]; a.phase == over && a.role != interloper && a.state != wasTurned {
			t.hit("exit: " + a.state)
		}
	}
	if strings.Contains(m.tied, "&") {
		t.hit("tie: " + m.tied)
		for i := range before.tasks {
			if b := &before.tasks[i]; b.phase == waiting {
				t.hit("tie: " + m.tied + ": " + after.became(b.id))
			}
		}
	}
}

// why says which of its parts made a rule turn an operation away.
func (w *world) why(d decision) string {
	a := w.arrival(w.task(d.Op))
	switch {
	case d.Rule == 4:
		for _, l := range a.Limits {
			if t, ok := l.Before(); ok && !w.now.Before(t) {
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

// became says what became of an operation that had been waiting.
func (w *world) became(id int) string {
	t := w.task(id)
	granted := slices.ContainsFunc(w.model.Decisions, func(d decision) bool { return d.Op == id && d.Verdict == model.Admitted })
	switch {
	case t.state == wasTurned && granted:
		return "abandoned"
	case t.state == wasTurned:
		return t.refusal.Reason.String()
	default:
		return t.seen()
	}
}

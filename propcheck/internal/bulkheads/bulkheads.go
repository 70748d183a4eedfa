// Package bulkheads is the machine that checks bulkheads. How its parts relate:
//
//	         dice                   the random choices of one step
//	          │
//	        action ──────┐          a kind of step: a race, say; it chooses
//	                     ▼
//	   ┌────────────  command ───────────────┐    one thing to be done, as a call
//	   │ done to                     done to │
//	   ▼                                     ▼
//	subject, by a call              state, by a task      model + how far each call has come
//	   │                                     │
//	   │ listeners hear events      search: all orders that the contract allows,
//	   │                                     │              on copies of the state
//	   ▼                                     ▼
//	 view: what is seen    ═══ equal? ═══  view: what should be seen
//
// The nouns: dice choose an action; an action gives commands; a command makes a
// call of the subject and a task in each state; a search looks for the orders of
// the tasks in which the view of a state is that of the subject; listeners are
// the event handlers; the machine holds all of it, and the story tells it.
package bulkheads

import (
	"testing"

	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

// Check checks what build makes, in sequences in which one thing happens at a
// time, and in as many in which several happen at one instant. The calm ones come
// first: they run again as they ran before, so what they find is told in few
// steps, and most mistakes are found by them.
func Check(t *testing.T, build NewFunc, counts *kit.Coverage) {
	t.Helper()
	kit.Check(t, newSequence(build, true, counts))
	kit.Check(t, newSequence(build, false, counts))
}

// Fuzz runs the sequence that choices stand for.
func Fuzz(t *testing.T, choices []byte, build NewFunc) {
	kit.Fuzz(t, choices, newSequence(build, false, nil))
}

// sequence is a machine, and another one when little is to be expected of the
// first any more.
type sequence struct {
	*machine
	next *setup
}

func newSequence(build NewFunc, calm bool, counts *kit.Coverage) func(*kit.Dice, *kit.Story) kit.Machine {
	return func(d *kit.Dice, story *kit.Story) kit.Machine {
		counts.Hit("sequence")
		first, next := drawSetup(d), drawSetup(d)
		return &sequence{newMachine(first, build, calm, story, counts), &next}
	}
}

// Step does one action.
func (s *sequence) Step(d *kit.Dice) {
	if m := s.machine; m.closedFor > 8 && s.next != nil {
		m.Finish()
		m.End()
		s.machine, s.next = newMachine(*s.next, m.build, m.calm, m.story, m.counts), nil
	}
	s.dice = d
	s.act()
}

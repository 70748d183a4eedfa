package propcheck

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// story is what happened in a sequence, for a person to read when it failed. It
// is only put into words then.
type story struct {
	setup   setup
	start   time.Time
	steps   []step
	failure string
	notes   []string
}

type step struct {
	what     []func() string
	outcomes []outcome
}

// outcome is what the model said at one instant of a step.
type outcome struct {
	at        time.Duration // since the start
	decisions []decision
	ended     []task
}

func (s *story) begin(setup setup, now time.Time) { s.setup, s.start = setup, now }

// next begins a step.
func (s *story) next() { s.steps = append(s.steps, step{}) }

// did adds to the step what was done.
func (s *story) did(what func() string) {
	last := &s.steps[len(s.steps)-1]
	last.what = append(last.what, what)
}

// outcome adds to the step what came of it.
func (s *story) outcome(w *world) {
	if len(s.steps) == 0 {
		return
	}
	o := outcome{at: w.now.Sub(s.start), decisions: w.model.Decisions}
	for _, t := range w.tasks {
		if t.phase == over && t.role != interloper && t.state != wasTurned {
			o.ended = append(o.ended, t)
		}
	}
	last := &s.steps[len(s.steps)-1]
	last.outcomes = append(last.outcomes, o)
}

func (s *story) fail(what string, notes ...string) { s.failure, s.notes = what, notes }

// report keeps the shortest story of a failure that was told. A failure that
// comes from a race may not come again, and is worth telling all the same.
type report struct {
	mu    sync.Mutex
	steps int
	story string
}

func (r *report) take(s *story) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.story == "" || len(s.steps) <= r.steps {
		r.steps, r.story = len(s.steps), s.String()
	}
}

func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.story
}

// String tells the story.
func (s *story) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", s.setup)
	for i, step := range s.steps {
		for j, what := range step.what {
			if j == 0 {
				fmt.Fprintf(&b, "%3d. %s\n", i+1, what())
			} else {
				fmt.Fprintf(&b, "   & %s\n", what())
			}
		}
		for _, o := range step.outcomes {
			for _, d := range o.decisions {
				fmt.Fprintf(&b, "       %10v  %v\n", o.at, d)
			}
			for _, t := range o.ended {
				fmt.Fprintf(&b, "       %10v  #%d %s\n", o.at, t.id, t.state)
			}
		}
	}
	fmt.Fprintf(&b, "After that %s.\n", s.failure)
	for _, note := range s.notes {
		fmt.Fprintf(&b, "%s\n", note)
	}
	return b.String()
}

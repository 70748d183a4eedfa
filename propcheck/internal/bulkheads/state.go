package bulkheads

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// state is the model together with how far each operation has come, in one of the
// orders in which things can have happened.
type state struct {
	model    *model.Model
	now      time.Time
	tasks    []task    // the operations that are not over, and those that ended in this step
	contexts []*ctxRef // those that operations came with; the first one never ends
	ended    []bool    // for each of contexts: it is done

	// Of this step.
	script   []command     // what is still to be done to the subject, one after the other
	makers   []int         // for each of model.Events: the operation that made it; below 0: the command
	decided  int           // how many of model.Decisions the tasks know
	statuses []bulk.Status // before it, and after each transition
	wrong    string        // what a command returned, and should not have
	exitAt   uint64        // the Seq of the event whose handler ends its goroutine
}

// task is how far one operation has come.
type task struct {
	*operation
	phase phase
	fate  fate
	end   Outcome // of its function, when that has returned
}

// fate is what can be seen of an operation, and what should be seen.
type fate struct {
	Outcome Outcome         // how far it has come
	Since   time.Time       // when it came to that; not set while it waits
	Error   model.Rejection // what the error says, if there is one
}

// phase is where an operation stands between two of its moves.
type phase uint8

const (
	arriving phase = iota // about to look at its ctx
	deciding              // saw its ctx alive, about to be decided about
	waiting
	waking // its bound is reached, it saw its ctx alive, about to leave
	granted
	running
	ending   // its function has returned, its slots are not free yet
	leaving  // its goroutine was ended by a handler
	shutting // it is a Shutdown, about to close
	draining // it is a Wait, or a Shutdown that has closed
	over
)

// Outcome is what can be seen of an operation from outside: one of these, or the
// kit.Exit of its function.
type Outcome string

const (
	Waiting  Outcome = "waiting"                      // for slots, or for the drain
	InFlight Outcome = "in flight"                    // its function has not returned, or its slot is held
	Rejected Outcome = "rejected"                     // it never starts
	Drained  Outcome = "told that all is drained"     // a Wait or a Shutdown without an error
	GaveUp   Outcome = "told that not all is drained" // one whose ctx ended
	Exited           = Outcome(kit.Exits)             // also by a handler
)

func (s *state) clone() *state {
	// What is only ever appended to can be shared up to its length.
	s.makers, s.statuses = slices.Clip(s.makers), slices.Clip(s.statuses)
	c := *s
	c.model, c.tasks, c.ended = s.model.Clone(), slices.Clone(s.tasks), slices.Clone(s.ended)
	return &c
}

// task returns the task of an operation, nil if there is none (any more).
func (s *state) task(id int) *task {
	for i := range s.tasks {
		if s.tasks[i].ID == id {
			return &s.tasks[i]
		}
	}
	return nil
}

// due reports whether the wait of a task is at its bound. A ctx that ends at the
// same instant comes first: then the bound never decides.
func (s *state) due(t *task) bool {
	for _, w := range s.model.Room {
		if until, bounded := w.Until(); w.Op == t.ID && bounded && !until.After(s.now) {
			return t.ctx.deadline.IsZero() || t.ctx.deadline.After(until)
		}
	}
	return false
}

// reached reports whether the deadline of a context is reached.
func (s *state) reached(c *ctxRef) bool { return !c.deadline.IsZero() && !c.deadline.After(s.now) }

// open reports whether a context is alive and may end at this instant: then it
// matters when an operation looks at it.
func (s *state) open(c *ctxRef) bool {
	return !s.ended[c.id] && (s.reached(c) || slices.ContainsFunc(s.script, func(o command) bool { return o.cancels == c }))
}

var seed = maphash.MakeSeed()

// key identifies the point that a state has come to on its way through one
// instant, among all that began alike: two with the same key have the same
// future. Which operation made which event matters only if there is a handler, and in which
// order those in flight were admitted does not.
func (s *state) key(heard bool) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	put := func(values ...any) {
		for _, v := range values {
			maphash.WriteComparable(&h, v)
		}
	}
	inFlight := uint64(0)
	for _, r := range s.model.InFlight {
		inFlight += maphash.Comparable(seed, r)
	}
	put(s.model.Totals, s.model.Peak, s.model.Seq, s.model.Since, inFlight, len(s.script), s.wrong)
	for _, w := range s.model.Room {
		put(w)
	}
	for i := range s.tasks {
		put(s.tasks[i].phase, s.tasks[i].end, s.tasks[i].fate)
	}
	for _, e := range s.ended {
		put(e)
	}
	for i := 0; i < len(s.makers) && heard; i++ {
		put(s.makers[i])
	}
	return h.Sum64()
}

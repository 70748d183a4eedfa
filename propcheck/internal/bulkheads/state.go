package bulkheads

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// state is the model together with how far each call has come, in one of the
// orders in which things can have happened.
type state struct {
	model *model.Model
	now   time.Time
	tasks []task // the calls that are not over, and those that ended in this step

	contexts []*ctxRef
	ended    []bool // for each of contexts: it is done

	// Of this step.
	makers   []int         // for each of model.Events: the call that made it
	decided  int           // how many of model.Decisions the tasks know
	statuses []bulk.Status // before it, and after each transition
	removals []removal
	exitAt   uint64 // the Seq of the event whose handler ends its goroutine
}

// task is how far one call has come.
type task struct {
	*call
	phase     phase
	after     int     // the call that must be decided before this one goes on; 0: none
	since     uint64  // the Seq of the event that must have been made before; 0: none
	end       Outcome // what it is over with
	at        time.Time
	rejection model.Rejection
}

// phase is where a call stands between two of its steps. What it does next is
// said at [state.next].
type phase uint8

const (
	calling  phase = iota // about to do what it does, in one step
	arriving              // about to look at its ctx
	deciding              // saw its ctx alive, about to be decided about
	waiting
	waking // its bound is reached, it saw its ctx alive, about to leave
	granted
	running
	ending   // its function has returned, its slots are not free yet
	leaving  // its goroutine was ended by a handler
	draining // in Wait
	over
)

// Outcome is what can be seen of a call from outside.
type Outcome uint8

const (
	Waiting Outcome = iota
	InFlight
	Draining
	Returned
	Failed
	Panicked
	Exited
	Released
	Rejected
	Drained
	GaveUp
	Done
	Invalid
	RejectedClosed
	Odd // what no rule allows; a problem says more
)

func (o Outcome) String() string {
	return [...]string{"waiting", "in flight", "waiting for the drain", "over: fn returned", "over: fn returned an error", "over: fn panicked",
		"over: its goroutine ended", "over: its slot was released", "rejected", "drained", "not drained, and gave up", "done",
		"answered with ErrConfig", "answered with ErrClosed", "something else"}[o]
}

// removal says when a handler was removed.
type removal struct {
	listener *listener
	seq      uint64 // of the last event that it is owed
}

func (s *state) clone() *state {
	// What is only ever appended to can be shared up to its length.
	s.makers, s.statuses, s.removals = slices.Clip(s.makers), slices.Clip(s.statuses), slices.Clip(s.removals)
	c := *s
	c.model, c.tasks, c.ended = s.model.Clone(), slices.Clone(s.tasks), slices.Clone(s.ended)
	return &c
}

// task returns the task of a call, nil if there is none (any more).
func (s *state) task(call int) *task {
	for i := range s.tasks {
		if s.tasks[i].id == call {
			return &s.tasks[i]
		}
	}
	return nil
}

// finish ends a call.
func (s *state) finish(t *task, end Outcome) { t.phase, t.end, t.at = over, end, s.now }

// outcome returns what can be seen of a task when nothing moves any more.
func (t *task) outcome() Outcome {
	switch t.phase {
	case over:
		return t.end
	case running:
		return InFlight
	case draining:
		return Draining
	default:
		return Waiting
	}
}

// became says what became of an operation that had been waiting.
func (s *state) became(call int) string {
	t := s.task(call)
	granted := slices.ContainsFunc(s.model.Decisions, func(d model.Decision) bool { return d.Op == call && d.Verdict == model.Admitted })
	switch {
	case t.end == Rejected && granted:
		return "abandoned"
	case t.end == Rejected:
		return t.rejection.Reason.String()
	default:
		return t.outcome().String()
	}
}

// nextInstant returns the earliest instant after now at which something happens
// by itself.
func (s *state) nextInstant() (next time.Time, ok bool) {
	consider := func(t time.Time, bounded bool) {
		// The clock of a bubble can't be set forward by centuries. Bounds that are
		// farther are there for the sums that they are part of.
		if bounded && t.After(s.now) && t.Sub(s.now) < 100*365*24*time.Hour && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	for _, w := range s.model.Room {
		consider(w.Until())
	}
	for i := range s.tasks {
		if t := &s.tasks[i]; (t.phase == waiting || t.phase == draining) && !s.ended[t.ctx.id] {
			consider(t.ctx.deadline, !t.ctx.deadline.IsZero())
		}
	}
	return next, ok
}

// due reports whether the wait of a task is at its bound. A ctx that ends at the
// same instant comes first: then the bound never decides.
func (s *state) due(t *task) bool {
	i := slices.IndexFunc(s.model.Room, func(w model.Waiting) bool { return w.Op == t.id })
	if i < 0 {
		return false
	}
	until, bounded := s.model.Room[i].Until()
	dies := t.ctx.deadline
	return bounded && !until.After(s.now) && (dies.IsZero() || dies.After(until))
}

// reached reports whether the deadline of a context is reached.
func (s *state) reached(c *ctxRef) bool { return !c.deadline.IsZero() && !c.deadline.After(s.now) }

// uncertain reports whether a context is alive and may end at this instant: then
// it matters when somebody looks at it.
func (s *state) uncertain(c *ctxRef) bool {
	return !s.ended[c.id] && (s.reached(c) || slices.ContainsFunc(s.tasks, func(t task) bool { return t.phase == calling && t.cancels == c }))
}

var seed = maphash.MakeSeed()

// key identifies the point that a state has come to on its way through one
// instant, among all that began alike: two with the same key have the same
// future. Who made which event matters only if somebody listens.
func (s *state) key(listeners bool) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	m := s.model
	maphash.WriteComparable(&h, m.Totals)
	maphash.WriteComparable(&h, m.Peak)
	maphash.WriteComparable(&h, m.Capacity)
	for _, w := range m.Room {
		maphash.WriteComparable(&h, w)
	}
	for _, r := range m.InFlight {
		maphash.WriteComparable(&h, r)
	}
	for i := range s.tasks {
		t := &s.tasks[i]
		maphash.WriteComparable(&h, t.rejection)
		_, _ = h.Write([]byte{byte(t.phase), byte(t.end)})
	}
	for _, e := range s.ended {
		maphash.WriteComparable(&h, e)
	}
	for _, r := range s.removals {
		maphash.WriteComparable(&h, r.seq)
	}
	if listeners {
		for _, m := range s.makers {
			maphash.WriteComparable(&h, m)
		}
	}
	maphash.WriteComparable(&h, m.Seq)
	return h.Sum64()
}

// same reports whether two states that look the same are the same: who waits
// where, and who is in flight since when.
func (s *state) same(o *state) bool {
	inFlight := func(m *model.Model) []model.Running {
		return slices.SortedFunc(slices.Values(m.InFlight), func(a, b model.Running) int { return a.Op - b.Op })
	}
	return slices.Equal(s.model.Room, o.model.Room) && slices.Equal(inFlight(s.model), inFlight(o.model))
}

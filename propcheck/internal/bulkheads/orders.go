package bulkheads

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// At one instant several things can happen in any order: whoever takes the lock
// first. The machine can't arrange an order and need not know it. It lets them
// happen, looks at what came of it, and tries the orders that the contract allows
// on copies of the state. If none explains what was seen, the subject is wrong.
// If several do, all of them are followed up: later steps may tell which one is
// the true one. If a handler was given the events, they lead the search: they
// have the true order.

// choice is one thing that can happen next: a step of a task, its look at a ctx,
// or the end of a context by its deadline.
type choice struct {
	task int // index; -1: it is none
	look bool
	ctx  int
}

// choices returns all that can happen next.
func (s *state) choices(list []choice) []choice {
	for i, ended := range s.ended {
		if !ended && s.reached(s.contexts[i]) {
			list = append(list, choice{task: -1, ctx: i})
		}
	}
	for i := range s.tasks {
		t := &s.tasks[i]
		if !s.ready(t) {
			continue
		}
		alive, look := !s.ended[t.ctx.id], false
		switch t.phase {
		case arriving, granted:
			look = s.uncertain(t.ctx) // else it can see one thing only
		case waiting:
			if alive && !s.due(t) {
				continue
			}
			look = s.uncertain(t.ctx)
		case draining:
			if alive {
				continue
			}
		case running, over:
			continue
		}
		list = append(list, choice{task: i, look: look})
	}
	return list
}

// ready reports whether a task can go on: what its goroutine did before is
// decided.
func (s *state) ready(t *task) bool {
	if t.after == 0 || s.model.Seq < t.since {
		return s.model.Seq >= t.since
	}
	before := s.task(t.after)
	return before == nil || before.phase != calling && before.phase != arriving && before.phase != deciding
}

// advance does all that touches nobody else, so that its order makes no
// difference.
func (s *state) advance() {
	for i := range s.tasks {
		switch t := &s.tasks[i]; t.phase {
		case calling:
			if t.apply == nil && s.ready(t) {
				s.finish(t, Done)
			}
		case granted: // ctx is alive when it wakes
			if !s.ended[t.ctx.id] && !s.uncertain(t.ctx) {
				s.start(t)
			}
		case draining: // nil when drained, even with a done ctx
			if s.model.Drained {
				s.finish(t, Drained)
			}
		}
	}
}

func (s *state) start(t *task) { t.phase, t.at = running, s.now }

// take lets c happen.
func (s *state) take(c choice) {
	switch {
	case c.task < 0:
		s.ended[c.ctx] = true
	case c.look:
		switch t := &s.tasks[c.task]; t.phase {
		case arriving:
			t.phase = deciding
		case waiting:
			t.phase = waking
		case granted:
			s.start(t)
		}
	default:
		s.next(&s.tasks[c.task])
		s.learn(s.tasks[c.task].id)
	}
}

// next is the next step of a task: what it does when it takes the lock.
func (s *state) next(t *task) {
	m, done := s.model, s.ended[t.ctx.id]
	switch t.phase {
	case calling:
		if end := t.apply(s); t.waits {
			t.phase = draining
		} else {
			s.finish(t, end)
		}
	case arriving, deciding:
		m.Arrive(s.now, t.arrival(), t.phase == arriving && done)
	case waiting, waking:
		if t.phase == waiting && done {
			m.Cancel(s.now, t.id)
		} else {
			m.Expire(s.now, t.id)
		}
	case granted:
		m.Abandon(s.now, t.id)
	case ending:
		m.Release(s.now, t.id)
		s.finish(t, t.end)
		s.propagate(t)
	case leaving:
		if m.IsInFlight(t.id) {
			m.Abandon(s.now, t.id)
		} else {
			m.Cancel(s.now, t.id)
		}
	case draining:
		t.rejection.InFlight = len(m.InFlight)
		s.finish(t, GaveUp)
	}
}

// learn tells the tasks what was decided in a step that maker made.
func (s *state) learn(maker int) {
	m := s.model
	if len(s.makers) < len(m.Events) {
		s.statuses = append(s.statuses, m.Status(s.now))
	}
	gone := false // a handler ended the goroutine of maker
	for len(s.makers) < len(m.Events) {
		gone = gone || s.exitAt > 0 && m.Events[len(s.makers)].Seq == s.exitAt
		s.makers = append(s.makers, maker)
	}
	for ; s.decided < len(m.Decisions); s.decided++ {
		d := m.Decisions[s.decided]
		t := s.task(d.Op)
		switch {
		case t.phase == leaving && d.Verdict == model.Rejected:
			s.finish(t, Exited)
		case gone && d.Op == maker && d.Verdict != model.Rejected, t.phase == leaving:
			t.phase = leaving // also if it is granted its slots before it has left
		case d.Verdict == model.Rejected:
			if !t.verb.yesOrNo() {
				t.rejection = d.Rejection
			}
			s.finish(t, Rejected)
		case d.Verdict == model.Queued:
			t.phase = waiting
		case d.Rule == 5 || t.phase == waking:
			// Immediately; or it was about to leave when it was granted its slots, and
			// had seen its ctx alive: once granted, it runs.
			s.start(t)
		default:
			t.phase = granted
		}
	}
	if t := s.task(maker); gone && t.phase == over {
		// What it did is done, but it does not return.
		t.end, t.rejection = Exited, model.Rejection{}
		s.propagate(t)
	}
}

// propagate lets a panic, or the end of a goroutine, go on through the operation
// around t.
func (s *state) propagate(t *task) {
	if t.outer != nil && (t.end == Panicked || t.end == Exited) {
		if o := s.task(t.outer.id); o != nil {
			o.phase, o.end = ending, t.end
		}
	}
}

// search looks for the orders in which a state becomes what was seen.
type search struct {
	accepts func(*state) bool
	guided  bool
	guide   []bulk.Event // the events of this step in Seq order, if guided
	heard   bool         // somebody listens: it matters who made which event

	found   []*state
	tried   int // orders
	been    map[uint64]bool
	closest *state // for the story: the order that agreed for longest
	agreed  int
}

// tooMany is where a search is given up. It is far above what a step can arrange.
const tooMany = 100_000

// run tries all orders in which things can go on from s, which it changes.
func (f *search) run(s *state) {
	var buf [16]choice
	for f.tried <= tooMany {
		s.advance()
		choices := s.choices(buf[:0])
		if len(choices) == 0 {
			f.tried++
			if !f.accepts(s) {
				f.remember(s)
			} else if !slices.ContainsFunc(f.found, s.same) {
				f.found = append(f.found, s)
			}
			return
		}
		if len(choices) > 1 {
			key := s.key(f.heard)
			if f.been[key] {
				return // another order led to the same point
			}
			f.been[key] = true
			for _, c := range choices[1:] {
				o := s.clone()
				if o.take(c); f.agrees(o) {
					f.run(o)
				}
			}
		}
		if s.take(choices[0]); !f.agrees(s) {
			return
		}
	}
}

// agrees reports whether the events of s up to now are those that were seen.
func (f *search) agrees(s *state) bool {
	n := len(s.model.Events)
	if !f.guided || n <= len(f.guide) && slices.EqualFunc(s.model.Events, f.guide[:n], matches) {
		return true
	}
	f.tried++
	f.remember(s)
	return false
}

// remember keeps s if it is closer to what was seen than those before.
func (f *search) remember(s *state) {
	agreed := 0
	for agreed < min(len(s.model.Events), len(f.guide)) && matches(s.model.Events[agreed], f.guide[agreed]) {
		agreed++
	}
	if f.closest == nil || agreed > f.agreed {
		f.closest, f.agreed = s.clone(), agreed
	}
}

// complete lets everything happen that is still to come, in some order.
func (s *state) complete() {
	for {
		s.advance()
		choices := s.choices(nil)
		if len(choices) == 0 {
			return
		}
		s.take(choices[0])
	}
}

// matches compares an event of the model, which numbers every operation, with one
// that a handler was given. See numbered.
func matches(want, got bulk.Event) bool {
	if got.Op == 0 {
		want.Op = 0
	}
	return want == got
}

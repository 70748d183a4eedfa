// Package bulkheads is the machine that checks bulkheads. Package kit has the picture of
// its parts. Here several things can happen at one instant: the machine follows all
// states that explain what was seen up to now, and a search tries the orders in which
// the operations can have made their moves on copies of these.
package bulkheads

import "github.com/bulklink/bulklink-go/propcheck/model"

// At one instant several things can happen in any order, the one in which they
// take the lock. The machine knows the order of the commands of a step, which are
// done one after the other; not when an operation makes its moves meanwhile, and need not
// know it. It lets them happen, looks at the result, and tries the orders
// that the contract allows on copies of the state. If none explains what was seen,
// the subject is wrong. If several do, all of them are followed up: later steps
// may tell which one is the true one. That several goroutines call the subject at
// the same time is left to propcheck/linear.

// move is one thing that can happen next: a step of a task, its look at a ctx, the
// next command, or the end of a context by its deadline.
type move func(*state)

// by is a move of a task.
func by(i int, do func(*state, *task)) move {
	return func(s *state) {
		t := &s.tasks[i]
		do(s, t)
		s.learn(t.ID)
	}
}

// moves returns all that can happen next; only one, if it is one that touches
// no other operation, so that its order makes no difference.
func (s *state) moves(list []move) []move {
	if len(s.script) > 0 {
		list = append(list, func(s *state) {
			c := s.script[0]
			s.script = s.script[1:]
			c.apply(s)
			s.learn(c.id)
		})
		if s.script[0].private {
			return list
		}
	}
	for i, ended := range s.ended {
		if !ended && s.reached(s.contexts[i]) {
			list = append(list, func(s *state) { s.ended[i] = true })
		}
	}
	for i := range s.tasks {
		t := &s.tasks[i]
		done, open := s.ended[t.ctx.id], s.open(t.ctx)
		var do func(*state, *task)
		switch {
		case t.phase == arriving && open: // it sees its ctx alive, or later ended
			do = func(_ *state, t *task) { t.phase = deciding }
		case t.phase == arriving, t.phase == deciding:
			do = (*state).arrive
		case t.phase == waiting && done:
			do = func(s *state, t *task) { s.model.Cancel(s.now, t.ID) }
		case t.phase == waiting && s.due(t) && open:
			do = func(_ *state, t *task) { t.phase = waking }
		case t.phase == waiting && s.due(t), t.phase == waking:
			do = func(s *state, t *task) { s.model.Expire(s.now, t.ID) }
		case t.phase == granted && done:
			do = func(s *state, t *task) { s.model.Abandon(s.now, t.ID) }
		case t.phase == granted && open:
			do = (*state).start
		case t.phase == granted: // its ctx is alive when it wakes
			return []move{by(i, (*state).start)}
		case t.phase == ending:
			do = func(s *state, t *task) { s.model.Release(s.now, t.ID); s.finish(t, t.end, model.Rejection{}) }
		case t.phase == leaving:
			do = (*state).leave
		case t.phase == shutting:
			do = func(s *state, t *task) { t.phase = draining; s.model.Close(s.now) }
		case t.phase == draining && s.model.Drained: // nil when drained, even with a done ctx
			return []move{by(i, func(s *state, t *task) { s.finish(t, Drained, model.Rejection{}) })}
		case t.phase == draining && done:
			do = func(s *state, t *task) {
				s.finish(t, GaveUp, model.Rejection{Label: s.model.Label, InFlight: len(s.model.InFlight)})
			}
		default:
			continue
		}
		list = append(list, by(i, do))
	}
	return list
}

func (s *state) arrive(t *task) {
	s.model.Arrive(s.now, t.arrival(), t.phase == arriving && s.ended[t.ctx.id])
}

func (s *state) start(t *task) { t.phase, t.fate = running, fate{Outcome: InFlight, Since: s.now} }

func (s *state) finish(t *task, end Outcome, rejection model.Rejection) {
	t.phase, t.fate = over, fate{end, s.now, rejection}
}

// leave is the end of an operation whose goroutine was ended by a handler.
func (s *state) leave(t *task) {
	if s.model.IsInFlight(t.ID) {
		s.model.Abandon(s.now, t.ID)
	} else {
		s.model.Cancel(s.now, t.ID)
	}
}

// learn tells the tasks what was decided in a move of maker, an operation or a command.
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
		case t == nil: // of a churn
		case t.phase == leaving && d.Rejected():
			s.finish(t, Exited, model.Rejection{})
		case gone && t.ID == maker && !d.Rejected(), t.phase == leaving:
			t.phase = leaving // also if it is granted its slots before it has left
		case d.Rejected():
			if t.verb.try {
				d.Rejection = model.Rejection{}
			}
			s.finish(t, Rejected, d.Rejection)
		case d.Queued():
			t.phase = waiting
		case d.Rule == 5 || t.phase == waking:
			// Immediately; or it was about to leave when it was granted its slots, and
			// had seen its ctx alive: once granted, it runs.
			s.start(t)
		default:
			t.phase = granted
		}
	}
	if t := s.task(maker); gone && t != nil && (t.phase == over || t.phase == draining) {
		// What it did is done, but it does not return.
		s.finish(t, Exited, model.Rejection{})
	}
}

// search looks for the orders in which a state becomes what was seen.
type search struct {
	accepts func(*state) bool
	heard   bool // there is a handler: it matters which operation made which event
	found   []*state
	been    map[uint64]bool
	ends    map[uint64]bool // of those found
	tried   int             // orders
	closest *state          // for the story: one that is not accepted
}

// tooMany is where a search is given up. It is far above what a step can arrange.
const tooMany = 100_000

// run tries all orders in which things can go on from s, which it changes.
func (f *search) run(s *state) {
	var buf [16]move
	moves := s.moves(buf[:0])
	switch {
	case len(moves) == 0:
		f.tried++
		if end := s.key(false); !f.accepts(s) {
			f.closest = s
		} else if !f.ends[end] {
			f.found, f.ends[end] = append(f.found, s), true
		}
	case len(moves) > 1:
		key := s.key(f.heard)
		if f.been[key] || f.tried > tooMany {
			return // another order led to the same point
		}
		f.been[key] = true
	}
	for i, m := range moves {
		next := s
		if i < len(moves)-1 {
			next = s.clone()
		}
		m(next)
		f.run(next)
	}
}

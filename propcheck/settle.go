package propcheck

import (
	"fmt"
	"runtime/debug"
	"slices"
	"testing/synctest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bulklink/bulklink-go/bulk"
)

// incoming is what the next step brings into all worlds.
type incoming struct {
	tasks    []*task
	contexts []contextState
	scripts  []script
}

// settle waits until nothing moves, and compares all that can be seen with what
// the contract allows. It reports whether all is well.
func (m *machine) settle() (ok bool) {
	synctest.Wait()
	if m.failed {
		return false
	}
	defer func() {
		if r := recover(); r != nil { // a mistake of the machine has a story as well
			m.fail(fmt.Sprint(r), string(debug.Stack()))
			ok = false
		}
	}()
	m.begin()
	seen := m.look()
	s := &search{heard: len(m.listeners) > 0}
	if l := m.witness(); l != nil {
		s.led, s.guide = true, l.bySeq()
		seen.Events = s.guide
	}
	s.explains = func(w *world) bool { return seen.equal(w.view(s.led)) && m.checkDelivery(w) == "" }
	start := m.world.clone()
	for _, w := range m.worlds {
		s.been = nil // the points of another world are other points
		s.run(w)
	}
	if len(s.found) == 0 {
		m.differs(s, seen)
		return false
	}
	w := s.found[0]
	m.check(w, seen.Status)
	m.story.outcome(w)
	m.coverage.step(m, start, s)
	if len(m.problems) > 0 {
		m.fail("the subject breaks a promise", slices.Compact(m.problems)...)
		return false
	}
	m.adopt(s.found)
	return true
}

// begin brings into all worlds what the step began with.
func (m *machine) begin() {
	for _, w := range m.worlds {
		for i := range w.contexts {
			// What ended at an earlier instant has surely ended.
			if c := &w.contexts[i]; !c.dies.IsZero() && c.dies.Before(m.now) {
				c.done = true
			}
		}
		for _, t := range m.incoming.tasks {
			w.tasks = append(w.tasks, *t)
		}
		w.contexts = append(w.contexts, m.incoming.contexts...)
		w.scripts = append(w.scripts, m.incoming.scripts...)
		if r := m.reacted(); r != nil {
			w.callback = &callback{trigger: r.fired, script: r.moves, exits: r.exits}
		}
	}
	m.incoming = incoming{}
}

// witness returns a listener that was given, or should have been, every event of
// this step.
func (m *machine) witness() *listener {
	for _, l := range m.listeners {
		if l.from <= m.world.model.Seq && l.until > m.world.model.Seq && (l.then == nil || l.then.text != takeOff) {
			return l
		}
	}
	return nil
}

// look returns what can be seen of the subject.
func (m *machine) look() view {
	v := view{Status: m.read(), Done: isClosed(m.subject.Done())}
	v.Status.Index, v.Status.Totals.Waits = 0, bulk.Waits{} // see check
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		t := m.world.task(c.id)
		if t.phase == idle && c.state == "" && !m.called(c) {
			continue
		}
		cv := callView{Call: c.id, State: c.state, At: c.at}
		switch {
		case c.state != "":
			if c.drain != nil {
				cv.Refusal.InFlight = c.drain.InFlight
			} else if c.state == wasTurned && c.verb.try == nil {
				cv.Refusal = refusalOf(c.err)
			}
		case t.role == operation:
			cv.State = isWaiting
		default:
			cv.State = isDraining
		}
		v.Calls = append(v.Calls, cv)
	}
	return v
}

// called reports whether this step is to make a call.
func (m *machine) called(c *call) bool {
	return slices.ContainsFunc(m.world.scripts, func(s script) bool {
		return slices.ContainsFunc(s, func(mv move) bool { return mv.call == c.id })
	})
}

// adopt goes on from these worlds. What is over is forgotten.
func (m *machine) adopt(worlds []*world) {
	reacted := m.reacted() != nil
	for _, w := range worlds {
		w.scripts, w.makers, w.callback = nil, nil, nil
		w.model.Events, w.model.Decisions, w.decided = nil, nil, 0
		w.tasks = slices.DeleteFunc(w.tasks, func(t task) bool { return t.phase == over })
		for _, r := range w.removals {
			r.listener.until = r.seq // the same in all worlds, or else it was owed no event in between
		}
		w.removals = nil
	}
	m.worlds, m.world = worlds, worlds[0]
	for _, c := range m.calls {
		c.settled = c.state
		if in := c.inner; in != nil && !in.inside() {
			c.inner = nil // it can take orders again
		}
		if c.state == wasReleased {
			m.spent = append(m.spent, c.slot)
		}
	}
	m.calls = slices.DeleteFunc(m.calls, func(c *call) bool { return m.world.task(c.id) == nil })
	if reacted {
		m.reaction = nil
	}
	for _, l := range m.listeners {
		l.got = l.got[:0]
	}
	m.tied = ""
	if m.world.model.Closed {
		m.closedFor++
	}
	m.log, m.caught, m.statuses = m.log[:0], m.caught[:0], m.statuses[:0]
}

// differs reports what was seen and is not allowed.
func (m *machine) differs(s *search, seen view) {
	w := s.closest
	w.finish()
	want := w.view(s.led)
	m.story.outcome(w)
	how := "It must be (-), and is (+):\n"
	if s.tried > 1 {
		how = fmt.Sprintf("None of the %d orders that the contract allows explains it. "+
			"One that comes near must be (-), and it is (+):\n", s.tried)
	}
	what, note := "the subject is not as the model says", how+gocmp.Diff(want, seen, cmpopts.EquateEmpty())
	if seen.equal(want) {
		what, note = "the subject breaks a promise", m.checkDelivery(w)+m.deliveries(w)
	}
	m.fail(what, append(m.problems, note)...)
}

// fail ends the sequence.
func (m *machine) fail(what string, notes ...string) {
	m.failed = true
	m.story.fail(what, notes...)
}

package bulkheads

import "time"

// pass lets time pass, and looks at each instant at which something happens.
func (m *machine) pass(d time.Duration) {
	m.Story.Step()
	m.Did("%v pass", d)
	end := m.now.Add(d)
	for next, ok := m.nextInstant(); ok && !next.After(end); next, ok = m.nextInstant() {
		m.sleepUntil(next)
		m.settle()
	}
	m.sleepUntil(end)
	m.settle()
}

// nextInstant returns the earliest instant after now at which something may happen by
// itself, in any of the states.
func (m *machine) nextInstant() (next time.Time, ok bool) {
	consider := func(t time.Time, bounded bool) {
		// The clock of a bubble can't be set forward by centuries. Bounds that are
		// farther are there for the sums that they are part of.
		if bounded && t.After(m.now) && t.Sub(m.now) < 100*365*24*time.Hour && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	for _, s := range m.states {
		for _, w := range s.model.Room {
			consider(w.Until())
		}
		for i := range s.tasks {
			if t := &s.tasks[i]; (t.phase == waiting || t.phase == draining) && !s.ended[t.ctx.id] {
				consider(t.ctx.deadline, !t.ctx.deadline.IsZero())
			}
		}
	}
	return next, ok
}

// sleepUntil lets time pass without waiting for what happens then.
func (m *machine) sleepUntil(t time.Time) {
	d := t.Sub(m.now)
	m.mu.Lock()
	m.now = t
	m.mu.Unlock()
	for _, s := range m.states {
		s.now = t
	}
	time.Sleep(d)
}

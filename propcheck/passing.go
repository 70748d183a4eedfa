package propcheck

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// passPlan is how much time is to pass.
type passPlan struct {
	nth    int
	toNext bool // until about what happens next, if anything does
}

var passes = rapid.Custom(func(t *rapid.T) passPlan { return passPlan{nth.Draw(t, ""), third.Draw(t, "")} })

// Time passes: until a nanosecond on either side of what happens next, or
// nothing, or much.
func (m *machine) passSome(p passPlan) {
	d := pick(p.nth, ms, 2*ms, 1, 0, time.Hour)
	if next, ok := m.nextInstant(); ok && !p.toNext {
		left := next.Sub(m.now)
		d = pick(p.nth, left, left-1, left+1)
	}
	m.pass(d)
}

// pass lets time pass, and looks at each instant at which something happens.
func (m *machine) pass(d time.Duration) bool {
	m.story.next()
	m.story.did(func() string { return fmt.Sprintf("%v passes", d) })
	end := m.now.Add(d)
	for {
		next, ok := m.nextInstant()
		if !ok || next.After(end) {
			break
		}
		m.sleepUntil(next)
		if !m.settle() {
			return false
		}
	}
	m.sleepUntil(end)
	return m.settle()
}

// tick lets a nanosecond pass before each step of a calm sequence, so that no
// two operations arrive, or expire, at the same instant.
func (m *machine) tick() {
	if !m.calm || m.failed {
		return
	}
	if next, ok := m.nextInstant(); ok && next.Sub(m.now) <= 1 {
		m.pass(1)
	} else {
		m.sleepUntil(m.now.Add(1))
	}
}

// nextInstant returns the earliest instant at which something may happen by
// itself, in any of the worlds.
func (m *machine) nextInstant() (next time.Time, ok bool) {
	for _, w := range m.worlds {
		if t, some := w.nextInstant(); some && (!ok || t.Before(next)) {
			next, ok = t, true
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
	for _, w := range m.worlds {
		w.now = t
	}
	time.Sleep(d)
}

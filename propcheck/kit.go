package propcheck

import (
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// TestBulkhead checks what build makes against the [Model], in random sequences
// of actions, each of about -rapid.steps actions. There are as many as
// -rapid.checks says (100 if nothing is said) in which one thing happens at a
// time, and as many again in which several happen at one instant. It must not be
// called in a testing/synctest bubble.
//
// A failure is told as a story, made as short as it can be: what was done, what
// the model says, and what happened instead.
func TestBulkhead(t *testing.T, build Make) {
	t.Helper()
	check(t, build, nil)
}

// check is the heart of TestBulkhead. It counts what was reached.
func check(t *testing.T, build Make, counts *coverage) {
	t.Helper()
	var told report
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(told.String())
		}
	})
	// The calm ones come first. They run again as they ran before, so that what
	// they find is told in few steps, and most mistakes are found by them.
	rapid.Check(t, property(build, true, counts, &told))
	rapid.Check(t, property(build, false, counts, &told))
}

// property is what holds for every sequence of actions.
func property(build Make, calm bool, counts *coverage, told *report) func(*rapid.T) {
	return func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			counted, end := counts.newTally()
			defer end()
			first := setups.Draw(t, "subject")
			next := setups.Draw(t, "next subject")
			m := newMachine(t, first, build, calm, counted)
			defer func() { m.end() }()
			// All failures pass here, so that rapid takes them for the same one
			// and can make the sequence shorter.
			verdict := func(t *rapid.T) {
				if m.failed {
					told.take(&m.story)
					t.Fatal(m.story.failure)
				}
			}
			renewed := false
			t.Repeat(repertoire(calm, verdict, func() *machine {
				if !renewed && m.old() && m.windUp() {
					m.end()
					m = newMachine(t, next, build, calm, counted)
					renewed = true
				}
				return m
			}))
			m.windUp()
			verdict(t)
		})
	}
}

// old reports whether little is to be expected of m any more.
func (m *machine) old() bool { return m.closedFor > 8 }

// windUp closes the subject, and ends all that is in flight. Then it is drained,
// and nothing is left. It reports whether all is well.
func (m *machine) windUp() bool {
	if m.failed || !m.step(m.close()) {
		return false
	}
	for {
		list := m.flying(anyCall)
		if len(list) == 0 {
			return true
		}
		if !m.step(m.ending(list[len(list)-1], hasReturned)) {
			return false
		}
	}
}

// end frees whoever is still blocked, also if the subject has failed: a bubble
// must be left empty.
func (m *machine) end() {
	m.mu.Lock()
	m.closing = true
	m.mu.Unlock()
	for _, r := range m.contexts {
		r.end()
	}
	_ = m.subject.Close()
	for range 2 { // operations that were freed can free others
		for _, c := range m.calls {
			m.mu.Lock()
			slot := c.slot
			m.mu.Unlock()
			slot.Release()
			if c.gate != nil && !c.shut {
				c.shut = true
				close(c.gate)
			}
		}
		synctest.Wait()
	}
}

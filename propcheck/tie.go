package propcheck

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// tiePlan is any two or three things at one instant.
type tiePlan struct {
	due   bool // when something happens by itself
	apart bool // each on a goroutine of its own, not in turn on one
	parts []tiePart
}

type tiePart struct {
	what     string
	nth      int
	exit     string
	capacity capacityPlan
	arrival  arrivalPlan
}

var (
	tieKinds  = from(byRelease, byArrival, byCancel, "again", byResize, byRelease, "wait", byClose)
	tieCounts = from(2, 3, 2)
)

var tieParts = rapid.Custom(func(t *rapid.T) tiePart {
	return tiePart{tieKinds.Draw(t, ""), nth.Draw(t, ""), exits.Draw(t, ""), capacities.Draw(t, ""), arrivals.Draw(t, "")}
})

var ties = rapid.Custom(func(t *rapid.T) tiePlan {
	p := tiePlan{due: half.Draw(t, ""), apart: third.Draw(t, ""), parts: make([]tiePart, tieCounts.Draw(t, ""))}
	for i := range p.parts {
		p.parts[i] = tieParts.Draw(t, "")
	}
	return p
})

// Any two or three things happen at one instant.
func (m *machine) tie(p tiePlan) {
	m.story.next()
	if next, ok := m.nextInstant(); ok && p.due {
		m.waitFor(next)
	}
	var commands []command
	busy := map[int]bool{}
	idle := func(which func(*call) bool) []*call {
		return m.flying(func(c *call) bool { return !busy[c.id] && which(c) })
	}
	for _, part := range p.parts {
		switch part.what {
		case byRelease:
			if list := idle(anyCall); len(list) > 0 {
				c := pick(part.nth, list...)
				busy[c.id] = true
				commands = append(commands, m.ending(c, part.exit))
			}
		case "again":
			if list := idle(holdsSlot); len(list) > 0 {
				c := pick(part.nth, list...)
				busy[c.id] = true
				commands = append(commands, m.release(c), m.release(c))
				m.coverage.hit("double release at once")
			}
		case byCancel:
			if list := m.cancellable(); len(list) > 0 {
				commands = append(commands, m.cancel(pick(part.nth, list...)))
			}
		case byArrival:
			c, _ := m.arrival(m.arrivalOf(part.arrival), nil, false)
			commands = append(commands, c)
		case byResize:
			commands = append(commands, m.change(m.capacityOf(part.capacity)))
		case "wait":
			commands = append(commands, m.await(m.contextOf(part.arrival.context), part.nth == 3))
		case byClose:
			commands = append(commands, m.close())
		}
	}
	m.collide(p.apart, commands)
}

// collide does things at once, with all that is due now.
func (m *machine) collide(apart bool, commands []command) bool {
	kinds := m.dueKinds()
	for _, c := range commands {
		if c.kind != "" {
			kinds = append(kinds, c.kind)
		}
	}
	m.tied = tieName(kinds)
	if !apart {
		m.perform(nil, commands...)
	} else {
		for _, c := range commands {
			m.perform(nil, c)
		}
	}
	return m.settle()
}

// dueKinds returns what happens by itself at this instant.
func (m *machine) dueKinds() []string {
	var kinds []string
	for i := range m.world.tasks {
		switch t := &m.world.tasks[i]; {
		case t.phase == waiting && m.world.due(t):
			kinds = append(kinds, byExpiry)
		case (t.phase == waiting || t.phase == draining) && m.world.uncertain(t.context):
			kinds = append(kinds, byDeadline)
		}
	}
	return kinds
}

// tieName names a tie after what is due in it.
func tieName(kinds []string) string {
	if len(kinds) > 2 {
		return "three or more"
	}
	return strings.Join(slices.Sorted(slices.Values(kinds)), " & ")
}

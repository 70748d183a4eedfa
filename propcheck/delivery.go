package propcheck

import (
	"fmt"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/bulklink/bulklink-go/bulk"
)

// reported notes what OnHandlerPanic was told.
func (m *machine) reported(e bulk.Event, recovered any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.At.Equal(m.now) {
		e.At = m.now
	}
	m.caught = append(m.caught, caught{e, recovered})
}

// entry is one line of the log of a step: a call came to a new state, or a
// handler was given an event.
type entry struct {
	call     int
	listener *listener
	seq      uint64
}

// checkDelivery compares what the handlers were given in this step with what
// they are owed, and how, if the order is that of w. It says what is wrong.
func (m *machine) checkDelivery(w *world) string {
	for _, l := range m.listeners {
		if !slices.Equal(l.owed(w), l.bySeq()) {
			return fmt.Sprintf("handler %d was not given the right events", l.id)
		}
	}
	if len(m.listeners) == 0 {
		return ""
	}
	type pair struct{ listener, maker int }
	var (
		went  = make(map[int]int, len(m.log))     // when a call went on
		last  = make(map[uint64]int, len(m.log))  // the last handler that was given an event
		given = make(map[pair]uint64, len(m.log)) // the last event of a call that a handler was given
	)
	for i, e := range slices.Backward(m.log) {
		if e.listener == nil {
			went[e.call] = i
		}
	}
	for i, e := range m.log {
		if e.listener == nil {
			continue
		}
		// In the order in which they were added.
		if before, ok := last[e.seq]; ok && before >= e.listener.id {
			return fmt.Sprintf("handler %d was given event %d after handler %d", e.listener.id, e.seq, before)
		}
		last[e.seq] = e.listener.id
		// When a call returns, handlers have had every event of the transitions
		// that it made.
		made := slices.IndexFunc(w.model.Events, func(made bulk.Event) bool { return made.Seq == e.seq })
		maker := w.makers[made]
		if at, ok := went[maker]; ok && at < i {
			return fmt.Sprintf("#%d went on before handler %d had event %d (%v), which it made",
				maker, e.listener.id, e.seq, w.model.Events[made].Kind)
		}
		// Within one call: in the order of the transitions.
		p := pair{e.listener.id, maker}
		if given[p] > e.seq {
			return fmt.Sprintf("handler %d was given event %d after event %d, though #%d made both", e.listener.id, e.seq, given[p], maker)
		}
		given[p] = e.seq
	}
	return ""
}

// deliveries shows which events the handlers were owed and not given, or given
// and not owed.
func (m *machine) deliveries(w *world) string {
	var b strings.Builder
	for _, l := range m.listeners {
		if diff := gocmp.Diff(l.owed(w), l.bySeq()); diff != "" {
			fmt.Fprintf(&b, "\nHandler %d (- owed, + given):\n%s", l.id, diff)
		}
	}
	return b.String()
}

// reacted returns the reaction that took place in this step, if any did.
func (m *machine) reacted() *reaction {
	if m.reaction != nil && m.reaction.fired != 0 {
		return m.reaction
	}
	return nil
}

// checkReaction sees to it that a handler reacted if it had reason to. That it
// had reason if it did follows from the events that it was given.
func (m *machine) checkReaction(w *world) {
	if r := m.reaction; r != nil && r.fired == 0 && slices.ContainsFunc(w.model.Events, r.on) {
		m.problem("a handler did not react to an event: %v", r)
	}
}

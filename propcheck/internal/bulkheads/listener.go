package bulkheads

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

// listener is an event handler.
type listener struct {
	m      *machine
	id     int // in the order in which they were added
	panics bool
	remove func()

	// It is owed the events with a Seq above from, up to until.
	from, until uint64

	// Guarded by m.mu.
	got  []bulk.Event // in this step, as they came
	then *reaction    // what it does when it is given an event, once
}

// reaction is what a handler does, once, when it is given an event.
type reaction struct {
	on      bulk.EventKind // 0: any
	do      []command
	exits   bool   // and then it ends the goroutine
	removes bool   // it removes its own handler
	fired   uint64 // the Seq of the event to which it reacted
}

// entry is one line of the log of a step: a call came to a new outcome, or a
// handler was given an event.
type entry struct {
	call     int
	listener *listener
	seq      uint64
}

// caught is what OnHandlerPanic was told.
type caught struct {
	event     bulk.Event
	recovered any
}

func (l *listener) handle(e bulk.Event) {
	m := l.m
	m.mu.Lock()
	if m.closing {
		m.mu.Unlock()
		return
	}
	m.log = append(m.log, entry{listener: l, seq: e.Seq})
	if e.At.Equal(m.now) {
		e.At = m.now
	}
	l.got = append(l.got, e)
	if e.Kind == bulk.EventDrained && !isClosed(m.subject.Done()) {
		m.problem("drained was delivered before Done was closed")
	}
	then := l.then
	if then == nil || then.fired != 0 || then.on != 0 && then.on != e.Kind {
		then = nil
	} else {
		then.fired = e.Seq
	}
	m.mu.Unlock()
	if then != nil {
		for _, c := range then.do {
			c.run()
		}
		if then.exits {
			runtime.Goexit()
		}
	}
	if l.panics {
		panic(l)
	}
}

// reported notes what OnHandlerPanic was told.
func (m *machine) reported(e bulk.Event, recovered any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.At.Equal(m.now) {
		e.At = m.now
	}
	m.caught = append(m.caught, caught{e, recovered})
}

// isClosed reports whether a channel is closed on which nothing is ever sent.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// listen returns a listener that is owed all events from now on. It is still to
// be given to the subject.
func (m *machine) listen(panics bool) *listener {
	l := &listener{m: m, id: len(m.listeners), panics: panics, from: m.state.model.Seq, until: math.MaxUint64}
	m.listeners = append(m.listeners, l)
	return l
}

// witness returns a listener that is owed every event of this step.
func (m *machine) witness() *listener {
	for _, l := range m.listeners {
		if l.from <= m.state.model.Seq && l.until > m.state.model.Seq && (l.then == nil || !l.then.removes) {
			return l
		}
	}
	return nil
}

// owed returns those of the events of a step that l is to be given.
func (l *listener) owed(s *state) []bulk.Event {
	until := l.until
	for _, r := range s.removals {
		if r.listener == l {
			until = min(until, r.seq)
		}
	}
	events := s.model.Events
	if len(events) == 0 || l.from < events[0].Seq && until >= s.model.Seq {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e bulk.Event) bool { return e.Seq <= l.from || e.Seq > until })
}

// bySeq returns what l was given in this step in the order of the transitions.
func (l *listener) bySeq() []bulk.Event { return inOrder(l.got) }

func inOrder(events []bulk.Event) []bulk.Event {
	bySeq := func(a, b bulk.Event) int { return cmp.Compare(a.Seq, b.Seq) }
	if slices.IsSortedFunc(events, bySeq) { // nearly always
		return events
	}
	return slices.SortedFunc(slices.Values(events), bySeq)
}

// reacted returns the reaction that took place in this step, if any did.
func (m *machine) reacted() *reaction {
	if m.reaction != nil && m.reaction.fired != 0 {
		return m.reaction
	}
	return nil
}

// checkDelivery compares what the handlers were given in this step, and in which
// order, with what they are owed if s is what happened. It says what is wrong.
func (m *machine) checkDelivery(s *state) string {
	for _, l := range m.listeners {
		want := l.owed(s)
		if got := m.numbered(l.bySeq(), want); !slices.Equal(got, want) {
			return wrongEvents(l.id, got, want)
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
		made := slices.IndexFunc(s.model.Events, func(made bulk.Event) bool { return made.Seq == e.seq })
		maker := s.makers[made]
		if at, ok := went[maker]; ok && at < i {
			return fmt.Sprintf("#%d went on before handler %d had event %d (%v), which it made", maker, e.listener.id, e.seq, s.model.Events[made].Kind)
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

// numbered returns got, with the numbers of operations that arrived when there may
// have been no handler: their Op may be 0. The model numbers every operation.
func (m *machine) numbered(got, want []bulk.Event) []bulk.Event {
	if first := m.listeners[0]; first.from == 0 && first.until == math.MaxUint64 && (first.then == nil || !first.then.removes) {
		return got // there has been a handler from New on
	}
	got = slices.Clone(got)
	for i := range got {
		if i < len(want) && got[i].Op == 0 && got[i].Seq == want[i].Seq {
			got[i].Op = want[i].Op
		}
	}
	return got
}

// wrongEvents says how the events that a handler was given differ from those
// that it is owed.
func wrongEvents(handler int, got, want []bulk.Event) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got) || i < len(want) && got[i].Seq > want[i].Seq:
			return fmt.Sprintf("handler %d was not given event %d (%v)", handler, want[i].Seq, want[i].Kind)
		case i >= len(want) || got[i].Seq < want[i].Seq:
			return fmt.Sprintf("handler %d was given event %d (%v), which it is not owed", handler, got[i].Seq, got[i].Kind)
		case got[i] != want[i]:
			differences := kit.Differences(fmt.Sprintf("handler %d: event %d", handler, want[i].Seq), got[i], want[i])
			return differences[0]
		}
	}
	return ""
}

// checkHandlers sees to it that a handler reacted if it had reason to, and that
// OnHandlerPanic was told of each panic. That a handler had reason if it did
// react follows from the events that it was given.
func (m *machine) checkHandlers(s *state) {
	if r := m.reaction; r != nil && r.fired == 0 && slices.ContainsFunc(s.model.Events, func(e bulk.Event) bool { return r.on == 0 || r.on == e.Kind }) {
		m.problem("a handler did not react to an event")
	}
	for _, l := range m.listeners {
		var told []bulk.Event
		for _, r := range m.caught {
			if r.recovered == any(l) {
				told = append(told, r.event)
			}
		}
		if want := l.bySeq(); l.panics && !slices.Equal(inOrder(told), want) {
			m.problem("handler %d panicked %d times, OnHandlerPanic was told of %d", l.id, len(want), len(told))
		}
	}
}

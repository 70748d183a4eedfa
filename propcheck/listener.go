package propcheck

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
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
	text  string
	on    func(bulk.Event) bool
	do    []command
	moves script
	exits bool   // and then it ends the goroutine
	fired uint64 // Seq of the event to which it reacted
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
		e.At = m.now // how a time is represented is not the contract's business
	}
	l.got = append(l.got, e)
	if e.Kind == bulk.EventDrained && !isClosed(m.subject.Done()) {
		m.problem("drained was delivered before Done was closed")
	}
	then := l.then
	if then == nil || then.fired != 0 || !then.on(e) {
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
	l := &listener{m: m, id: len(m.listeners), panics: panics, from: m.world.model.Seq, until: math.MaxUint64}
	m.listeners = append(m.listeners, l)
	return l
}

// owed returns those of the events of a step that l is to be given.
func (l *listener) owed(w *world) []bulk.Event {
	until := l.until
	for _, r := range w.removals {
		if r.listener == l {
			until = min(until, r.seq)
		}
	}
	if events := w.model.Events; len(events) == 0 || l.from < events[0].Seq && until >= w.model.Seq {
		return events
	}
	return slices.DeleteFunc(slices.Clone(w.model.Events), func(e bulk.Event) bool { return e.Seq <= l.from || e.Seq > until })
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

// call sets what is called.
func (r *reaction) call(commands []command) { r.do, r.moves = commands, concat(commands) }

func (r *reaction) String() string {
	return fmt.Sprintf("a handler, when it is given an event: %s", r.text)
}

package bulkheads

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

// listener is an event handler.
type listener struct {
	m       *machine
	id      int // in the order in which they were added
	panics  bool
	remove  func()
	removed bool

	// Guarded by m.mu.
	got, caught []bulk.Event // in this step, as they came; those that OnHandlerPanic was told
	exited      uint64       // the Seq of the event with which it ended a goroutine
}

// entry is one line of the log of a step: an operation came to a new outcome, a
// command was done, or a handler was given an event.
type entry struct {
	maker    int
	listener *listener
	seq      uint64
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
	m.require(e.Kind != bulk.EventDrained || kit.IsClosed(m.subject.Done()), "drained was delivered before Done was closed")
	exits := m.exiting == l && l.exited == 0
	if exits {
		l.exited = e.Seq
	}
	m.mu.Unlock()
	if l.id%2 == 1 { // a handler may call any method that does not wait
		m.read()
		_, _ = m.subject.TryAcquireN(0)
	}
	if exits {
		for range 10 {
			runtime.Gosched() // others come in between
		}
		runtime.Goexit()
	}
	if l.panics {
		panic(l)
	}
}

// onHandlerPanic notes what it is told, and panics as well now and then.
func (m *machine) onHandlerPanic(e bulk.Event, recovered any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.At.Equal(m.now) {
		e.At = m.now
	}
	l := recovered.(*listener)
	if l.caught = append(l.caught, e); e.Seq%3 == 0 {
		panic("OnHandlerPanic panics")
	}
}

// listen returns a listener. It is still to be given to the subject, in a step without
// events.
func (m *machine) listen(panics bool) *listener {
	l := &listener{m: m, id: len(m.listeners), panics: panics}
	m.listeners = append(m.listeners, l)
	return l
}

// bySeq returns events in the order of the transitions.
func bySeq(events []bulk.Event) []bulk.Event {
	return slices.SortedFunc(slices.Values(events), func(a, b bulk.Event) int { return cmp.Compare(a.Seq, b.Seq) })
}

// checkDelivery compares what the handlers were given in this step, and in which
// order, with what they are owed if s is what happened. It says what is wrong.
func (m *machine) checkDelivery(s *state) string {
	for _, l := range m.listeners {
		got, want := bySeq(l.got), s.model.Events
		if l.removed {
			want = nil
		}
		for i := range max(len(got), len(want)) {
			switch {
			case i >= len(got) || i < len(want) && got[i].Seq > want[i].Seq:
				return fmt.Sprintf("handler %d was not given event %d (%v)", l.id, want[i].Seq, want[i].Kind)
			case i >= len(want) || got[i].Seq < want[i].Seq:
				return fmt.Sprintf("handler %d was given event %d (%v), which it is not owed", l.id, got[i].Seq, got[i].Kind)
			case got[i] != want[i]:
				return kit.Differences(fmt.Sprintf("handler %d: event %d", l.id, want[i].Seq), got[i], want[i])[0]
			}
		}
	}
	// The events that one call makes come in their order, each to the handlers in the order
	// in which these were added, and all of them before the call goes on.
	last := make(map[int]entry) // of each maker
	for _, e := range m.log {
		maker := e.maker
		if e.listener != nil {
			maker = s.makers[e.seq-s.model.Events[0].Seq]
		}
		before, ok := last[maker]
		last[maker] = e
		switch {
		case !ok || e.listener == nil:
		case before.listener == nil:
			return fmt.Sprintf("#%d went on before handler %d had event %d, which it made", maker, e.listener.id, e.seq)
		case e.seq < before.seq || e.seq == before.seq && e.listener.id < before.listener.id:
			return fmt.Sprintf("handler %d was given event %d after handler %d was given event %d, though #%d made both", e.listener.id, e.seq, before.listener.id, before.seq, maker)
		}
	}
	return ""
}

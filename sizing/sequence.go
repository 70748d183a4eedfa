package sizing

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// transition is what is kept of an event.
type transition struct {
	seq      uint64
	op       uint64
	at       int64 // nanoseconds since the origin of the observer
	slots    int
	kind     bulk.EventKind
	queued   bool
	placed   bool           // a place in the waiting room was free
	empty    bool           // no operation waits after it
	capacity *bulk.Capacity // resized only
}

func transitionOf(e *bulk.Event, origin time.Time) transition {
	t := transition{
		seq: e.Seq, op: e.Op, at: int64(e.At.Sub(origin)), slots: e.Slots, kind: e.Kind, queued: e.Queued,
		placed: e.Waiting < e.Capacity.WaitingRoom, empty: e.Waiting == 0,
	}
	if e.Kind == bulk.EventResized {
		c := e.Capacity
		t.capacity = &c
	}
	return t
}

// sequence puts transitions in the order of Seq. Events of different goroutines can be
// delivered out of order, because each delivers its own after it has released the lock of
// the bulkhead.
type sequence struct {
	next uint64       // Seq of the transition that comes next
	held []transition // by seq modulo its length, a power of two; seq 0: none
	len  int
}

// maxHeld is how far ahead of a missing transition others are kept.
const maxHeld = 1 << 14

// put calls do with t and those that were held for it, in order. If t is later than
// maxHeld others, it was no longer waited for, and do is told that it is late.
func (s *sequence) put(t transition, do func(t transition, late bool)) {
	if t.seq < s.next {
		do(t, true)
		return
	}
	if t.seq == s.next && s.len == 0 { // the usual case
		s.next++
		do(t, false)
		return
	}
	for t.seq-s.next >= maxHeld {
		s.advance(do)
	}
	s.hold(t)
	for s.len > 0 && s.held[s.next%uint64(len(s.held))].seq == s.next {
		s.advance(do)
	}
}

// advance takes the next transition, if it is there.
func (s *sequence) advance(do func(t transition, late bool)) {
	if s.len > 0 {
		if place := &s.held[s.next%uint64(len(s.held))]; place.seq == s.next {
			t := *place
			*place = transition{}
			s.len--
			s.next++
			do(t, false)
			return
		}
	}
	s.next++
}

func (s *sequence) hold(t transition) {
	if n := t.seq - s.next; n >= uint64(len(s.held)) {
		length := max(16, len(s.held))
		for uint64(length) <= n {
			length *= 2
		}
		held := make([]transition, length)
		for _, h := range s.held {
			if h.seq != 0 {
				held[h.seq%uint64(length)] = h
			}
		}
		s.held = held
	}
	s.held[t.seq%uint64(len(s.held))] = t
	s.len++
}

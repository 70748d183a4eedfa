package propcheck

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// At one instant several things can happen in any order: whoever takes the lock
// first. The machine can't arrange an order and need not know it. It lets them
// happen, looks at what came of it, and searches all orders that the contract
// allows for those that explain it. If there is none, the subject is wrong. If
// several do and lead to different worlds, all of them are followed up: later
// steps may tell which one is the true one.
//
// Nearly always there is exactly one order. If there are several, the events
// that a handler was given lead the search: they have the true order.

// search looks for the orders in which a world becomes what was observed.
type search struct {
	explains func(*world) bool // says whether what was seen is what should be seen
	led      bool              // there is a guide
	guide    []bulk.Event      // the events of this step, in Seq order
	heard    bool              // somebody listened, guide or not: it matters who made which event

	found []*world
	tried int                 // orders
	been  map[string]struct{} // where the search has been: other orders can lead to the same point

	// For the report if nothing is found: the order that agreed for longest.
	closest *world
	agreed  int
}

// tooMany is where a search is given up. It is far above what the actions of
// the machine can arrange.
const tooMany = 100_000

// run searches all orders in which things can go on from w, which it changes.
func (s *search) run(w *world) {
	var buf [16]choice
	for {
		w.rush()
		choices := w.choices(buf[:0])
		switch {
		case s.tried > tooMany:
			return
		case len(choices) == 0:
			s.arrive(w)
			return
		case len(choices) == 1:
			w.take(choices[0])
			if !s.agrees(w) {
				return
			}
		default:
			if s.again(w) {
				return
			}
			for _, c := range choices {
				v := w.clone()
				v.take(c)
				if s.agrees(v) {
					s.run(v)
				}
			}
			return
		}
	}
}

// again reports whether the search has been at this point before.
func (s *search) again(w *world) bool {
	if s.been == nil {
		s.been = make(map[string]struct{})
	}
	key := w.key(s.heard)
	_, been := s.been[key]
	s.been[key] = struct{}{}
	return been
}

// arrive is the end of an order.
func (s *search) arrive(w *world) {
	s.tried++
	if !s.explains(w) {
		s.remember(w)
		return
	}
	if !slices.ContainsFunc(s.found, w.same) {
		s.found = append(s.found, w)
	}
}

// agrees reports whether the events of w up to now are those that were seen.
func (s *search) agrees(w *world) bool {
	if !s.led {
		return true
	}
	n := len(w.model.Events)
	if n <= len(s.guide) && slices.Equal(w.model.Events, s.guide[:n]) {
		return true
	}
	s.tried++
	s.remember(w)
	return false
}

// remember keeps w if it is closer to what was seen than those before.
func (s *search) remember(w *world) {
	agreed := 0
	for agreed < min(len(w.model.Events), len(s.guide)) && w.model.Events[agreed] == s.guide[agreed] {
		agreed++
	}
	if s.closest == nil || agreed > s.agreed {
		s.closest, s.agreed = w.clone(), agreed
	}
}

// finish lets everything happen that is still to come, in some order.
func (w *world) finish() {
	for {
		w.rush()
		choices := w.choices(nil)
		if len(choices) == 0 {
			return
		}
		w.take(choices[0])
	}
}

// view is what can be seen of a subject between two steps, and what the model
// says should be seen.
type view struct {
	Status bulk.Status
	Done   bool // the channel is closed
	Calls  []callView
	Events []bulk.Event // of this step, if somebody listened
}

// callView is what can be seen of one call.
type callView struct {
	Call    int
	State   string
	At      time.Time // when it came into this state; not set while it waits
	Refusal rejection
}

func (v *view) equal(o view) bool {
	return v.Status == o.Status && v.Done == o.Done && slices.Equal(v.Calls, o.Calls) && slices.Equal(v.Events, o.Events)
}

// view returns what should be seen now.
func (w *world) view(events bool) view {
	v := view{Status: w.model.Status(w.now), Done: w.model.Drained, Calls: make([]callView, 0, len(w.tasks))}
	for i := range w.tasks {
		if t := &w.tasks[i]; t.phase != idle {
			v.Calls = append(v.Calls, callView{Call: t.id, State: t.seen(), At: t.at, Refusal: t.refusal})
		}
	}
	if events {
		v.Events = w.model.Events
	}
	return v
}

// seen returns the state that can be seen of a task when nothing moves any more.
func (t *task) seen() string {
	switch t.phase {
	case over:
		return t.state
	case inFlight:
		return isInFlight
	case draining:
		return isDraining
	default:
		return isWaiting
	}
}

package propcheck

import (
	"slices"
	"time"
)

// world is the model together with those who use it: how far each call has come
// at one instant, and which contexts are alive. The model knows what a step
// does; the world knows which steps can come next (moves.go), and all orders in
// which they can come (orders.go).
type world struct {
	model    *Model
	now      time.Time
	contexts []contextState
	tasks    []task
	scripts  []script
	makers   []int // for each of model.Events: the task that made it
	decided  int   // how many of model.Decisions are known to the tasks
	callback *callback
	removals []removal
}

// removal says when a handler was taken off.
type removal struct {
	listener *listener
	seq      uint64 // of the last event that it is owed
}

// contextState is what a world knows of a context. The first one never ends.
type contextState struct {
	dies time.Time // its deadline; zero if it has none
	done bool
}

// callback is what a handler does to the subject when it is given an event.
type callback struct {
	trigger uint64 // Seq of the event; 0 as long as it has not been given it
	script  script
	exits   bool // it ends the goroutine instead
}

func (w *world) clone() *world {
	c := *w
	c.model = w.model.Clone()
	c.contexts = slices.Clone(w.contexts)
	c.tasks = slices.Clone(w.tasks)
	c.scripts = slices.Clone(w.scripts)
	c.makers = slices.Clone(w.makers)
	c.removals = slices.Clone(w.removals)
	return &c
}

// arrival returns what the model has to know about an operation.
func (w *world) arrival(t *task) arrival {
	return arrival{Op: t.id, Slots: t.slots, Limits: t.limits, CtxDeadline: w.contexts[t.context].dies}
}

// uncertain reports whether a context is alive and may end at this instant: it
// makes a difference then when somebody looks at it.
func (w *world) uncertain(context int) bool {
	if context == 0 {
		return false
	}
	c := &w.contexts[context]
	return !c.done && (w.dead(context) || slices.ContainsFunc(w.scripts, func(s script) bool {
		return slices.ContainsFunc(s, func(m move) bool { return m.kind == moveCancel && m.context == context })
	}))
}

// dead reports whether a context has reached its deadline.
func (w *world) dead(context int) bool {
	dies := w.contexts[context].dies
	return !dies.IsZero() && !dies.After(w.now)
}

// due reports whether the wait of a task is at its bound. The ctx comes before
// the bound at the same instant: then the bound never decides.
func (w *world) due(t *task) bool {
	i := slices.IndexFunc(w.model.Room, func(r inRoom) bool { return r.Op == t.id })
	if i < 0 {
		return false
	}
	until, bounded := w.model.Room[i].Until()
	dies := w.contexts[t.context].dies
	return bounded && !until.After(w.now) && (dies.IsZero() || dies.After(until))
}

// tooFar is what the clock of a bubble, which ends in 2262, can't be set forward
// by. The bounds that are farther are there for the sums that they are part of.
const tooFar = 100 * 365 * 24 * time.Hour

// nextInstant returns the earliest instant after now at which something happens
// by itself.
func (w *world) nextInstant() (next time.Time, ok bool) {
	consider := func(t time.Time) {
		if t.After(w.now) && t.Sub(w.now) < tooFar && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	for _, r := range w.model.Room {
		if until, bounded := r.Until(); bounded {
			consider(until)
		}
	}
	for i := range w.tasks {
		switch t := &w.tasks[i]; t.phase {
		case waiting, draining:
			if c := w.contexts[t.context]; !c.done && !c.dies.IsZero() {
				consider(c.dies)
			}
		}
	}
	return next, ok
}

// contextDone reports whether a context has ended. One that is just being made
// is not known yet.
func (w *world) contextDone(context int) bool {
	return context < len(w.contexts) && w.contexts[context].done
}

// task returns the task of that id, which is there.
func (w *world) task(id int) *task {
	for i := range w.tasks {
		if w.tasks[i].id == id {
			return &w.tasks[i]
		}
	}
	return nil
}

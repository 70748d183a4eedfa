package propcheck

import (
	"time"

	"github.com/bulklink/bulklink-go/propcheck/model"
)

// look is the look at a ctx that is still alive and may end before the next
// step.
func (w *world) look(t *task) {
	switch t.phase {
	case arriving:
		t.phase = deciding
	case waiting:
		t.phase = waking
	case handed:
		w.start(t)
	}
}

// next is the next step of a task: what it does when it takes the lock.
func (w *world) next(t *task) {
	m, done := w.model, w.contexts[t.context].done
	switch t.phase {
	case arriving, deciding:
		m.Arrive(w.now, w.arrival(t), t.phase == arriving && done)
	case waiting, waking:
		if t.phase == waiting && done {
			m.Cancel(w.now, t.id)
		} else {
			m.Expire(w.now, t.id)
		}
	case handed:
		m.Abandon(w.now, t.id)
	case ending:
		m.Release(w.now, t.id)
		w.end(t, t.state)
		w.up(t)
	case leaving:
		if w.flying(t.id) {
			m.Abandon(w.now, t.id)
		} else {
			m.Cancel(w.now, t.id)
		}
	case closing:
		m.Close(w.now)
		t.phase = draining
	case draining:
		t.refusal.InFlight = len(m.InFlight)
		w.end(t, hasGivenUp)
	}
}

// do makes a move of a script.
func (w *world) do(m move) {
	call := w.task(m.call)
	switch m.kind {
	case moveStart:
		call.phase = map[role]phase{operation: arriving, waiter: draining, shutter: closing}[call.role]
		return
	case moveOrder:
		t := w.task(m.target)
		t.phase, t.state = ending, m.exit
	case moveRelease:
		if w.flying(m.target) {
			w.model.Release(w.now, m.target)
			w.end(w.task(m.target), wasReleased)
		}
	case moveCancel:
		w.contexts[m.context].done = true
	case moveClose:
		w.model.Close(w.now)
	case moveChange:
		to := m.capacity
		if m.resize {
			to = w.model.Capacity
			to.Parallelism = m.capacity.Parallelism
		}
		switch w.model.SetCapacity(w.now, to) {
		case model.Invalid:
			w.end(call, wasBadValue)
			return
		case model.RejectedClosed:
			w.end(call, wasTooLate)
			return
		}
	case moveUnlisten:
		w.removals = append(w.removals, removal{m.listener, w.model.Seq})
	}
	w.end(call, isDone)
}

func (w *world) flying(id int) bool {
	for _, f := range w.model.InFlight {
		if f.Op == id {
			return true
		}
	}
	return false
}

// start lets an operation run.
func (w *world) start(t *task) { t.phase, t.at = inFlight, w.now }

func (w *world) end(t *task, state string) { t.phase, t.state, t.at = over, state, w.now }

// learn tells the tasks what was decided in a step that maker made.
func (w *world) learn(maker int) {
	m := w.model
	gone := false // a handler ended the goroutine of maker
	for len(w.makers) < len(m.Events) {
		if cb := w.callback; cb != nil && m.Events[len(w.makers)].Seq == cb.trigger {
			w.scripts = append(w.scripts, cb.script)
			gone = cb.exits
		}
		w.makers = append(w.makers, maker)
	}
	for ; w.decided < len(m.Decisions); w.decided++ {
		d := m.Decisions[w.decided]
		t := w.task(d.Op)
		switch {
		case t.phase == leaving && d.Verdict == model.Rejected:
			w.end(t, hasExited)
		case gone && d.Op == maker && d.Verdict != model.Rejected, t.phase == leaving:
			t.phase = leaving // also if it is handed its slots before it has left
		case d.Verdict == model.Rejected:
			if !t.try {
				t.refusal = d.Rejection
			}
			w.end(t, wasTurned)
		case d.Verdict == model.Queued:
			t.phase, t.at = waiting, time.Time{}
		case d.Rule == 5 || t.phase == waking:
			// At once, or it was about to leave when it was handed its slots,
			// and had seen its ctx alive: once handed over, it runs.
			w.start(t)
		default:
			t.phase = handed
		}
	}
	if t := w.task(maker); gone && t.phase == over {
		// What it did is done, but it does not return.
		t.state, t.refusal = hasExited, rejection{}
		w.up(t)
	}
}

// up lets the end of a goroutine, or a panic, go on through the operation around
// t.
func (w *world) up(t *task) {
	if p := w.task(t.parent); p != nil && (t.state == hasPanicked || t.state == hasExited) {
		p.phase, p.state = ending, t.state
	}
}

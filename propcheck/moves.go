package propcheck

// choice is one thing that can happen next: the next move of a script, the end
// of a context by its deadline, or the next step of a task.
type choice struct {
	script, context int // -1 if it is none
	task            int // index
	look            bool
}

// rush does all that touches nobody else, so that its order makes no
// difference.
func (w *world) rush() {
	for i, s := range w.scripts {
		for len(s) > 0 && s[0].private() && w.ready(s[0]) {
			w.do(s[0])
			s = s[1:]
		}
		w.scripts[i] = s
	}
	for i := range w.tasks {
		switch t := &w.tasks[i]; t.phase {
		case handed:
			// ctx is alive when it wakes: it starts.
			if c := w.contexts[t.context]; !c.done && !w.uncertain(t.context) {
				w.start(t)
			}
		case draining:
			// nil when drained, even with a done ctx.
			if w.model.Drained {
				w.end(t, hasDrained)
			}
		}
	}
}

// choices returns all that can happen next.
func (w *world) choices(list []choice) []choice {
	for i, s := range w.scripts {
		if len(s) > 0 && w.ready(s[0]) {
			list = append(list, choice{script: i, context: -1})
		}
	}
	for i, c := range w.contexts {
		if !c.done && w.dead(i) {
			list = append(list, choice{script: -1, context: i})
		}
	}
	for i := range w.tasks {
		t := &w.tasks[i]
		alive := !w.contexts[t.context].done
		// A look is a choice of its own only if it can see two things.
		look := alive && w.uncertain(t.context)
		switch t.phase {
		case arriving:
		case deciding, waking, ending, leaving, closing:
			look = false
		case waiting:
			if alive && !w.due(t) {
				continue
			}
		case handed:
		case draining:
			if alive {
				continue
			}
		default:
			continue
		}
		list = append(list, choice{script: -1, context: -1, task: i, look: look})
	}
	return list
}

// ready reports whether m can be made: what its goroutine did before is decided.
func (w *world) ready(m move) bool {
	t := w.task(m.after)
	return t == nil || t.phase != arriving && t.phase != deciding
}

// private reports whether m changes nothing that others could see: what it sets
// going may still come later.
func (m move) private() bool {
	return m.kind == moveStart || m.kind == moveOrder || m.kind == moveNothing
}

// take lets c happen.
func (w *world) take(c choice) {
	switch {
	case c.script >= 0:
		m := w.scripts[c.script][0]
		w.scripts[c.script] = w.scripts[c.script][1:]
		w.do(m)
		w.learn(m.call)
	case c.context >= 0:
		w.contexts[c.context].done = true
	case c.look:
		w.look(&w.tasks[c.task])
	default:
		id := w.tasks[c.task].id
		w.next(&w.tasks[c.task])
		w.learn(id)
	}
}

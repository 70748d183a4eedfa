package bulkheads

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// machine drives a subject and its states side by side.
type machine struct {
	story    *kit.Story
	counts   *kit.Coverage
	dice     *kit.Dice // of this step
	start    time.Time
	build    NewFunc
	subject  Subject
	bulkhead *bulk.Bulkhead  // the subject, if it is one
	done     <-chan struct{} // what Done returned at the very beginning
	other    *bulk.Bulkhead  // with the same label
	verbs    []*verb
	calm     bool // one thing at a time, never two at the same instant

	state    *state   // the first of states
	states   []*state // all that explain what was seen up to now
	incoming []func(*state)
	calls    []*call // those that are compared: not over before this step
	lastCall int
	contexts []*ctxRef
	guards   []*call     // with functions that Guard1 returned
	spent    []bulk.Slot // were released

	listeners []*listener
	reaction  *reaction // of a handler that is still to react, or did in this step
	readings  uint64    // Status calls
	rejected  error     // what an operation was rejected with, if any was
	compared  int       // waits that the histogram was compared with
	closedFor int       // steps since Close
	tied      []kind    // what happens at one instant in this step

	mu sync.Mutex
	// Guarded by mu: written on any goroutine, read when none can move.
	now      time.Time
	log      []entry
	problems []string
	caught   []caught
	statuses []bulk.Status // taken in this step
	closing  bool          // the sequence is over
}

// setup is how a subject is made.
type setup struct {
	label        string
	capacity     bulk.Capacity
	panics       []bool // one for each handler given to New: it panics
	reportPanics bool   // OnHandlerPanic panics as well
}

func drawSetup(d *kit.Dice) setup {
	return setup{
		label: pick(d, "subject", "another\n\"label\""),
		capacity: bulk.Capacity{
			Parallelism: pick(d, 1, 2, 1, 3, 2, 4), WaitingRoom: pick(d, 2, 1, 3, 0, 5), WaitLimit: pick(d, 0, 3*ms, 0, 5*ms),
		},
		panics:       pick(d, []bool{false}, nil, []bool{false}, []bool{false, true}, []bool{true}),
		reportPanics: d.OneIn(3),
	}
}

func newMachine(s setup, build NewFunc, calm bool, story *kit.Story, counts *kit.Coverage) *machine {
	m := &machine{story: story, counts: counts, build: build, calm: calm, now: time.Now(), start: time.Now()}
	m.state = &state{model: model.New(s.label, s.capacity), now: m.now}
	m.state.model.Listening = true // see numbered
	m.states = []*state{m.state}
	m.newContext(background, 0)
	opts := []bulk.Option{bulk.WaitingRoom(s.capacity.WaitingRoom), bulk.WaitLimit(s.capacity.WaitLimit)}
	for _, panics := range s.panics {
		opts = append(opts, bulk.OnEvent(m.listen(panics).handle))
	}
	opts = append(opts, bulk.OnHandlerPanic(func(e bulk.Event, recovered any) {
		m.reported(e, recovered)
		if s.reportPanics {
			panic("OnHandlerPanic panics")
		}
	}))
	story.Did("A subject %q is made: parallelism %d, waiting room %d, wait limit %v; handlers: %d.",
		s.label, s.capacity.Parallelism, s.capacity.WaitingRoom, s.capacity.WaitLimit, len(s.panics))
	subject, err := build(s.label, s.capacity.Parallelism, opts...)
	story.Must(err == nil, "it was not made: %v", err)
	m.subject, m.done, m.verbs = subject, subject.Done(), verbsOf(subject)
	m.bulkhead, _ = subject.(*bulk.Bulkhead)
	m.other = bulk.Must(bulk.New(s.label, 1))
	m.state.model.ID = m.read().ID
	story.Must(m.other.Status().ID != m.state.model.ID, "two bulkheads have the same ID")
	m.settle()
	return m
}

// bring lets f bring something new into all states, when the step is compared.
func (m *machine) bring(f func(*state)) { m.incoming = append(m.incoming, f) }

// command is something to be done to the subject.
type command struct {
	kind  kind
	call  *call                     // the call that it makes; nil for an order to one that is there
	apart bool                      // the call goes on on another goroutine
	into  func(s *state, after int) // what it means to a state
	run   func()                    // does it, on the goroutine of whoever calls
	text  any
}

// do does things one after the other on one goroutine, without anything settling
// between them: a new one, or that of the operation host.
func (m *machine) do(host *call, commands ...command) {
	m.introduce(0, commands)
	for _, c := range commands {
		m.story.Did("%v", c.text)
	}
	run := func() {
		for _, c := range commands {
			c.run()
		}
	}
	if host == nil {
		go run()
	} else {
		host.gate <- order{do: run}
	}
}

// introduce brings commands into all states, each after what was done before it,
// and the first one after the event since.
func (m *machine) introduce(since uint64, commands []command) {
	after := 0
	for _, c := range commands {
		before, since := after, since
		m.bring(func(s *state) {
			n := len(s.tasks)
			c.into(s, before)
			for i := range s.tasks[n:] {
				s.tasks[n+i].since = since
			}
		})
		if c.call == nil {
			continue
		}
		m.calls = append(m.calls, c.call)
		if !c.apart {
			after = c.call.id
		}
	}
}

// step does things one after the other, waits until nothing moves, and compares.
func (m *machine) step(commands ...command) {
	m.story.Step()
	m.do(nil, commands...)
	m.settle()
}

// settle waits until nothing moves, and compares all that can be seen with what
// the contract allows.
func (m *machine) settle() {
	synctest.Wait()
	m.begin()
	seen := m.look()
	f := &search{heard: len(m.listeners) > 0}
	if l := m.witness(); l != nil {
		f.guided, f.guide = true, l.bySeq()
	}
	f.accepts = func(s *state) bool {
		want := s.look()
		return seen.equal(want) && m.checkDelivery(s) == ""
	}
	before := m.state.clone()
	for _, s := range m.states {
		f.been = make(map[uint64]bool) // the points of another state are other points
		f.run(s)
	}
	if len(f.found) == 0 {
		m.differs(f, seen)
	}
	m.check(f.found[0], seen.status)
	m.tell(f.found[0])
	m.count(before, f)
	if len(m.problems) > 0 {
		m.story.Fail(slices.Compact(m.problems)...)
	}
	m.adopt(f.found)
}

// begin brings into all states what the step began with.
func (m *machine) begin() {
	if r := m.reacted(); r != nil {
		m.introduce(r.fired, r.do)
		if r.exits {
			m.bring(func(s *state) { s.exitAt = r.fired })
		}
	}
	for _, s := range m.states {
		s.contexts = m.contexts
		for i := range s.ended {
			// What ended at an earlier instant has surely ended.
			if at := m.contexts[i].deadline; !at.IsZero() && at.Before(m.now) {
				s.ended[i] = true
			}
		}
		s.statuses = append(s.statuses, s.model.Status(s.now))
		for _, f := range m.incoming {
			f(s)
		}
	}
	m.incoming = nil
}

// view is what can be seen between two steps, of a subject or of a state.
type view struct {
	status bulk.Status
	done   bool // the channel is closed
	calls  []callView
}

// callView is what can be seen of one call.
type callView struct {
	call      *call
	outcome   Outcome
	at        time.Time // when it came to that; not set while it waits
	rejection model.Rejection
}

func (v view) equal(o view) bool {
	return v.status == o.status && v.done == o.done && slices.Equal(v.calls, o.calls)
}

// look returns what can be seen of the subject.
func (m *machine) look() view {
	v := view{status: m.read(), done: isClosed(m.subject.Done())}
	v.status.Index, v.status.Totals.Waits = 0, bulk.Waits{} // see checkStatuses
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		cv := callView{call: c, outcome: c.outcome, at: c.at}
		switch {
		case c.outcome == Rejected && !c.verb.yesOrNo():
			cv.rejection = rejectionOf(c.err)
		case c.outcome == GaveUp:
			cv.rejection.InFlight = c.drain.InFlight
		case c.outcome == Waiting && c.waits:
			cv.outcome = Draining
		}
		v.calls = append(v.calls, cv)
	}
	return v
}

// look returns what can be seen by the contract.
func (s *state) look() view {
	v := view{status: s.model.Status(s.now), done: s.model.Drained, calls: make([]callView, 0, len(s.tasks))}
	for i := range s.tasks {
		t := &s.tasks[i]
		v.calls = append(v.calls, callView{t.call, t.outcome(), t.at, t.rejection})
	}
	return v
}

// read takes a Status, which is looked at at the end of the step.
func (m *machine) read() bulk.Status {
	s := m.subject.Status()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readings++
	if s.At.Equal(m.now) {
		s.At = m.now // how a time is represented is not the contract's business
	}
	m.statuses = append(m.statuses, s)
	return s
}

// adopt goes on from these states. What is over is forgotten.
func (m *machine) adopt(states []*state) {
	for _, s := range states {
		s.makers, s.statuses, s.exitAt, s.decided = nil, nil, 0, 0
		s.model.Events, s.model.Decisions = nil, nil
		s.tasks = slices.DeleteFunc(s.tasks, func(t task) bool { return t.phase == over })
		for i := range s.tasks {
			s.tasks[i].after, s.tasks[i].since = 0, 0
		}
		for _, r := range s.removals {
			r.listener.until = r.seq // the same in all states, or else it was owed no event in between
		}
		s.removals = nil
	}
	m.states, m.state = states, states[0]
	for _, c := range m.calls {
		c.settled = c.outcome
		if in := c.inner; in != nil && !(in.outcome == Waiting || in.verb.run != nil && in.outcome == InFlight) {
			c.inner = nil // c can take orders again
		}
		if c.outcome == Released {
			m.spent = append(m.spent, c.slot)
		}
	}
	m.calls = slices.DeleteFunc(m.calls, func(c *call) bool { return m.state.task(c.id) == nil })
	if m.reacted() != nil {
		m.reaction = nil
	}
	for _, l := range m.listeners {
		l.got = l.got[:0]
	}
	if m.state.model.Closed {
		m.closedFor++
	}
	m.log, m.caught, m.statuses, m.tied = m.log[:0], m.caught[:0], m.statuses[:0], m.tied[:0]
}

// tell adds to the story what came of a step.
func (m *machine) tell(s *state) {
	at := m.now.Sub(m.start)
	for _, d := range s.model.Decisions {
		if s.task(d.Op) != nil {
			m.story.Came("%v: %v", at, d)
		}
	}
	for i := range s.tasks {
		if t := &s.tasks[i]; t.phase == over && t.end != Done && t.end != Rejected {
			m.story.Came("%v: #%d is %v", at, t.id, t.end)
		}
	}
}

// differs fails with what was seen and is not allowed.
func (m *machine) differs(f *search, seen view) {
	s := f.closest
	s.complete()
	m.story.Came("by the contract:")
	m.tell(s)
	problems := m.problems
	if f.tried > 1 {
		problems = append(problems, fmt.Sprintf("none of the %d orders in which this can happen explains what is seen; for one that comes near:", f.tried))
	}
	want := s.look()
	for i, w := range want.calls {
		var what []string
		switch got := seen.calls[i]; {
		case got.outcome != w.outcome:
			what = append(what, fmt.Sprintf("is %v; by the contract it is %v", got.outcome, w.outcome))
		case !got.at.Equal(w.at):
			what = append(what, fmt.Sprintf("is %v since %v; by the contract since %v", got.outcome, got.at.Sub(m.start), w.at.Sub(m.start)))
		default:
			what = kit.Differences("AdmissionError", got.rejection, w.rejection)
		}
		for _, text := range what {
			problems = append(problems, fmt.Sprintf("%v %s", w.call, text))
		}
	}
	problems = append(problems, kit.Differences("Status()", seen.status, want.status)...)
	if seen.done != want.done {
		problems = append(problems, fmt.Sprintf("that Done is closed is %t; by the contract %t", seen.done, want.done))
	}
	if wrong := m.checkDelivery(s); wrong != "" {
		problems = append(problems, wrong)
	}
	m.story.Fail(problems...)
}

// problem notes that something is wrong that is not seen by comparing views. mu
// is held, or nothing moves.
func (m *machine) problem(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// note is problem for those who don't hold mu.
func (m *machine) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problem(format, args...)
}

// Finish closes the subject, and ends all that is in flight. Then it is drained,
// and nothing is left.
func (m *machine) Finish() {
	m.step(m.close())
	for list := m.inFlight(anyCall); len(list) > 0; list = m.inFlight(anyCall) {
		m.step(m.ending(list[len(list)-1], Returned))
	}
}

// End frees whoever is still blocked, also if the subject has failed.
func (m *machine) End() {
	m.mu.Lock()
	m.closing = true
	m.mu.Unlock()
	for _, c := range m.contexts {
		c.end()
	}
	if m.subject == nil {
		return
	}
	_ = m.subject.Close()
	for range 2 { // operations that were freed can free others
		for _, c := range m.calls {
			m.mu.Lock()
			slot := c.slot
			m.mu.Unlock()
			slot.Release()
			if c.gate != nil && !c.shut {
				c.shut = true
				close(c.gate)
			}
		}
		synctest.Wait()
	}
}

// pass lets time pass, and looks at each instant at which something happens.
func (m *machine) pass(d time.Duration) {
	m.story.Step()
	m.story.Did("%v pass", d)
	end := m.now.Add(d)
	for next, ok := m.nextInstant(); ok && !next.After(end); next, ok = m.nextInstant() {
		m.sleepUntil(next)
		m.settle()
	}
	m.sleepUntil(end)
	m.settle()
}

// nextInstant returns the earliest instant at which something may happen by
// itself, in any of the states.
func (m *machine) nextInstant() (next time.Time, ok bool) {
	for _, s := range m.states {
		if t, some := s.nextInstant(); some && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	return next, ok
}

// sleepUntil lets time pass without waiting for what happens then.
func (m *machine) sleepUntil(t time.Time) {
	d := t.Sub(m.now)
	m.mu.Lock()
	m.now = t
	m.mu.Unlock()
	for _, s := range m.states {
		s.now = t
	}
	time.Sleep(d)
}

// tieName names what happens at one instant.
func tieName(kinds []kind) string {
	if len(kinds) > 2 {
		return "three or more"
	}
	names := make([]string, 0, 2)
	for _, k := range kinds {
		names = append(names, k.String())
	}
	slices.Sort(names)
	return strings.Join(names, " & ")
}

package bulkheads

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// machine drives a subject and its states side by side.
type machine struct {
	*kit.Story
	kit.Coverage
	d        *kit.Dice // of this step
	began    time.Time
	build    NewFunc
	subject  Subject
	bulkhead *bulk.Bulkhead  // the subject, if it is one
	done     <-chan struct{} // what Done returned at the very beginning
	other    *bulk.Bulkhead  // with the same label
	verbs    []*verb
	calm     bool // one thing at a time, never two at the same instant

	state      *state       // the first of states
	states     []*state     // all that explain what was seen up to now
	operations []*operation // those that are compared: not over before this step
	last       int
	contexts   []*ctxRef
	listeners  []*listener
	exiting    *listener // ends the goroutine on which it is called
	spent      []bulk.Slot
	rejected   error // what an operation was rejected with, if any was
	readings   uint64

	busy []*operation // were told to end in this step
	tied []kind       // what happens at one instant in this step

	mu sync.Mutex
	// Guarded by mu: written on any goroutine, read when none can move.
	now      time.Time
	log      []entry
	problems []string
	statuses []bulk.Status // taken in this step
	closing  bool          // the sequence is over
}

// New returns what makes a machine for what build makes.
func New(build NewFunc, calm bool, counts kit.Coverage) kit.NewMachine {
	return func(d *kit.Dice, story *kit.Story) kit.Machine {
		label := pick(d, "subject", "another\n\"label\"")
		c := bulk.Capacity{Parallelism: pick(d, 1, 2, 1, 3, 2, 4, 1, bulk.Unlimited), WaitingRoom: pick(d, 2, 1, 3, 0, 5), WaitLimit: pick(d, 0, 3*ms, 0, 5*ms)}
		handlers := pick(d, []bool{false}, nil, []bool{false}, []bool{false, true}, []bool{true})
		m := &machine{d: d, Story: story, Coverage: counts, build: build, calm: calm, now: time.Now(), began: time.Now()}
		m.state = &state{model: model.New(label, c), now: m.now}
		m.state.model.Handlers = len(handlers)
		m.states = []*state{m.state}
		m.addContext(&ctxRef{Context: context.Background(), text: "background"})
		opts := []bulk.Option{bulk.WaitingRoom(c.WaitingRoom), bulk.WaitLimit(c.WaitLimit), bulk.OnHandlerPanic(m.onHandlerPanic)}
		if c.WaitLimit == 0 && d.OneIn(2) {
			c.DelayTarget, c.DelayInterval = ms, 3*ms
			opts = append(opts, bulk.ControlDelay(ms, 3*ms))
		}
		if m.state.model.Capacity = c; d.OneIn(2) {
			m.state.model.TrackHolds = true
			opts = append(opts, bulk.TrackHolds())
		}
		for _, panics := range handlers {
			opts = append(opts, bulk.OnEvent(m.listen(panics).handle))
		}
		m.Did("A subject %q is made: %+v; handlers: %d.", label, c, len(handlers))
		subject, err := build(label, c.Parallelism, opts...)
		m.Must(err == nil, "it was not made: %v", err)
		m.subject, m.done, m.verbs = subject, subject.Done(), verbsOf(subject)
		m.bulkhead, _ = subject.(*bulk.Bulkhead)
		m.other = bulk.Must(bulk.New(label, 1))
		m.state.model.ID = m.read().ID
		m.Must(m.other.Status().ID != m.state.model.ID, "two bulkheads have the same ID")
		if m.settle(); d.OneIn(4) {
			m.churn()
		}
		return m
	}
}

// Step does one action, and compares.
func (m *machine) Step(d *kit.Dice) {
	m.d = d
	if !m.calm {
		pick(d, allActions...)(m)
		return
	}
	// No two operations arrive, or expire, at the same instant.
	if next, ok := m.nextInstant(); ok && next.Sub(m.now) <= 1 {
		m.pass(1)
	} else {
		m.sleepUntil(m.now.Add(1))
	}
	pick(d, calmActions...)(m)
}

func (m *machine) step(commands ...command) {
	m.Story.Step()
	m.do(commands...)
}

// do does things one after the other on one goroutine, waits until nothing moves,
// and compares.
func (m *machine) do(commands ...command) {
	for i := range commands {
		c := &commands[i]
		c.id = -1 - i
		m.Did("%s", c.text)
		if c.operation != nil {
			m.operations = append(m.operations, c.operation)
		}
	}
	yields := m.d.OneIn(2) // so that others come in between
	go func() {
		defer func() {
			for _, c := range commands {
				if c.cancels != nil {
					c.cancels.late()
				}
			}
		}()
		m.perform(commands, yields)
	}()
	for _, s := range m.states {
		s.script = commands
	}
	m.settle()
}

// perform runs commands one after the other; the deferred ones also if a handler ends the
// goroutine.
func (m *machine) perform(commands []command, yields bool) {
	if len(commands) == 0 {
		return
	}
	defer m.perform(commands[1:], yields)
	defer func() {
		if r := recover(); r != nil {
			m.demand(false, "panic: %v\n%s", r, debug.Stack())
		}
		m.mu.Lock()
		m.log = append(m.log, entry{maker: commands[0].id})
		m.mu.Unlock()
		for i := 0; i < 3 && yields; i++ {
			runtime.Gosched()
		}
	}()
	commands[0].run()
}

// settle waits until nothing moves, and compares all that can be seen with what
// the contract allows.
func (m *machine) settle() {
	synctest.Wait()
	for _, s := range m.states {
		s.statuses = append(s.statuses, s.model.Status(s.now))
		for i, c := range m.contexts {
			// What ended at an earlier instant has surely ended.
			s.ended[i] = s.ended[i] || !c.deadline.IsZero() && c.deadline.Before(m.now)
		}
		if l := m.exiting; l != nil && l.exited > 0 {
			s.exitAt = l.exited
		}
	}
	last := m.read()
	status := last
	status.Index, status.Totals.Waits = 0, bulk.Waits{} // see check
	f := &search{heard: len(m.listeners) > 0, ends: make(map[uint64]bool)}
	f.accepts = func(s *state) bool {
		return status == s.model.Status(s.now) && s.explains() && s.wrong == "" && m.wrongStatus(s) == "" && m.checkDelivery(s) == ""
	}
	before := m.state.clone()
	for _, s := range m.states {
		f.been = make(map[uint64]bool) // the points of another state are other points
		f.run(s)
	}
	if len(f.found) == 0 {
		m.differs(f, status)
	}
	m.check(f.found[0], last)
	m.tell(f.found[0])
	m.count(before, f)
	if len(m.problems) > 0 {
		m.Fail(slices.Compact(m.problems)...)
	}
	m.adopt(f.found)
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
		s.script, s.makers, s.statuses, s.exitAt, s.decided = nil, nil, nil, 0, 0
		s.model.Events, s.model.Decisions = nil, nil
		s.tasks = slices.DeleteFunc(s.tasks, func(t task) bool { return t.phase == over })
	}
	m.states, m.state = states, states[0]
	m.operations = slices.DeleteFunc(m.operations, func(o *operation) bool {
		over := m.state.task(o.ID) == nil
		if over && o.Slot != (bulk.Slot{}) {
			m.spent = append(m.spent, o.Slot)
		}
		return over
	})
	if m.exiting != nil && m.exiting.exited > 0 {
		m.exiting = nil
	}
	for _, l := range m.listeners {
		l.got, l.caught = l.got[:0], l.caught[:0]
	}
	m.log, m.statuses, m.tied, m.busy = m.log[:0], m.statuses[:0], m.tied[:0], nil
}

// Finish closes the subject, and ends all that is in flight. Then it is drained,
// and nothing is left.
func (m *machine) Finish() {
	m.step(m.close())
	for list := m.inFlight(); len(list) > 0; list = m.inFlight() {
		m.step(m.ending(list[len(list)-1], kit.Ending{Exit: kit.Returns}))
	}
}

// End frees the goroutines that are still blocked, also if the subject has failed.
func (m *machine) End() {
	m.mu.Lock()
	m.closing = true
	m.mu.Unlock()
	for _, c := range m.contexts[1:] {
		c.end()
		c.late()
	}
	_ = m.subject.Close()
	for _, o := range m.operations {
		close(o.End)
	}
}

package propcheck

import (
	"fmt"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// machine drives a subject and the model side by side, step by step. A step does
// one thing to the subject, or several at one instant, waits until nothing moves
// any more, and compares.
type machine struct {
	build    Make
	subject  Subject
	bulkhead *bulk.Bulkhead  // the subject, if it is one
	done     <-chan struct{} // what Done returned at the very beginning
	verbs    []verb
	calm     bool // one thing at a time, never two at the same instant

	world    *world   // the first of worlds
	worlds   []*world // all that explain what was seen up to now
	incoming incoming
	calls    []*call // those that are compared: not over before this step
	lastCall int
	contexts []*contextRef
	guards   []arrivalSpec // with functions that Guard1 made
	spent    []bulk.Slot   // were released

	listeners []*listener
	reaction  *reaction      // of a handler that still is to react, or did in this step
	fold      *fold          // nil if nobody has listened from the first event on
	readings  uint64         // Status calls
	other     *bulk.Bulkhead // with the same label

	story     story
	coverage  *tally
	tied      string // what happens at the same instant in this step, if it is a tie
	failed    bool
	closedFor int // steps since Close
	compared  int // waits that the histogram was compared with

	mu sync.Mutex
	// Guarded by mu: written on any goroutine, read when none can move.
	now      time.Time
	log      []entry
	problems []string
	caught   []caught
	statuses []bulk.Status // taken in this step
	closing  bool          // the sequence is over
}

// caught is what OnHandlerPanic was told.
type caught struct {
	event     bulk.Event
	recovered any
}

// newMachine makes a subject, and its model.
func newMachine(t *rapid.T, s setup, build Make, calm bool, coverage *tally) *machine {
	m := &machine{build: build, calm: calm, coverage: coverage, now: time.Now()}
	m.world = &world{model: model.New(s.label, s.capacity), now: m.now}
	m.worlds = []*world{m.world}
	m.addContext(newContext(background, 0, 0))
	m.begin()
	options := s.options(m)
	subject, err := build(s.label, s.capacity.Parallelism, options...)
	if err != nil {
		t.Fatalf("no subject was made: %v", err)
	}
	m.subject = subject
	m.bulkhead, _ = subject.(*bulk.Bulkhead)
	m.done = subject.Done()
	m.verbs = verbs(subject)
	m.other = bulk.Must(bulk.New(s.label, 1))
	m.world.model.ID = m.read().ID
	if m.other.Status().ID == m.world.model.ID {
		m.problem("two bulkheads have the same ID")
	}
	m.statuses = m.statuses[:0]
	m.story.begin(s, m.now)
	return m
}

// options returns the options with which a subject is made, and tells m who
// listens.
func (s setup) options(m *machine) []bulk.Option {
	options := []bulk.Option{bulk.WaitingRoom(s.capacity.WaitingRoom), bulk.WaitLimit(s.capacity.WaitLimit)}
	for _, panics := range s.panics {
		l := m.listen(panics)
		options = append(options, bulk.OnEvent(l.handle))
		m.fold = foldFrom(s.capacity)
	}
	return append(options, bulk.OnHandlerPanic(func(e bulk.Event, recovered any) {
		m.reported(e, recovered)
		if s.reportPanics {
			panic("OnHandlerPanic panics")
		}
	}))
}

func (s setup) String() string {
	who := fmt.Sprintf("%d handlers", len(s.panics))
	if len(s.panics) == 0 {
		who = "no handler"
	}
	return fmt.Sprintf("A subject %q is made: parallelism %d, waiting room %d, wait limit %v, %s.",
		s.label, s.capacity.Parallelism, s.capacity.WaitingRoom, s.capacity.WaitLimit, who)
}

// problem notes that something was wrong that is not seen by comparing views.
// mu is held, or nothing moves.
func (m *machine) problem(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// read takes a Status, which is checked at the end of the step.
func (m *machine) read() bulk.Status {
	s := m.subject.Status()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readings++
	if s.At.Equal(m.now) {
		s.At = m.now
	}
	m.statuses = append(m.statuses, s)
	return s
}

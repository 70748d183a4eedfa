package propcheck

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// keyedMachine does the same things to a KeyedSubject and to the model.
type keyedMachine struct {
	t     *rapid.T
	s     KeyedSubject
	verbs []keyedVerb
	model keyedModel
	calls []*keyedCall // in flight or waiting
	tally *tally
	made  map[string]bool // the keys there have been

	mu     sync.Mutex
	events map[bulk.EventKind]int // nil: nobody listens
	alien  string                 // the label of an event, if it was a wrong one
}

func (m *keyedMachine) must(ok bool, format string, args ...any) {
	m.t.Helper()
	if !ok {
		m.t.Fatalf(format, args...)
	}
}

// settle compares what became of all operations, and forgets those that are over.
func (m *keyedMachine) settle() {
	synctest.Wait()
	var left []*keyedCall
	for _, c := range m.calls {
		got, want := c.seen(), c.model.outcome
		m.must(got == want, "%s(%q) is %s, by the model %s", c.verb.name, c.key, got, want)
		m.countOutcome(c)
		switch want {
		case keyAdmitted, keyWaits:
			left = append(left, c)
		case keyFinished:
			m.checkExit(c)
		default:
			m.checkRefusal(c)
		}
	}
	m.calls = left
}

// checkExit looks at what came out of an operation that ran.
func (m *keyedMachine) checkExit(c *keyedCall) {
	switch c.exit {
	case keyPanics:
		m.must(c.recovered == any(c), "%s(%q) did not panic as its function did: %v", c.verb.name, c.key, c.recovered)
	case keyExits:
		m.must(!c.returned && c.recovered == nil, "%s(%q) did not end its goroutine as its function did", c.verb.name, c.key)
	case keyFails:
		m.must(c.returned && c.value == 7 && c.err == errKeyedEnd, "%s(%q) returned %v, %v, not what its function did", c.verb.name, c.key, c.value, c.err)
	default:
		m.must(c.returned && c.value == 7 && c.err == nil, "%s(%q) returned %v, %v, not what its function did", c.verb.name, c.key, c.value, c.err)
	}
}

// checkRefusal looks at the error of an operation that was turned away.
func (m *keyedMachine) checkRefusal(c *keyedCall) {
	m.must(errors.Is(c.err, bulk.ErrNotStarted), "%v does not match ErrNotStarted", c.err)
	overload := c.model.outcome == keySaturated || c.model.outcome == keyExpired || c.model.outcome == keyTooMany
	m.must(errors.Is(c.err, bulk.ErrOverload) == overload, "whether %v matches ErrOverload should be %t", c.err, overload)
	m.must(!strings.Contains(c.err.Error(), c.key), "the error names the key: %v", c.err)
	var e *bulk.AdmissionError
	if c.model.outcome == keyTooMany {
		var e *registry.TooManyKeysError
		m.must(errors.As(c.err, &e) && e.Label == keyedLabel && e.MaxKeys == m.model.maxKeys, "too many of %d keys: %v", m.model.maxKeys, c.err)
		return
	}
	m.must(errors.As(c.err, &e) && e.Label == keyedLabel, "%v is no AdmissionError of %q", c.err, keyedLabel)
	if c.model.outcome == keyCanceled {
		m.must(errors.Is(c.err, errKeyedEnd), "%v does not match the cause", c.err)
	}
}

func (m *keyedMachine) invariant() {
	got, want := m.s.Status(), m.model.reading()
	m.must(got.Totals.Waits.Count() == got.Totals.AdmittedFromQueue, "%d waits in the histogram, %d admitted from the queue", got.Totals.Waits.Count(), got.Totals.AdmittedFromQueue)
	got.Totals.Waits, got.Totals.Holds, got.Totals.Wait, got.Totals.LongestWait, got.Totals.Queueing = want.Totals.Waits, want.Totals.Holds, 0, 0, 0
	m.must(got == want, "Status is\n%+v\nby the model\n%+v", got, want)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		return
	}
	m.must(m.alien == "", "an event has the label %q", m.alien)
	n := want.Totals
	for _, e := range []struct {
		kind bulk.EventKind
		want uint64
	}{
		{bulk.EventAdmitted, n.Admitted},
		{bulk.EventReleased, n.Finished},
		{bulk.EventQueued, n.Queued},
		{bulk.EventSaturated, n.Saturated},
		{bulk.EventExpired, n.Expired + n.ExpiredAtArrival},
		{bulk.EventCanceled, n.Canceled + n.CanceledAtArrival},
		{bulk.EventClosed, uint64(m.model.closings)},
	} {
		m.must(m.events[e.kind] == int(e.want), "handlers were given %d events %v, by the model %d", m.events[e.kind], e.kind, e.want)
	}
}

func (m *keyedMachine) actions() map[string]func(*rapid.T) {
	step := func(f func()) func(*rapid.T) {
		return func(t *rapid.T) {
			m.t = t
			f()
			m.settle()
		}
	}
	return map[string]func(*rapid.T){
		"start":        step(func() { m.start("") }),
		"start now":    step(func() { m.start("", deadline.NoWait()) }),
		"start within": step(func() { m.start("", deadline.Within(m.seconds("within"))) }),
		"done ctx":     step(func() { m.start(keyCanceled) }),
		"late":         step(m.late),
		"race":         step(m.race),
		"finish":       step(m.finish),
		"finish more":  step(m.finish),
		"give up":      step(m.giveUp),
		"sleep":        step(m.sleep),
		"evict": step(func() {
			key := m.key()
			m.countEvict(key)
			got, want := m.s.Evict(key), m.model.evict(key)
			m.t.Logf("Evict(%q): %t", key, want)
			m.must(got == want, "Evict(%q) is %t, by the model %t", key, got, want)
		}),
		"evict idle": step(func() {
			m.countEvictIdle()
			got, want := m.s.EvictIdle(), m.model.evictIdle(time.Now())
			m.t.Logf("EvictIdle: %d", want)
			m.must(got == want, "EvictIdle is %d, by the model %d", got, want)
		}),
		"shutdown": step(m.shutdown),
		"":         func(t *rapid.T) { m.t = t; m.invariant() },
	}
}

// windUp ends all that is in flight. Then nothing is left.
func (m *keyedMachine) windUp(t *rapid.T) {
	m.t = t
	m.model.close()
	m.must(m.s.Close() == nil, "Close returned an error")
	m.settle()
	for len(m.calls) > 0 {
		c := m.calls[len(m.calls)-1]
		m.model.finish(c.model, time.Now())
		close(c.end)
		m.settle()
	}
	m.must(m.s.Shutdown(context.Background()) == nil, "Shutdown of what is drained returned an error")
	m.invariant()
}

// end frees whoever is still blocked, also after a failure.
func (m *keyedMachine) end() {
	for _, c := range m.calls {
		c.cancel(errKeyedEnd)
		select {
		case <-c.end:
		default:
			close(c.end)
		}
	}
}

func (m *keyedMachine) listen(e bulk.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events[e.Kind]++
	if e.Label != keyedLabel {
		m.alien = e.Label
	}
}

// keyedProperty is what holds for every sequence of actions.
func keyedProperty(build MakeKeyed, counts *coverage) func(*rapid.T) {
	return func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			counted, end := counts.newTally()
			defer end()
			m := &keyedMachine{t: t, tally: counted, made: make(map[string]bool), model: keyedModel{
				label:       keyedLabel,
				parallelism: rapid.IntRange(1, 2).Draw(t, "parallelism"),
				room:        rapid.IntRange(0, 2).Draw(t, "room"),
				maxKeys:     rapid.IntRange(1, 4).Draw(t, "max keys"),
				idleAfter:   time.Duration(rapid.IntRange(0, 6).Draw(t, "idle after")) * time.Second,
			}}
			each := []bulk.Option{bulk.WaitingRoom(m.model.room), yields}
			if rapid.Bool().Draw(t, "somebody listens") {
				m.events = make(map[bulk.EventKind]int)
				each = append(each, bulk.OnEvent(m.listen))
			}
			var err error
			m.s, err = build(keyedLabel, m.model.parallelism, m.model.maxKeys, registry.IdleAfter(m.model.idleAfter), registry.Each(each...))
			m.must(err == nil, "it could not be made: %v", err)
			m.verbs = keyedVerbs(m.s)
			defer m.end()
			t.Repeat(m.actions())
			m.windUp(t)
		})
	}
}

// yields is an option that changes nothing, and lets others run while a bulkhead
// is being made.
func yields(*bulk.Config) error {
	for range 3 {
		runtime.Gosched()
	}
	return nil
}

package propcheck

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// KeyedSubject is what a bulkhead per key must offer to be checked: the methods
// of a [registry.Keyed] whose keys are strings. A type that embeds one, and adds
// something to some of its methods, is a KeyedSubject.
//
// What runs an operation is a function in package registry, not a method. A
// subject that has a way of its own to do that offers it as a [KeyedDoer].
// Without, its operations are checked through Acquire and Release.
type KeyedSubject interface {
	Acquire(ctx context.Context, key string, limits ...deadline.Limit) (bulk.Slot, error)
	Status() registry.KeyedStatus
	Evict(key string) bool
	EvictIdle() int
	Close() error
	Shutdown(ctx context.Context) error
}

// KeyedDoer is a KeyedSubject that runs operations, as [registry.RunKey] does.
type KeyedDoer interface {
	DoKey(ctx context.Context, key string, fn func(context.Context) error, limits ...deadline.Limit) error
}

var _ KeyedSubject = (*registry.Keyed[string])(nil)

// MakeKeyed makes a KeyedSubject, as [registry.NewKeyed] makes a Keyed, and
// passes the options on. It is called inside a testing/synctest bubble, once for
// each sequence of actions.
type MakeKeyed = func(label string, parallelism int, opts ...registry.KeyedOption) (KeyedSubject, error)

// TestKeyed checks what build makes against a model of [registry.Keyed], in as
// many random sequences of actions as -rapid.checks says (100 if nothing is
// said), each of about -rapid.steps actions. It must not be called in a
// testing/synctest bubble.
//
// A [*registry.Keyed] itself is checked through RunKey and GuardKey as well.
func TestKeyed(t *testing.T, build MakeKeyed) {
	t.Helper()
	rapid.Check(t, keyedProperty(build))
}

var errKeyedEnd = errors.New("the user went away")

const keyedLabel = "tenants"

// The ways in which the function of an operation ends.
const (
	keyReturns = iota
	keyFails
	keyPanics
	keyExits
)

// keyedCall is an operation on its way, beside what the model says of it.
type keyedCall struct {
	verb     keyedVerb
	key      string
	twice    bool // releases its slot twice
	model    *keyedOp
	deadline time.Time // zero: its wait has no bound
	ctx      context.Context
	cancel   context.CancelCauseFunc
	limits   []deadline.Limit
	end      chan struct{}
	exit     int // set before end is closed
	started  chan struct{}
	over     chan struct{}

	// What came of it, when it is over.
	value     int
	err       error
	recovered any
	returned  bool
}

// keyedVerb is a way to run an operation: it runs fn, or takes a slot.
type keyedVerb struct {
	name    string
	run     func(c *keyedCall, fn func(context.Context) (int, error)) (int, error)
	acquire func(c *keyedCall) (bulk.Slot, error)
}

func keyedVerbs(s KeyedSubject) []keyedVerb {
	list := []keyedVerb{{name: "Acquire", acquire: func(c *keyedCall) (bulk.Slot, error) { return s.Acquire(c.ctx, c.key, c.limits...) }}}
	if k, ok := s.(*registry.Keyed[string]); ok {
		list = append(list,
			keyedVerb{name: "RunKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (int, error) {
				return registry.RunKey(c.ctx, k, c.key, fn, c.limits...)
			}},
			keyedVerb{name: "GuardKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (int, error) {
				keyOf := func(c *keyedCall) string { return c.key }
				return registry.GuardKey(k, keyOf, func(ctx context.Context, _ *keyedCall) (int, error) { return fn(ctx) }, c.limits...)(c.ctx, c)
			}})
	}
	if d, ok := s.(KeyedDoer); ok {
		list = append(list, keyedVerb{name: "DoKey", run: func(c *keyedCall, fn func(context.Context) (int, error)) (v int, err error) {
			err = d.DoKey(c.ctx, c.key, func(ctx context.Context) (err error) {
				v, err = fn(ctx)
				return err
			}, c.limits...)
			return v, err
		}})
	}
	return list
}

// hold is the function of the operation.
func (c *keyedCall) hold(context.Context) (int, error) {
	close(c.started)
	<-c.end
	switch c.exit {
	case keyFails:
		return 7, errKeyedEnd
	case keyPanics:
		panic(c)
	case keyExits:
		runtime.Goexit()
	}
	return 7, nil
}

// serve runs the operation from its beginning to its end.
func (c *keyedCall) serve() {
	defer close(c.over)
	defer func() { c.recovered = recover() }()
	if c.verb.run != nil {
		c.value, c.err = c.verb.run(c, c.hold)
		c.returned = true
		return
	}
	slot, err := c.verb.acquire(c)
	defer slot.Release()
	if c.twice {
		defer slot.Release()
	}
	if c.err = err; err == nil {
		c.value, c.err = c.hold(c.ctx)
	}
	c.returned = true
}

// seen is what can be seen of the operation.
func (c *keyedCall) seen() keyedOutcome {
	select {
	case <-c.over:
	default:
		select {
		case <-c.started:
			return keyAdmitted
		default:
			return keyWaits
		}
	}
	select {
	case <-c.started:
		return keyFinished
	default:
	}
	for _, o := range []struct {
		outcome keyedOutcome
		is      error
	}{{keySaturated, bulk.ErrSaturated}, {keyExpired, bulk.ErrExpired}, {keyCancelled, bulk.ErrCancelled}, {keyClosed, bulk.ErrClosed}, {keyTooMany, registry.ErrTooManyKeys}} {
		if errors.Is(c.err, o.is) {
			return o.outcome
		}
	}
	if c.err == nil {
		return "over without a start"
	}
	return keyedOutcome(c.err.Error())
}

// keyedMachine does the same things to a KeyedSubject and to the model.
type keyedMachine struct {
	t     *rapid.T
	s     KeyedSubject
	verbs []keyedVerb
	model keyedModel
	calls []*keyedCall // in flight or waiting

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
	if c.model.outcome == keyCancelled {
		m.must(errors.Is(c.err, errKeyedEnd), "%v does not match the cause", c.err)
	}
}

func (m *keyedMachine) key() string {
	return rapid.SampledFrom([]string{"secret0", "secret1", "secret2", "secret3", "secret4", "secret5"}).Draw(m.t, "key")
}

func (m *keyedMachine) newCall(key string, limits ...deadline.Limit) *keyedCall {
	c := &keyedCall{
		verb: rapid.SampledFrom(m.verbs).Draw(m.t, "verb"), twice: rapid.Bool().Draw(m.t, "released twice"),
		key: key, limits: limits, end: make(chan struct{}), started: make(chan struct{}), over: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// start begins an operation.
func (m *keyedMachine) start(lost keyedOutcome, limits ...deadline.Limit) {
	c := m.newCall(m.key(), limits...)
	mayWait := true
	for _, l := range limits {
		if d, ok := l.Within(); ok {
			mayWait = d > 0
			c.deadline = time.Now().Add(d)
		}
	}
	if lost == keyCancelled {
		c.cancel(errKeyedEnd)
	}
	c.model = m.model.arrive(c.key, lost, mayWait, time.Now())
	m.t.Logf("%s(%q, %v): %s", c.verb.name, c.key, limits, c.model.outcome)
	m.calls = append(m.calls, c)
	go c.serve()
}

// late begins an operation that has no time left when it comes.
func (m *keyedMachine) late() {
	if rapid.Bool().Draw(m.t, "by Before") {
		m.start(keyExpired, deadline.Before(time.Now()))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	c := m.newCall(m.key(), deadline.Reserve(time.Second+1))
	release := c.cancel
	c.ctx, c.cancel = ctx, func(cause error) { release(cause); cancel() }
	c.model = m.model.arrive(c.key, keyExpired, true, time.Now())
	m.t.Logf("%s(%q) with too little time: %s", c.verb.name, c.key, c.model.outcome)
	m.calls = append(m.calls, c)
	go c.serve()
}

// race lets several come for one key at the same time, one more than there are
// slots, while somebody tries to evict it. Which of them is which can't be told,
// how many there are of each kind can.
func (m *keyedMachine) race() {
	key := m.key()
	racers := m.model.parallelism + 1
	if k := m.model.find(key); k != nil {
		if len(k.waiting) > 0 {
			return // the order of those who wait would be unknown
		}
		racers -= k.inFlight
	}
	var group []*keyedCall
	for range racers {
		group = append(group, m.newCall(key))
	}
	m.t.Logf("%d operations for %q at once, and Evict", racers, key)
	evicted := make(chan bool, 1)
	for i, c := range group {
		if i == racers/2 {
			go func() { evicted <- m.s.Evict(key) }()
		}
		go c.serve()
	}
	synctest.Wait()
	m.calls = append(m.calls, group...)
	if <-evicted {
		m.must(m.model.evict(key), "a key in use, or unknown, was evicted")
	}
	var outcomes []*keyedOp
	for range group {
		outcomes = append(outcomes, m.model.arrive(key, "", true, time.Now()))
	}
	for _, c := range group {
		got := c.seen()
		for i, o := range outcomes {
			if o != nil && o.outcome == got {
				c.model, outcomes[i] = o, nil
				break
			}
		}
		if c.model == nil {
			c.model = &keyedOp{outcome: "another one"}
			m.must(false, "one too many is %s", got)
		}
	}
}

// pick draws an operation that is in the given state, nil if there is none. An
// action that finds nothing to do does nothing: skipping all of them would be a
// failure to a fuzzer.
func (m *keyedMachine) pick(want keyedOutcome) *keyedCall {
	var of []*keyedCall
	for _, c := range m.calls {
		if c.model.outcome == want {
			of = append(of, c)
		}
	}
	if len(of) == 0 {
		return nil
	}
	return rapid.SampledFrom(of).Draw(m.t, "operation")
}

func (m *keyedMachine) finish() {
	c := m.pick(keyAdmitted)
	if c == nil {
		return
	}
	c.exit = rapid.SampledFrom([]int{keyReturns, keyReturns, keyFails, keyPanics, keyExits}).Draw(m.t, "exit")
	m.model.finish(c.model, time.Now())
	m.t.Logf("%s(%q) ends: %s", c.verb.name, c.key, [...]string{"returns", "returns an error", "panics", "ends its goroutine"}[c.exit])
	close(c.end)
}

func (m *keyedMachine) giveUp() {
	c := m.pick(keyWaits)
	if c == nil {
		return
	}
	m.t.Logf("%s(%q) gives up", c.verb.name, c.key)
	m.model.leave(c.model, keyCancelled)
	c.cancel(errKeyedEnd)
}

// sleep lets time pass, and with it the waits that have a bound. Expired ones
// never make a key idle, so their order is of no matter.
func (m *keyedMachine) sleep() {
	d := m.seconds("sleep") + time.Duration(rapid.IntRange(-1, 1).Draw(m.t, "nanoseconds more"))
	m.t.Logf("%v pass", d)
	until := time.Now().Add(d)
	for _, c := range m.calls {
		if c.model.outcome == keyWaits && !c.deadline.IsZero() && !c.deadline.After(until) {
			m.model.leave(c.model, keyExpired)
		}
	}
	time.Sleep(d)
}

func (m *keyedMachine) seconds(what string) time.Duration {
	return time.Duration(rapid.IntRange(1, 5).Draw(m.t, what)) * time.Second
}

func (m *keyedMachine) shutdown() {
	if rapid.IntRange(0, 9).Draw(m.t, "rarely") > 0 {
		return
	}
	m.model.close()
	if rapid.Bool().Draw(m.t, "close only") {
		m.t.Logf("Close")
		m.must(m.s.Close() == nil, "Close returned an error")
		return
	}
	var d time.Duration
	if rapid.Bool().Draw(m.t, "patient") {
		d = m.seconds("patience")
	}
	m.t.Logf("Shutdown, for %v at most", d)
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errKeyedEnd)
	defer cancel()
	start := time.Now()
	err := m.s.Shutdown(ctx)
	n, took := m.model.inFlight(), time.Since(start)
	if n == 0 {
		m.must(err == nil && took == 0, "nothing is in flight, but Shutdown returned %v after %v", err, took)
		return
	}
	var drain *bulk.DrainError
	m.must(errors.As(err, &drain) && drain.InFlight == n && drain.Label == keyedLabel && errors.Is(err, errKeyedEnd) && took == d,
		"%d are in flight, but Shutdown returned %v after %v", n, err, took)
}

func (m *keyedMachine) invariant() {
	got, want := m.s.Status(), m.model.reading()
	m.must(got.Totals.Waits.Count() == got.Totals.AdmittedFromQueue, "%d waits in the histogram, %d admitted from the queue", got.Totals.Waits.Count(), got.Totals.AdmittedFromQueue)
	got.Totals.Waits, got.Totals.Holds, got.Totals.Wait, got.Totals.LongestWait = want.Totals.Waits, want.Totals.Holds, 0, 0
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
		{bulk.EventCancelled, n.Cancelled + n.CancelledAtArrival},
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
		"start now":    step(func() { m.start("", deadline.Now()) }),
		"start within": step(func() { m.start("", deadline.Within(m.seconds("within"))) }),
		"done ctx":     step(func() { m.start(keyCancelled) }),
		"late":         step(m.late),
		"race":         step(m.race),
		"finish":       step(m.finish),
		"finish more":  step(m.finish),
		"give up":      step(m.giveUp),
		"sleep":        step(m.sleep),
		"evict": step(func() {
			key := m.key()
			got, want := m.s.Evict(key), m.model.evict(key)
			m.t.Logf("Evict(%q): %t", key, want)
			m.must(got == want, "Evict(%q) is %t, by the model %t", key, got, want)
		}),
		"evict idle": step(func() {
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
func keyedProperty(build MakeKeyed) func(*rapid.T) {
	return func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			m := &keyedMachine{t: t, model: keyedModel{
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
			m.s, err = build(keyedLabel, m.model.parallelism, registry.MaxKeys(m.model.maxKeys), registry.IdleAfter(m.model.idleAfter), registry.Each(each...))
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

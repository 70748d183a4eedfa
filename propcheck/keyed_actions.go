package propcheck

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

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
	if lost == keyCanceled {
		c.cancel(errKeyedEnd)
	}
	c.model = m.arrive(c.key, lost, mayWait)
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
	c.model = m.arrive(c.key, keyExpired, true)
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
		m.tally.hit("race for a known key")
	} else {
		m.tally.hit("race for a new key")
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
		m.tally.hit("race in which the key is evicted")
		m.must(m.model.evict(key), "a key in use, or unknown, was evicted")
	}
	var outcomes []*keyedOp
	for range group {
		outcomes = append(outcomes, m.arrive(key, "", true))
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
	m.t.Logf("%s(%q) ends: %s", c.verb.name, c.key, keyedExits[c.exit])
	close(c.end)
}

func (m *keyedMachine) giveUp() {
	c := m.pick(keyWaits)
	if c == nil {
		return
	}
	m.t.Logf("%s(%q) gives up", c.verb.name, c.key)
	m.model.leave(c.model, keyCanceled)
	c.cancel(errKeyedEnd)
}

// sleep lets time pass, and with it the waits that have a bound. Expired ones
// never make a key idle, so their order is of no matter. Often it ends about when
// the oldest key has been idle long enough.
func (m *keyedMachine) sleep() {
	d := m.seconds("sleep")
	if k := m.model.oldestIdle(); k != nil && rapid.Bool().Draw(m.t, "until idle long enough") {
		d = max(m.model.idleAfter-time.Since(k.left), time.Nanosecond)
	}
	d += time.Duration(rapid.IntRange(-1, 1).Draw(m.t, "nanoseconds more"))
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
		m.tally.hit("Close")
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
		m.tally.hit("Shutdown: nothing is in flight" + map[bool]string{true: ", and no time is left"}[d == 0])
		m.must(err == nil && took == 0, "nothing is in flight, but Shutdown returned %v after %v", err, took)
		return
	}
	m.tally.hit("Shutdown: gives up" + map[bool]string{true: " at once"}[d == 0])
	var drain *bulk.DrainError
	m.must(errors.As(err, &drain) && drain.InFlight == n && drain.Label == keyedLabel && errors.Is(err, errKeyedEnd) && took == d,
		"%d are in flight, but Shutdown returned %v after %v", n, err, took)
}

package keys

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
)

// start begins an operation, sometimes one that is rejected before its key is looked up.
func (m *machine) start() {
	c, within, story := m.newOperation(m.name()), deadline.Within, ""
	switch m.d.Int(12) {
	case 3, 6:
		c.Limits = []deadline.Limit{deadline.NoWait()}
	case 4, 7:
		c.Limits = []deadline.Limit{within(m.seconds()), within(time.Hour)}
	case 5:
		c.cancel(errEnd)
		story = ", ctx is done"
	case 8:
		c.Limits = []deadline.Limit{within(time.Hour), deadline.Before(time.Now())}
	case 9: // every ctx has an hour
		c.Limits = []deadline.Limit{within(time.Hour), deadline.Reserve(time.Hour + 1)}
	}
	m.Did("%v%s", c, story)
	m.arrive(c)
	c.serve()
}

// race lets several come for one key at the same time, one more than there are
// slots, while another goroutine tries to evict it. The outcome of each one can't be
// predicted, the number of each outcome can.
func (m *machine) race() {
	name := m.name()
	c, where, k := m.state.capacityOf(name, m.state.capacity), "new", m.state.find(name)
	if !valid(c) || c.Parallelism < 1 || c.Parallelism > 4 || k != nil && len(k.Room) > 0 { // the order of those who wait would be unknown
		m.start()
		return
	}
	racers := c.Parallelism + 1
	if k != nil {
		racers, where = max(1, racers-len(k.InFlight)), "known"
	}
	m.Did("%d operations for %q at the same time, and Evict", racers, name)
	var group []*operation
	evicted := make(chan bool, 1)
	for i := range racers {
		group = append(group, m.newOperation(name))
		if i == racers/2 {
			go func() { evicted <- m.s.Evict(name) }()
		}
		group[i].serve()
	}
	synctest.Wait()
	m.Hit("race for a %s key", where)
	if <-evicted {
		m.Hit("race in which the key is evicted")
		m.Must(m.state.evict(time.Now(), name), "a key in use, or unknown, was evicted")
	}
	// Those that got slots came first.
	slices.SortStableFunc(group, func(a, b *operation) int { return b.Calls - a.Calls })
	for _, c := range group {
		m.arrive(c)
	}
}

// touch ends an operation in flight, or the ctx of one that waits.
func (m *machine) touch() {
	if len(m.operations) == 0 {
		m.start()
		return
	}
	c := kit.Pick(m.d, m.operations...)
	if c.want.Phase == waiting {
		m.Did("the ctx of %v ends", c)
		c.key.Cancel(time.Now(), c.ID)
		m.state.leave(time.Now(), c.key)
		c.cancel(errEnd)
		return
	}
	how := kit.DrawEnding(m.d, c.ID, nil, m.rejected, m.foreign)
	m.Did("%v: %v", c, how.Exit)
	m.end(c, how)
}

// sleep lets time pass, often until about when the oldest key has been idle long
// enough.
func (m *machine) sleep() {
	d := m.seconds()
	if k := m.state.oldestIdle(); k != nil && m.d.OneIn(2) {
		d = max(m.state.idleAfter-time.Since(k.left), time.Nanosecond)
	}
	d += time.Duration(m.d.Int(3) - 1)
	m.Did("%v pass", d)
	m.pass(d)
}

func (m *machine) evict() {
	name := m.name()
	m.Did("Evict(%q)", name)
	got, want := m.s.Evict(name), m.state.evict(time.Now(), name)
	m.Hit("Evict: %t, closed %t", want, m.state.closed)
	m.Must(got == want, "it is %t; by the contract %t", got, want)
}

func (m *machine) evictIdle() {
	m.Did("EvictIdle()")
	for _, k := range m.state.known {
		if k.idle() && m.state.idleAfter > 0 {
			m.Hit("EvictIdle: idle for IdleAfter + %v", max(-2, min(time.Since(k.left)-m.state.idleAfter, 1)))
		}
	}
	got, want := m.s.EvictIdle(), m.state.evictIdle(time.Now())
	m.Must(got == want, "it is %d; by the contract %d", got, want)
}

// draw chooses a common capacity.
func (m *machine) draw(parallelism ...int) bulk.Capacity {
	return bulk.Capacity{Parallelism: kit.Pick(m.d, parallelism...), WaitingRoom: m.d.Int(3), WaitLimit: time.Duration(m.d.Int(2)) * m.seconds()}
}

// change changes the capacity of all keys.
func (m *machine) change() {
	text, change, set := kit.Change(m.d, m.s, m.draw(1, 2, 3, 0, bulk.Unlimited, -1), func() {})
	c := change(m.state.capacity)
	m.Did("%s", text)
	got, want := set(), m.state.set(time.Now(), c)
	method, _, _ := strings.Cut(text, "(")
	m.Hit("%s: %v, wrong for one key %t", method, want, valid(c) && want == bulk.ErrConfig)
	m.Hit("a change to %d slots: %v", min(c.Parallelism, 4), want)
	m.Must(errors.Is(got, want), "it returned %v; by the contract %v", got, want)
}

// changeRace changes the capacity twice at the same time, while an operation comes for
// a key and another goroutine tries to evict the oldest one. Slots are free before
// and after, so that what is admitted does not depend on the order.
func (m *machine) changeRace() {
	name, r, now := m.name(), &m.state, time.Now()
	if r.closed || r.capacity.Parallelism < 1 || r.first(func(k *key) bool { return !k.idle() }) != nil || name > secret+"3" {
		m.change()
		return
	}
	first, second, idle := m.draw(1, 2), m.draw(1, 2), r.oldestIdle()
	if idle == nil || idle.name == name {
		idle = &key{name: "unknown"}
	}
	if m.d.OneIn(2) { // only one change
		second = first
	}
	m.Did("SetCapacity(%+v) and SetCapacity(%+v) at the same time, an operation for %q, and Evict(%q)", first, second, name, idle.name)
	m.slow.Store(int32(m.d.Int(20)))
	var g sync.WaitGroup
	var evicted bool
	g.Go(func() { _ = m.s.SetCapacity(first) })
	c := m.newOperation(name)
	c.serve()
	g.Go(func() { evicted = m.s.Evict(idle.name) })
	if second != first {
		g.Go(func() { _ = m.s.SetCapacity(second) })
	}
	g.Wait()
	synctest.Wait()
	if m.s.Capacity() == first {
		first, second = second, first
	}
	_ = r.set(now, first)
	if idle.Model != nil && (evicted || len(r.known) < r.maxKeys) {
		m.Must(evicted == r.evict(now, idle.name), "Evict is %t", evicted)
	}
	m.Hit("race of two changes: known %t, evicted %t, with CapacityOf %t", r.find(name) != nil, evicted, r.varies)
	m.arrive(c)
	_ = r.set(now, second)
}

// shutdown is rare: not much can happen afterwards.
func (m *machine) shutdown() {
	if !m.d.OneIn(8) {
		m.start()
		return
	}
	m.state.close(time.Now())
	var want []string
	if n := m.state.inFlight(); n > 0 {
		want = []string{kit.Drained(label, n)}
	}
	kit.Shut(m.Story, m.Coverage, m.d, m.s, want...)
}

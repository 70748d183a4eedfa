package fleet

import (
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Change is a change of the parallelism that a member made.
type Change struct {
	Budget string    `json:"budget"` // of the member
	Name   string    `json:"name"`   // of the member
	At     time.Time `json:"at"`     // of the change
	From   int       `json:"from"`   // parallelism before
	To     int       `json:"to"`     // parallelism after
	Reason Reason    `json:"reason"` // for the change
}

// resize sets the parallelism that the member may use now, before it returns.
func (m *Member) resize() {
	m.resizing.Lock()
	m.finishResize()
}

// resizeSoon is resize for caller-supplied code, which can be an event handler of the
// bulkhead that is told about a resize. It does not wait for that one, which then sets the
// parallelism again.
func (m *Member) resizeSoon() {
	m.mu.Lock()
	m.again = true
	m.mu.Unlock()
	if m.resizing.TryLock() {
		m.finishResize()
	}
}

// finishResize sets the parallelism, and repeats that if resizeSoon was called meanwhile. It is called with
// resizing held and releases it. It looks at again after that, so that a call of
// resizeSoon that could not lock resizing is never forgotten.
func (m *Member) finishResize() {
	for again := true; again; {
		m.setParallelism()
		m.mu.Lock()
		again = m.again
		m.mu.Unlock()
		if again {
			m.resizing.Lock()
		}
	}
	m.tell()
}

// setParallelism is called with resizing held and releases it, also if an event handler
// of the bulkhead ends the goroutine.
func (m *Member) setParallelism() {
	defer m.resizing.Unlock()
	m.mu.Lock()
	m.again = false
	m.mu.Unlock()
	var from, n int
	set := false
	defer func() { // also if the goroutine ends
		m.mu.Lock()
		defer m.mu.Unlock()
		if set && n != from {
			m.last = Change{m.budget, m.name, time.Now(), from, n, m.reason(from, n)}
			m.untold = append(m.untold, m.last)
		}
		if set {
			m.parallelism = n
		}
	}()
	err := m.bulkhead.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		m.mu.Lock()
		defer m.mu.Unlock()
		n = m.share(m.clock.now())
		if m.lease.valid(m.clock.now()) {
			m.held = n
		}
		from, n = c.Parallelism, m.allowed(n, c.Parallelism)
		c.Parallelism = n
		set = true
		return c
	})
	if err != nil { // the bulkhead is closed
		set = false
	}
}

// allowed returns the parallelism for a share: at most the limit, and 0 while the bulkhead
// is paused by other code. That has set 0 where the member had set more; it ends the pause
// with any other parallelism. m.mu is held.
func (m *Member) allowed(share, found int) int {
	if found == 0 && m.parallelism > 0 {
		m.paused = true
	}
	if found > 0 || m.ended != joined {
		m.paused = false
	}
	if m.paused {
		return 0
	}
	return min(share, m.limit)
}

// tell calls OnChange for each change, in order.
func (m *Member) tell() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.telling {
		return // the other goroutine tells all of them
	}
	m.telling = true
	defer func() { m.telling = false }()
	for len(m.untold) > 0 {
		c := m.untold[0]
		m.untold = m.untold[1:]
		m.mu.Unlock()
		m.tellOne(c)
	}
}

// tellOne calls OnChange, and locks m.mu when that has ended, in whatever way.
func (m *Member) tellOne(c Change) {
	defer m.mu.Lock()
	defer func() {
		if r := recover(); r != nil {
			slog.Error("fleet: OnChange panicked", "budget", safetext.Printable(c.Budget), "change", c, "panic", r)
		}
	}()
	m.onChange(c)
}

// reason returns why the parallelism becomes n. m.mu is held.
func (m *Member) reason(from, n int) Reason {
	switch {
	case m.ended != joined:
		return Left
	case !m.lease.valid(m.clock.now()) && m.lease.confirmed == 0:
		return Joined
	case !m.lease.valid(m.clock.now()):
		return LeaseLost
	case n == m.parallelism:
		return Restored
	case m.limit == n && n < m.held:
		return Limited
	case n > from:
		return Granted
	}
	return Reclaimed
}

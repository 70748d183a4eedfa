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

// finishResize sets the parallelism, again if that was asked for meanwhile. It is called with
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
	var n int
	err := m.bulkhead.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		m.mu.Lock()
		defer m.mu.Unlock()
		n = m.share(m.clock.now())
		if m.lease.valid(m.clock.now()) {
			m.held = n
		}
		n = min(n, m.limit)
		c.Parallelism = n
		return c
	})
	if err == nil { // otherwise the bulkhead is closed
		m.mu.Lock()
		if n != m.parallelism {
			m.last = Change{m.budget, m.name, time.Now(), m.parallelism, n, m.reason(n)}
			m.parallelism = n
			m.untold = append(m.untold, m.last)
		}
		m.mu.Unlock()
	}
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
func (m *Member) reason(n int) Reason {
	switch {
	case m.ended != joined:
		return Left
	case !m.lease.valid(m.clock.now()) && m.lease.confirmed == 0:
		return Joined
	case !m.lease.valid(m.clock.now()):
		return LeaseLost
	case m.limit == n && n < m.held:
		return Limited
	case n > m.parallelism:
		return Granted
	}
	return Reclaimed
}

package fleet

import (
	"log/slog"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
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

// resize sets the parallelism that the member may use now, before it returns. Event
// handlers of the bulkhead and OnChange run after that, so that a slow one of another
// resize delays this one by nothing.
func (m *Member) resize() {
	deliver := m.setParallelism()
	defer m.tell() // also if an event handler ends the goroutine
	deliver()
}

// setParallelism sets the parallelism, and returns what resize calls after that.
func (m *Member) setParallelism() (deliver func()) {
	m.resizing.Lock()
	defer m.resizing.Unlock()
	var from, n int
	deliver, err := hooks.ChangeCapacity(m.bulkhead, func(c bulk.Capacity) bulk.Capacity {
		m.mu.Lock()
		defer m.mu.Unlock()
		from, n = c.Parallelism, c.Parallelism
		if !m.released {
			n = m.allowed(m.usable(), from)
		}
		c.Parallelism = n
		return c
	})
	if err != nil { // the bulkhead is closed
		return deliver
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n != from {
		m.last = Change{m.budget, m.name, time.Now(), from, n, m.reason(from, n)}
		m.untold = append(m.untold, m.last)
	}
	m.parallelism = n
	return deliver
}

// usable returns the share of now, and keeps it for the time after the lease. m.mu is
// held.
func (m *Member) usable() int {
	now := m.clock.now()
	n := m.share(now)
	if m.lease.valid(now) {
		m.held = n
	}
	return n
}

// release makes the bulkhead free for another member. From then on, this one does not set
// its parallelism. drained: none of its operations is in flight.
func (m *Member) release(drained bool) {
	m.resizing.Lock()
	defer m.resizing.Unlock()
	m.mu.Lock()
	released := m.released
	m.released, m.drained = true, drained
	m.lease.stop()
	m.mu.Unlock()
	if !released {
		hooks.Unclaim(m.bulkhead, owner)
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
	return min(share, m.bound())
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
	case m.bound() == n && n < m.held:
		return Limited
	case n > from:
		return Granted
	}
	return Reclaimed
}

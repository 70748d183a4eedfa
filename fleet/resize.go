package fleet

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
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

// resize sets the parallelism that the member may use now.
func (m *Member) resize() {
	m.resizing.Lock()
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
	m.resizing.Unlock()
	m.tell()
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
		m.onChange(c)
		m.mu.Lock()
	}
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

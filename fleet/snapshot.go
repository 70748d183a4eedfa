package fleet

import (
	"cmp"
	"slices"
	"time"
)

// Status returns a snapshot of m. It reads nothing from the store and does not block.
func (m *Member) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, l := m.clock.now(), &m.ledger
	s := Status{
		Budget: m.budget, Name: m.name, ID: m.id, Label: m.bulkhead.Label(), At: time.Now(), State: m.state(now),
		Total: m.total, OwnTotal: m.total, Parallelism: m.parallelism, Limit: m.limit, Followed: m.followed, Lease: max(0, m.lease.end.Sub(now)),
		Last: m.last, Writes: m.counts.writes, Conflicts: m.counts.conflicts, Failures: m.counts.failures, Losses: m.counts.losses,
	}
	if m.lastErr != nil {
		s.LastError = m.lastErr.Error()
	}
	if l.record == nil {
		return s
	}
	s.Total = cmp.Or(l.record.total(), m.total)
	s.Free = max(0, s.Total-l.record.charged())
	for _, row := range l.record.Rows {
		s.Members = append(s.Members, Peer{row.Name, row.ID, row.ID == m.id, row.Leaving,
			row.Share, row.Drain, row.Load, row.Demand, row.Total, now.Sub(l.sightings[row.ID].since)})
	}
	slices.SortFunc(s.Members, func(a, b Peer) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	if l.own >= 0 {
		own := l.record.Rows[l.own]
		s.Share, s.Drain, s.Load, s.Demand = own.Share, own.Drain, own.Load, own.Demand
	}
	return s
}

// state returns what the member does. m.mu is held.
func (m *Member) state(now time.Time) State {
	switch {
	case m.ended == hasLeft:
		return Gone
	case m.ended == isLeaving:
		return Leaving
	case !m.lease.valid(now) && m.lease.confirmed == 0:
		return Joining
	case !m.lease.valid(now):
		return Lost
	case m.ledger.own < 0 || m.ledger.record.Learning:
		return Learning
	}
	return Holding
}

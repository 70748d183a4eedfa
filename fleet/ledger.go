package fleet

import (
	"bytes"
	"time"
)

// ledger is what a member knows about the record.
type ledger struct {
	record   *record // nil: there is none that can be built upon, and the next write makes a new one
	revision uint64  // of the last write or load, for the next write
	own      int     // index of the own row in record, -1 without one
	loaded   bool    // at least once
	epoch    string
	since    time.Time     // when this member saw the epoch first
	count    uint64        // highest one seen in the epoch
	newest   newest        // with that count
	lapse    time.Duration // the longest one of all members that may hold slots

	sightings map[string]sighting
}

// newest is the newest record known, also while it cannot be built upon.
type newest struct {
	record   *record
	revision uint64
}

// is reports whether the store has that record still.
func (n newest) is(r *record, revision uint64) bool {
	return n.record != nil && n.revision == revision && bytes.Equal(n.record.encode(), r.encode())
}

// sighting is when a member saw the renewal of another one.
type sighting struct {
	seq   uint64
	since time.Time
}

// version names a state of the record.
type version struct {
	epoch string
	count uint64
}

func (l *ledger) version() version { return version{l.epoch, l.count} }

// adoptLoaded takes over the record that Load returned, nil if there is none. before is
// the newest version that was known before the call: an older record says that the
// store has lost writes, or that one of its servers is behind. In the latter case the next
// write conflicts, and the newest record is loaded again. m.mu is held.
func (m *Member) adoptLoaded(r *record, revision uint64, before version) {
	l := &m.ledger
	l.loaded = true
	switch {
	case r == nil, r.Epoch == before.epoch && r.Count < before.count:
		l.forget(revision)
	case r.Epoch != before.epoch || r.Count != l.count:
		m.adopt(r, revision)
	case !l.newest.is(r, revision):
		l.forget(revision)
	case l.record == nil:
		pending := m.lease.pending // writes at the revision that is current again, for example
		m.takeOver(r, revision)
		m.lease.pending = pending
	}
}

// adoptWatched takes over a record from the watch, unless it is older than the newest
// one known. A record of another epoch may be that too, so it is left to Load, which is
// called after the next conflict. m.mu is held.
func (m *Member) adoptWatched(r *record, revision uint64) {
	if m.ledger.record != nil && r.Epoch == m.ledger.epoch {
		m.adopt(r, revision)
	}
}

// adopt takes over r unless it is older than the newest record known, or the same.
func (m *Member) adopt(r *record, revision uint64) {
	l := &m.ledger
	switch {
	case r.Epoch != l.epoch:
		l.epoch, l.since = r.Epoch, m.clock.now()
	case r.Count <= l.count:
		return
	}
	l.count, l.newest = r.Count, newest{r, revision}
	if !r.Learning {
		l.lapse = 0
	}
	l.lapse = max(l.lapse, r.lapse())
	m.takeOver(r, revision)
}

// takeOver makes r the record to build upon.
func (m *Member) takeOver(r *record, revision uint64) {
	l := &m.ledger
	l.record, l.revision, l.own = r, revision, r.index(m.id)
	m.see(r)
	m.findOwn()
}

// forget says that the record with the revision cannot be built upon.
func (l *ledger) forget(revision uint64) {
	l.record, l.revision, l.own = nil, revision, -1
}

// see notes which members have renewed their leases.
func (m *Member) see(r *record) {
	now := m.clock.now()
	old := m.ledger.sightings
	m.ledger.sightings = make(map[string]sighting, len(r.Rows))
	for _, row := range r.Rows {
		s, seen := old[row.ID]
		if !seen || s.seq != row.Seq {
			s = sighting{row.Seq, now}
		}
		m.ledger.sightings[row.ID] = s
	}
}

// findOwn extends the lease if the own row says that it was renewed, and ends it if the
// others have removed the row.
func (m *Member) findOwn() {
	l := &m.ledger
	if l.own >= 0 && l.record.Rows[l.own].Seq < m.lease.confirmed {
		l.own = -1 // older than what this member wrote: it is going to report what it holds
	}
	if l.own >= 0 {
		if m.lease.confirm(l.record.Rows[l.own].Seq, m.ttl) {
			m.arm()
		}
	} else if !l.record.Learning && m.lease.valid(m.clock.now()) {
		m.loseLease()
	}
	m.lease.pending = nil
}

// expired reports whether the others may have the share of the row: it was not renewed
// for its lapse, on the clock of this member.
func (m *Member) expired(row row) bool {
	s := m.ledger.sightings[row.ID]
	return row.ID != m.id && m.clock.now().Sub(s.since) >= time.Duration(row.Lapse)*time.Millisecond
}

// learned reports whether the epoch is old enough that every member has a row in it or
// has lost its lease, also those that were in the record before, as far as the members of
// this one know.
func (m *Member) learned() bool {
	return m.clock.now().Sub(m.ledger.since) >= m.longestLapse()
}

// longestLapse is how long learning takes, if the epoch learns.
func (m *Member) longestLapse() time.Duration { return max(m.lapse(), m.ledger.lapse) }

package fleet

import (
	"slices"
	"time"
)

// lease is the right of a member to use its share, on the member's own clock.
type lease struct {
	seq       uint64 // of the last attempt
	confirmed uint64 // of the last attempt that is known to be in the record
	pending   []attempt
	end       time.Time
	disarm    func() // stops the timer
}

// attempt is a write of which the outcome is not known yet.
type attempt struct {
	seq   uint64
	sent  time.Time // before the request was sent
	share int       // that it reports
}

func (l *lease) valid(now time.Time) bool { return now.Before(l.end) }

// pendingShare returns the smallest share of the attempts that may have been written.
// The member uses no more than that, because they may have reduced its charge.
func (l *lease) pendingShare() int {
	n := noPlan
	for _, a := range l.pending {
		n = min(n, a.share)
	}
	return n
}

// drop removes an attempt that was not written.
func (l *lease) drop(seq uint64) {
	l.pending = slices.DeleteFunc(l.pending, func(a attempt) bool { return a.seq == seq })
}

// confirm extends the lease if the record has a later attempt than before. After that,
// no attempt is pending: each was for a revision of the record that is history now.
func (l *lease) confirm(seq uint64, ttl time.Duration) (renewed bool) {
	for _, a := range l.pending {
		if a.seq == seq && seq > l.confirmed {
			l.end, renewed = a.sent.Add(ttl), true
		}
	}
	l.confirmed = max(l.confirmed, seq)
	return renewed
}

// arm sets the timer that ends the lease even while a request of the store hangs.
func (m *Member) arm() {
	if m.lease.disarm != nil {
		m.lease.disarm()
	}
	m.lease.disarm = m.clock.afterFunc(m.lease.end.Sub(m.clock.now()), m.expire)
}

// expire runs when the timer of a lease fires.
func (m *Member) expire() {
	m.mu.Lock()
	over := !m.lease.end.IsZero() && !m.lease.valid(m.clock.now())
	if over {
		m.loseLease()
	}
	m.mu.Unlock()
	if over {
		m.resize()
	}
}

// loseLease ends the lease. m.mu is held.
func (m *Member) loseLease() {
	m.lease.stop()
	if m.ended == joined {
		m.counts.losses++
	}
}

// stop ends the lease and its timer.
func (l *lease) stop() {
	l.end = time.Time{}
	if l.disarm != nil {
		l.disarm()
		l.disarm = nil
	}
}

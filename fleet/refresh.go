package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

const (
	ticks       = 8 // readings of the load in a refresh
	prepareTick = 6 // of them, when the member begins to give back what the next write reports
	maxAttempts = 8 // writes in a refresh, as long as each conflicts
)

// run refreshes until ctx ends or the member has left.
func (m *Member) run(ctx context.Context) {
	defer close(m.done)
	m.tell() // what Join has changed
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { m.watch(ctx) })
	for first := true; ; first = false {
		ok := m.round(ctx)
		period := time.Duration(float64(m.refresh) * (0.9 + 0.1*m.random()))
		switch {
		case !ok:
			period /= 2
		case first: // members that join together should not write together later
			period = time.Duration(float64(m.refresh) * (0.2 + 0.8*m.random()))
		}
		for tick := 1; tick <= ticks; tick++ {
			if m.closedAndDrained() {
				_ = m.giveBack(ctx)
				return
			}
			if !m.sleep(ctx, period/ticks) {
				return
			}
			m.sample(tick == prepareTick)
		}
	}
}

// sleep waits for d, and returns false if ctx ends before.
func (m *Member) sleep(ctx context.Context, d time.Duration) bool {
	passed := make(chan struct{})
	stop := m.clock.afterFunc(d, func() { close(passed) })
	defer stop()
	select {
	case <-passed:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// sample reads the load. To prepare means to begin to drain what the next write is
// going to give back, so that short operations have ended by then.
func (m *Member) sample(prepare bool) {
	s := m.bulkhead.Status()
	m.mu.Lock()
	m.gauge.sample(s)
	if s.Closed && m.ended == joined {
		m.ended = isLeaving
	}
	if prepare && m.ledger.record != nil {
		gauge := m.gauge // a copy: this is no refresh
		m.plan = m.propose(gauge.demand(s, m.mostDemand())).Share
	}
	m.mu.Unlock()
	m.resize()
}

// closedAndDrained reports whether the bulkhead needs no share any more.
func (m *Member) closedAndDrained() bool { return m.bulkhead.Status().Drained() }

// mostDemand is the highest demand that is of use. m.mu is held.
func (m *Member) mostDemand() int {
	if m.ended != joined || m.paused {
		return 0
	}
	return min(m.bound(), m.total)
}

// round writes the record once, and reports whether it did. If others write it
// concurrently, round tries again with what they wrote.
func (m *Member) round(ctx context.Context) bool {
	s := m.bulkhead.Status()
	m.mu.Lock()
	load := m.gauge.demand(s, m.mostDemand())
	m.gauge.restart(s)
	m.mu.Unlock()
	defer m.dropPlan()
	known := m.load(ctx, false)
	for i := 1; known && i <= maxAttempts; i++ {
		err := m.write(ctx, load)
		if err == nil {
			return true
		}
		if !errors.Is(err, ErrConflict) {
			return m.load(ctx, true) && m.isConfirmed() // the answer may have been lost
		}
		known = m.sleep(ctx, m.backoff(i)) && m.load(ctx, true)
	}
	return false
}

// dropPlan gives up what the member was about to report.
func (m *Member) dropPlan() {
	m.mu.Lock()
	dropped := m.plan != noPlan
	m.plan = noPlan
	m.mu.Unlock()
	if dropped {
		m.resize()
	}
}

// backoff returns a random time that doubles with each conflict, at most an eighth of a
// refresh.
func (m *Member) backoff(attempt int) time.Duration {
	return time.Duration(m.random() * float64(m.refresh) / float64(int(8)<<max(0, 5-attempt)))
}

// load loads the record if it is not known, or in any case if it must be fresh. It
// reports whether a record, or that there is none, is known.
func (m *Member) load(ctx context.Context, fresh bool) bool {
	m.mu.Lock()
	before, known := m.ledger.version(), m.ledger.record != nil
	m.mu.Unlock()
	if known && !fresh {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, m.refresh)
	defer cancel()
	text, revision, err := m.store.Load(ctx, m.budget)
	var r *record
	if err == nil && revision != 0 {
		r, err = decode(text)
	}
	m.mu.Lock()
	if err == nil {
		m.adoptLoaded(r, revision, before)
	} else {
		m.fail(err)
	}
	m.mu.Unlock()
	m.resize()
	return err == nil
}

// fail notes a request that failed. m.mu is held.
func (m *Member) fail(err error) {
	m.counts.failures++
	m.lastErr = err
}

// isConfirmed reports whether the last attempt to write is in the record.
func (m *Member) isConfirmed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lease.confirmed == m.lease.seq
}

// write writes the record with what this member has, and divides what is free.
func (m *Member) write(ctx context.Context, load demand) error {
	planned, inUse := noPlan, 0
	for {
		m.mu.Lock()
		own := m.propose(load)
		if own.Share < planned { // the bulkhead shrinks before the record says that it has
			planned = own.Share
			m.plan = planned
			m.mu.Unlock()
			m.resize()
			inUse = m.bulkhead.Status().InUse
			continue
		}
		// Since inUse was read, the parallelism was at most planned, and it stays so
		// until the outcome of the attempt is known.
		own.Share = planned
		own.Drain = min(maxTotal, max(0, inUse-planned))
		m.lease.seq++
		own.Seq = m.lease.seq
		next, revision := m.next(own), m.ledger.revision
		a := attempt{own.Seq, m.clock.now(), planned}
		m.lease.pending = append(m.lease.pending, a)
		m.mu.Unlock()
		return m.swap(ctx, next, revision, a)
	}
}

// swap sends the attempt a to write next, and takes over the outcome.
func (m *Member) swap(ctx context.Context, next *record, revision uint64, a attempt) error {
	ctx, cancel := context.WithTimeout(ctx, m.refresh)
	defer cancel()
	revision, err := m.store.CompareAndSwap(ctx, m.budget, next.encode(), revision)
	m.mu.Lock()
	switch {
	case err == nil:
		m.counts.writes++
		m.lastErr = nil
		m.plan = noPlan
		m.adopt(next, revision)
		m.countTurn(next)
	case errors.Is(err, ErrConflict):
		m.counts.conflicts++
		m.lease.drop(a.seq)
	default:
		m.fail(err)
	}
	m.mu.Unlock()
	m.resize()
	return err
}

// propose returns the row of this member for the next write, with the share that it is
// going to keep. m.mu is held.
func (m *Member) propose(load demand) row {
	now := m.clock.now()
	l := &m.ledger
	own := row{ID: m.id, Turn: 1}
	if l.record != nil {
		own.Turn += l.record.lastTurn()
	}
	if l.own >= 0 {
		own = l.record.Rows[l.own]
	}
	own.Name, own.Total, own.Min, own.Leaving = m.name, m.total, min(m.minShare, m.total), m.ended != joined
	own.Load, own.Demand = load.average, load.peak
	own.Lapse = milliseconds(m.lapse())
	if own.Leaving {
		own.Share, own.Min = 0, 0
		return own
	}
	if l.own < 0 {
		own.Share, own.Drain = m.share(now), 0
	}
	if l.record == nil {
		return own
	}
	if m.turnIsOver() {
		own.Turn = l.record.lastTurn() + 1
	}
	r := m.withOwn(own)
	r.Learning = r.Learning && !m.learned()
	own.Share = m.keeps(r)
	return own
}

// withOwn returns a copy of the record with the row, without those that have expired.
// m.mu is held.
func (m *Member) withOwn(own row) *record {
	r := m.ledger.record.clone()
	rows := r.Rows[:0]
	for _, row := range r.Rows {
		if row.ID != m.id && !m.expired(row) {
			rows = append(rows, row)
		}
	}
	r.Rows = append(rows, own)
	return r
}

// next returns the next record, with the row of this member. m.mu is held.
func (m *Member) next(own row) *record {
	l := &m.ledger
	if l.record == nil {
		return &record{Version: recordVersion, Epoch: rand.Text()[:16], Count: 1, Learning: true, Lapse: milliseconds(m.longestLapse()), Rows: []row{own}}
	}
	r := m.withOwn(own)
	r.Count++
	if r.Learning && !m.learned() {
		r.Lapse = milliseconds(m.longestLapse())
		return r
	}
	r.Learning, r.Lapse = false, 0
	divide(r, m.quiet).raise(r)
	return r
}

// milliseconds rounds up.
func milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

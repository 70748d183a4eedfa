package fleet

import (
	"context"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Leave pauses the bulkhead, waits until no operation is in flight, gives the share
// back, and ends the goroutines of the member. The others can use the share after their
// next refresh at the latest. The bulkhead stays paused; it is not closed.
//
// If ctx ends before that, Leave returns an error that matches ctx.Err(). It has ended the
// member nevertheless: the others get the share after TTL and Grace, as after a
// crash. Call Leave after the server of the process has shut down and before the
// bulkhead is. Another Leave returns nil if the share was given back, and tries again
// otherwise.
func (m *Member) Leave(ctx context.Context) error {
	if !m.beginLeave(ctx) {
		return m.leaveError(ctx)
	}
	defer func() { <-m.leaving }()
	m.mu.Lock()
	left := m.ended == hasLeft
	m.ended = max(m.ended, isLeaving)
	m.mu.Unlock()
	if left {
		return nil
	}
	m.resize()
	drained := m.hasDrained() || m.drain(ctx) // meanwhile the member refreshes its lease
	m.cancel()
	m.release(drained)
	if !m.stopped(ctx) || !drained {
		return m.leaveError(ctx)
	}
	return m.giveBack(ctx)
}

// beginLeave waits for another Leave, and returns false if ctx ends before. Without
// another one it returns true also if ctx has ended: the member must leave nevertheless.
func (m *Member) beginLeave(ctx context.Context) bool {
	select {
	case m.leaving <- struct{}{}:
		return true
	default:
	}
	select {
	case m.leaving <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *Member) leaveError(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return fmt.Errorf("fleet: member %s of budget %s: share not given back, %d slots in use: %w",
		safetext.Quote(m.name), safetext.Quote(m.budget), m.bulkhead.Status().InUse, err)
}

// hasDrained reports whether an earlier Leave saw the last operation end. The operations
// since then are those of another member.
func (m *Member) hasDrained() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drained
}

// drain waits until no slot is in use, and returns false if ctx ends before.
func (m *Member) drain(ctx context.Context) bool {
	free := make(chan struct{}, 1)
	remove := m.bulkhead.OnEvent(func(e bulk.Event) {
		if e.InUse == 0 {
			select {
			case free <- struct{}{}:
			default:
			}
		}
	})
	defer remove()
	for m.bulkhead.Status().InUse > 0 {
		select {
		case <-free:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// stopped waits until the goroutines have ended, and returns false if ctx ends before.
func (m *Member) stopped(ctx context.Context) bool {
	select {
	case <-m.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveBack removes the row of the member from the record. It tries until ctx ends.
func (m *Member) giveBack(ctx context.Context) error {
	for i := 1; ; i++ {
		if m.load(ctx, i > 1) {
			m.mu.Lock()
			next, revision := m.without(), m.ledger.revision
			if next == nil {
				m.ended = hasLeft
				m.lease.stop()
				m.mu.Unlock()
				m.cancel()
				return nil
			}
			m.mu.Unlock()
			if m.swap(ctx, next, revision, attempt{}) == nil {
				i = 0 // the record that is known now has no row of this member
				continue
			}
		}
		if !m.sleep(ctx, m.backoff(min(i, 5))) {
			return m.leaveError(ctx)
		}
	}
}

// without returns the next record without the row of this member, or nil if there is
// none. m.mu is held.
func (m *Member) without() *record {
	l := &m.ledger
	if l.own < 0 {
		return nil
	}
	r := m.withOwn(l.record.Rows[l.own])
	r.Rows = r.Rows[:len(r.Rows)-1] // the own row is the last one
	r.Count++
	if !r.Learning {
		divide(r, m.quiet).raise(r)
	}
	return r
}

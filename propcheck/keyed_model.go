package propcheck

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/registry"
)

// keyedOutcome is what becomes of an arrival at a Keyed.
type keyedOutcome string

const (
	keyAdmitted  keyedOutcome = "admitted"
	keyWaits     keyedOutcome = "waiting"
	keyFinished  keyedOutcome = "finished"
	keySaturated keyedOutcome = "saturated"
	keyExpired   keyedOutcome = "expired"
	keyCanceled  keyedOutcome = "canceled"
	keyClosed    keyedOutcome = "closed"
	keyTooMany   keyedOutcome = "too many keys"
)

// keyedModel says what a Keyed does, in plain code: no lock, no lease, no clock
// of its own, and every list is searched from end to end.
type keyedModel struct {
	label                      string
	parallelism, room, maxKeys int
	idleAfter                  time.Duration

	closed   bool
	known    []*modelKey // in the order in which they were last left: the oldest first
	status   registry.KeyedStatus
	closings int // how many bulkheads were closed, the one that turns away without a key included
}

type modelKey struct {
	key      string
	inFlight int
	waiting  []*keyedOp
	left     time.Time
}

func (k *modelKey) idle() bool { return k.inFlight == 0 && len(k.waiting) == 0 }

// keyedOp is an operation; key is nil if it never reached one.
type keyedOp struct {
	key     *modelKey
	outcome keyedOutcome
}

func (m *keyedModel) find(key string) *modelKey {
	for _, k := range m.known {
		if k.key == key {
			return k
		}
	}
	return nil
}

// depart is the end of any use of a key: it is now the one left last.
func (m *keyedModel) depart(k *modelKey, now time.Time) {
	k.left = now
	m.known = append(slices.DeleteFunc(m.known, func(o *modelKey) bool { return o == k }), k)
}

func (m *keyedModel) oldestIdle() *modelKey {
	for _, k := range m.known {
		if k.idle() {
			return k
		}
	}
	return nil
}

func (m *keyedModel) forget(k *modelKey) {
	m.known = slices.DeleteFunc(m.known, func(o *modelKey) bool { return o == k })
	m.status.Evicted++
	if !m.closed {
		m.closings++
	}
}

// arrive decides. lost is what the arrival is whatever its key, if it is lost.
func (m *keyedModel) arrive(key string, lost keyedOutcome, mayWait bool, now time.Time) *keyedOp {
	if m.closed && lost != keyCanceled {
		lost = keyClosed
	}
	k := m.find(key)
	if lost != "" {
		switch lost {
		case keyCanceled:
			m.status.Totals.CanceledAtArrival++
		case keyClosed:
			m.status.Totals.ClosedAtArrival++
		case keyExpired:
			m.status.Totals.ExpiredAtArrival++
		}
		if k != nil && !m.closed && k.idle() {
			m.depart(k, now)
		}
		return &keyedOp{nil, lost}
	}
	if k == nil {
		if len(m.known) == m.maxKeys {
			victim := m.oldestIdle()
			if victim == nil {
				m.status.TooManyKeys++
				return &keyedOp{nil, keyTooMany}
			}
			m.forget(victim)
		}
		k = &modelKey{key: key}
		m.known = append(m.known, k)
		m.status.Created++
	}
	op := &keyedOp{key: k}
	switch {
	case k.inFlight < m.parallelism:
		op.outcome = keyAdmitted
		k.inFlight++
		m.status.Totals.Admitted++
	case mayWait && len(k.waiting) < m.room:
		op.outcome = keyWaits
		k.waiting = append(k.waiting, op)
		m.status.Totals.Queued++
	default:
		op.outcome = keySaturated
		m.status.Totals.Saturated++
	}
	return op
}

// finish ends an operation in flight; the first one that waits has its slot.
func (m *keyedModel) finish(op *keyedOp, now time.Time) {
	k := op.key
	k.inFlight--
	op.outcome = keyFinished
	m.status.Totals.Finished++
	if len(k.waiting) > 0 {
		next := k.waiting[0]
		k.waiting = k.waiting[1:]
		k.inFlight++
		next.outcome = keyAdmitted
		m.status.Totals.Admitted++
		m.status.Totals.AdmittedFromQueue++
	}
	if k.idle() {
		m.depart(k, now)
	}
}

// leave ends a wait. There is always something in flight beside it.
func (m *keyedModel) leave(op *keyedOp, why keyedOutcome) {
	op.key.waiting = slices.DeleteFunc(op.key.waiting, func(o *keyedOp) bool { return o == op })
	op.outcome = why
	switch why {
	case keyCanceled:
		m.status.Totals.Canceled++
	case keyExpired:
		m.status.Totals.Expired++
	case keyClosed:
		m.status.Totals.Closed++
	}
}

func (m *keyedModel) evict(key string) bool {
	k := m.find(key)
	if k == nil || !k.idle() {
		return false
	}
	m.forget(k)
	return true
}

func (m *keyedModel) evictIdle(now time.Time) int {
	n := 0
	for _, k := range slices.Clone(m.known) {
		if k.idle() && now.Sub(k.left) >= m.idleAfter {
			m.forget(k)
			n++
		}
	}
	return n
}

func (m *keyedModel) close() {
	if !m.closed {
		m.closings += len(m.known) + 1
	}
	m.closed = true
	for _, k := range m.known {
		for _, op := range slices.Clone(k.waiting) {
			m.leave(op, keyClosed)
		}
	}
}

func (m *keyedModel) inFlight() int {
	n := 0
	for _, k := range m.known {
		n += k.inFlight
	}
	return n
}

// reading is the status that a Keyed in this state has, but for times.
func (m *keyedModel) reading() registry.KeyedStatus {
	s := m.status
	s.Label, s.MaxKeys, s.Keys, s.Closed = m.label, m.maxKeys, len(m.known), m.closed
	for _, k := range m.known {
		s.InFlight += k.inFlight
		s.InUse += k.inFlight
		s.Waiting += len(k.waiting)
	}
	return s
}

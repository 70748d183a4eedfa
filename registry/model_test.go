package registry_test

import (
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/registry"
)

// outcome is what becomes of an arrival, by the model.
type outcome string

const (
	admitted  outcome = "admitted"
	waits     outcome = "waits"
	saturated outcome = "saturated"
	expired   outcome = "expired"
	cancelled outcome = "cancelled"
	closed    outcome = "closed"
	tooMany   outcome = "too many keys"
)

// keyedModel says what a Keyed does, in plain code: no lock, no lease, no clock
// of its own, and every list is searched from end to end.
type keyedModel struct {
	parallelism, room, maxKeys int
	idleAfter                  time.Duration

	closed bool
	known  []*modelKey // in the order in which they were last left: the oldest first
	status registry.KeyedStatus
}

type modelKey struct {
	key      int
	inFlight int
	waiting  []*modelOp
	left     time.Time
}

func (k *modelKey) idle() bool { return k.inFlight == 0 && len(k.waiting) == 0 }

type modelOp struct {
	key     *modelKey
	outcome outcome
}

func (m *keyedModel) find(key int) *modelKey {
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
}

// arrive decides. lost is what the arrival is whatever its key, if it is lost.
func (m *keyedModel) arrive(key int, lost outcome, mayWait bool, now time.Time) *modelOp {
	if m.closed && lost != cancelled {
		lost = closed
	}
	k := m.find(key)
	if lost != "" {
		switch lost {
		case cancelled:
			m.status.Totals.CancelledAtArrival++
		case closed:
			m.status.Totals.ClosedAtArrival++
		case expired:
			m.status.Totals.ExpiredAtArrival++
		}
		if k != nil && !m.closed && k.idle() {
			m.depart(k, now)
		}
		return &modelOp{nil, lost}
	}
	if k == nil {
		if len(m.known) == m.maxKeys {
			victim := m.oldestIdle()
			if victim == nil {
				m.status.TooManyKeys++
				return &modelOp{nil, tooMany}
			}
			m.forget(victim)
		}
		k = &modelKey{key: key}
		m.known = append(m.known, k)
		m.status.Created++
	}
	op := &modelOp{key: k}
	switch {
	case k.inFlight < m.parallelism:
		op.outcome = admitted
		k.inFlight++
		m.status.Totals.Admitted++
	case mayWait && len(k.waiting) < m.room:
		op.outcome = waits
		k.waiting = append(k.waiting, op)
		m.status.Totals.Queued++
	default:
		op.outcome = saturated
		m.status.Totals.Saturated++
	}
	return op
}

// finish ends an operation in flight; the first one that waits has its slot.
func (m *keyedModel) finish(op *modelOp, now time.Time) {
	k := op.key
	k.inFlight--
	m.status.Totals.Finished++
	if len(k.waiting) > 0 {
		next := k.waiting[0]
		k.waiting = k.waiting[1:]
		k.inFlight++
		next.outcome = admitted
		m.status.Totals.Admitted++
		m.status.Totals.AdmittedFromQueue++
	}
	if k.idle() {
		m.depart(k, now)
	}
}

// leave ends a wait. There is always something in flight beside it.
func (m *keyedModel) leave(op *modelOp, why outcome) {
	op.key.waiting = slices.DeleteFunc(op.key.waiting, func(o *modelOp) bool { return o == op })
	op.outcome = why
	switch why {
	case cancelled:
		m.status.Totals.Cancelled++
	case expired:
		m.status.Totals.Expired++
	case closed:
		m.status.Totals.Closed++
	}
}

func (m *keyedModel) evict(key int) bool {
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
	m.closed = true
	for _, k := range m.known {
		for _, op := range slices.Clone(k.waiting) {
			m.leave(op, closed)
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
	s.Label, s.MaxKeys, s.Keys, s.Closed = "tenants", m.maxKeys, len(m.known), m.closed
	for _, k := range m.known {
		s.InFlight += k.inFlight
		s.InUse += k.inFlight
		s.Waiting += len(k.waiting)
	}
	return s
}

package linear

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// epoch is the one instant of model time.
var epoch time.Time

// state is what a step may depend on.
type state struct {
	model    *model.Model
	readings uint64   // Status calls
	ended    set      // operations whose ctx has ended
	told     []answer // operations that were decided about and have not woken, by op
}

// answer is what an operation is going to be told when it wakes.
type answer struct {
	model.Decision
	late bool // granted after its ctx had ended: it must not start
}

// set is a set of operations.
type set [maxOps / 64]uint64

func (s *set) add(op int)      { s[op/64] |= 1 << (op % 64) }
func (s *set) has(op int) bool { return s[op/64]&(1<<(op%64)) != 0 }

// modelOf returns the model of a bulkhead that was just made. With a log, the
// events of the steps must be those of the log.
func modelOf(c bulk.Capacity, log []bulk.Event) porcupine.Model {
	n := porcupine.NondeterministicModel{
		Init: func() []any {
			m := model.New(label, c)
			// The numbers of events tell apart states that differ in nothing else. Without
			// a handler they would only make the search longer.
			if log != nil {
				m.Handlers = 1
			}
			return []any{&state{model: m}}
		},
		Step: func(s, in, out any) []any {
			var next []any
			for _, n := range s.(*state).step(in.(input), out.(output)) {
				if n.follows(log) {
					next = append(next, n)
				}
			}
			return next
		},
		Equal:             func(a, b any) bool { return a.(*state).equal(b.(*state)) },
		Hash:              func(s any) uint64 { return s.(*state).hash() },
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%v: %v", in, out) },
	}
	return n.ToModel()
}

// step returns the states that in may lead to when out is the answer.
func (s *state) step(in input, out output) []*state {
	ends := []bool{in.done} // whether an arrival sees its ctx ended
	if in.verb == arrive && !in.done && s.ended.has(in.op) {
		ends = []bool{false, true}
	}
	var next []*state
	for _, done := range ends {
		if n := s.clone(); n.take(in, out, done) {
			n.digest()
			next = append(next, n)
		}
	}
	return next
}

// take makes one step. It reports false if out can't be its answer.
func (s *state) take(in input, out output, done bool) bool {
	m := s.model
	switch in.verb {
	case try, ask, arrive:
		d := m.Arrive(epoch, model.Arrival{Op: in.op, Slots: in.slots, Limits: in.limits}, done)
		a := answer{Decision: d}
		switch {
		case in.verb == try:
			return !d.Queued() && out.ok == d.Admitted()
		case d.Queued():
			return in.verb == arrive
		case in.verb == arrive:
			s.tell(a)
		}
		return a.is(out)
	case wake:
		return s.wake(in.op, out)
	case release: // only the first one frees
		if m.IsInFlight(in.op) {
			m.Release(epoch, in.op)
		}
	case resize:
		c := m.Capacity
		c.Parallelism = in.capacity.Parallelism
		return out.change == m.SetCapacity(epoch, c)
	case change:
		return out.change == m.SetCapacity(epoch, in.capacity)
	case shut:
		m.Close(epoch)
	case look:
		s.readings++
		want := m.Status(epoch)
		want.Index = s.readings
		return out.status == want && out.waits == m.Totals.AdmittedFromQueue
	case drained:
		return out.ok == m.Drained
	case cancel:
		s.ended.add(in.op)
	}
	return true
}

// wake ends the wait of an operation that has arrived, with out.
func (s *state) wake(op int, out output) bool {
	m := s.model
	ended := s.ended.has(op)
	at := slices.IndexFunc(m.Room, func(w model.Operation) bool { return w.Op == op })
	a, told := s.untell(op)
	switch {
	case at >= 0 && out.rejection.Reason == bulk.Expired && out.took >= m.Room[at].Allowed:
		m.Expire(epoch, op)
	case at >= 0 && out.rejection.Reason == bulk.Canceled && ended:
		m.Cancel(epoch, op)
	case told && a.Admitted() && a.Rule == 0 && out.rejection.Reason == bulk.Canceled && ended:
		m.Abandon(epoch, op)
	default:
		return told && a.is(out)
	}
	s.digest()
	a, _ = s.untell(op)
	return a.is(out)
}

// is reports whether a may be told as out.
func (a answer) is(out output) bool {
	if a.Admitted() {
		// Canceled is possible still, if it woke with its ctx ended: see wake.
		return out.ok && !a.late
	}
	return !out.ok && a.Rejected() && a.Rejection == out.rejection
}

// digest keeps what the last verb decided about those who waited.
func (s *state) digest() {
	for _, d := range s.model.Decisions {
		if d.Rule != 0 {
			continue // of an arrival
		}
		s.tell(answer{d, d.Admitted() && s.ended.has(d.Op)})
	}
	s.model.Decisions = nil
}

func (s *state) tell(a answer) {
	i, _ := s.find(a.Op)
	s.told = slices.Insert(s.told, i, a)
}

func (s *state) untell(op int) (answer, bool) {
	i, ok := s.find(op)
	if !ok {
		return answer{}, false
	}
	a := s.told[i]
	s.told = slices.Delete(s.told, i, i+1)
	return a, true
}

func (s *state) find(op int) (int, bool) {
	return slices.BinarySearchFunc(s.told, op, func(a answer, op int) int { return a.Op - op })
}

// follows reports whether the events of the last step are those of the log.
func (s *state) follows(log []bulk.Event) bool {
	events := s.model.Events
	s.model.Events, s.model.Waits = nil, nil
	if log == nil {
		return true
	}
	for _, e := range events {
		if e.Seq > uint64(len(log)) || log[e.Seq-1] != e {
			return false
		}
	}
	return true
}

func (s *state) clone() *state {
	n := *s
	n.model = s.model.Clone()
	n.told = slices.Clone(s.told)
	return &n
}

// equal compares all that later steps can depend on. In which order those in
// flight were admitted is not among it.
func (s *state) equal(t *state) bool {
	a, b := s.model, t.model
	if a.Capacity != b.Capacity || a.Closed != b.Closed || a.Drained != b.Drained ||
		a.Seq != b.Seq || a.Totals != b.Totals || a.Peak != b.Peak ||
		s.readings != t.readings || s.ended != t.ended ||
		len(a.InFlight) != len(b.InFlight) || !slices.Equal(a.Room, b.Room) || !slices.Equal(s.told, t.told) {
		return false
	}
	for _, f := range a.InFlight {
		if !slices.Contains(b.InFlight, f) {
			return false
		}
	}
	return true
}

// hash is the same for states that are equal.
func (s *state) hash() uint64 {
	h := s.model.Seq
	for _, w := range s.model.Room {
		h = h*1099511628211 + uint64(w.Op)
	}
	for _, a := range s.told {
		h = h*1099511628211 + uint64(a.Op)
	}
	sum := uint64(0)
	for _, f := range s.model.InFlight {
		sum += uint64(f.Op*f.Op + 1)
	}
	return h*1099511628211 + sum
}

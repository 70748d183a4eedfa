package sizing

import (
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Shadow is a bulkhead of another capacity that does not exist: it computes what would
// have become of the operations of a real one. Make one with [NewShadow]. All methods may
// be called by any number of goroutines concurrently.
type Shadow struct {
	observer
	id       uint64
	statuses uint64
	virtual  *virtual
}

// NewShadow returns a shadow of b with capacity c.
func NewShadow(b *bulk.Bulkhead, c bulk.Capacity) (*Shadow, error) {
	if b == nil {
		panic("sizing: NewShadow: nil bulkhead")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Shadow{id: newID(b.Label())}
	s.virtual = newVirtual(c, s.records.put)
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.listen(b, (*shadowAudience)(s))
	for i := range began.InFlight {
		slots := 1
		if i == 0 {
			slots = began.InUse - began.InFlight + 1
		}
		s.virtual.occupy(slots)
	}
	if began.Closed {
		s.virtual.close()
	}
	s.virtual.seen = moment{0, began.LastEvent}
	return s, nil
}

// newID returns the ID of a bulkhead that nobody else has.
func newID(label string) uint64 {
	b, err := bulk.New(label, 1)
	if err != nil {
		panic(err) // another bulkhead has that label
	}
	return b.Status().ID
}

// Status returns the status of the bulkhead that does not exist.
func (s *Shadow) Status() bulk.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.caughtUp(); ok {
		s.virtual.seen = now
		s.virtual.advance()
	}
	s.statuses++
	status := s.virtual.status()
	status.ID, status.Index, status.Label = s.id, s.statuses, s.bulkhead.Label()
	status.At = s.time(s.virtual.now)
	return status
}

// SetCapacity changes the capacity of the shadow.
func (s *Shadow) SetCapacity(c bulk.Capacity) error {
	if err := c.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.observer.closed {
		return fmt.Errorf("sizing: shadow of %v: capacity not changed: %w", s.bulkhead, bulk.ErrClosed)
	}
	at, ok := s.caughtUp()
	if !ok {
		at = s.virtual.seen
	}
	s.virtual.add(input{moment: at, kind: changes, capacity: &c})
	return nil
}

// Close ends the shadow.
func (s *Shadow) Close() error {
	s.stop()
	return nil
}

// Accuracy says how far the figures of a [Shadow] rest on assumptions.
type Accuracy struct {
	Drawn uint64        // operations whose hold was drawn, because they never ran in reality
	Late  uint64        // events that were delivered after 16,384 later ones
	Lag   time.Duration //
}

// Accuracy returns …
func (s *Shadow) Accuracy() Accuracy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Accuracy{Drawn: s.virtual.drawn, Late: s.late}
}

// shadowAudience keeps the methods of audience out of the API of Shadow.
type shadowAudience Shadow

func (s *shadowAudience) arrived(op *operation) {
	s.virtual.add(input{moment: op.arrival, kind: arrives, op: op})
}

func (s *shadowAudience) admitted(op *operation, at moment) { s.virtual.admitted(op, at) }

func (s *shadowAudience) ended(op *operation) { s.virtual.ended(op) }

func (s *shadowAudience) stranger(kind inputKind, slots int, at moment) {
	s.virtual.add(input{moment: at, kind: kind, slots: slots})
}

func (s *shadowAudience) closed(at moment) { s.virtual.add(input{moment: at, kind: closes}) }

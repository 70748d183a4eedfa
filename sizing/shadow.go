package sizing

import (
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
)

// Shadow is a bulkhead that does not exist. It has another capacity than a real one, and
// computes from the events of that what would have become of the same operations. Make one
// with [NewShadow]. All methods may be called by any number of goroutines concurrently.
type Shadow struct {
	observer
	id       uint64
	statuses uint64 // Status calls
	virtual  *virtual
}

// NewShadow returns a shadow of b with capacity c, which may be paused. It listens to b
// from now on, until Close. If a value of c is not allowed, the error has
// [*bulk.ConfigError]s. A nil b panics.
//
// The operations that b has in flight occupy their slots in the shadow too, whatever its
// capacity, until they end. The operations that wait in b do so from their admission on.
//
// While it listens, each operation of b costs about 0.4 µs more, and
// allocates nothing in steady state (BenchmarkRun). A shadow needs memory for each
// operation that is in flight or waits in b or in the shadow (about 200 bytes), for at
// most 16,384 transitions that are not certain yet, and for at most 16,384 events that
// were delivered before an earlier one: 3 MB at most.
func NewShadow(b *bulk.Bulkhead, c bulk.Capacity) (*Shadow, error) {
	if b == nil {
		panic("sizing: NewShadow: nil bulkhead")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Shadow{id: newID()}
	s.virtual = newVirtual(c, s.records.put)
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.listen(b, (*shadowAudience)(s))
	for i := range began.InFlight {
		slots := 1
		if i == 0 {
			slots = began.InUse - began.InFlight + 1 // only the sum is known
		}
		s.virtual.occupy(slots)
	}
	s.virtual.seen = moment{seq: began.LastEvent}
	if began.Closed {
		s.virtual.add(input{moment: s.virtual.seen, kind: closes})
	}
	return s, nil
}

// newID returns a number that no bulkhead has.
func newID() uint64 { return bulk.Must(bulk.New("shadow", 1)).Status().ID }

// Status returns the status of the bulkhead that does not exist. All forms and methods of
// a [bulk.Status] work on it: Since and Report judge it as any other. It has the label of
// the real bulkhead, an ID of its own, and an Index that counts the Status calls of the
// shadow. OldestHold is 0. The accounting identities of a [bulk.Status] hold.
//
// At is the instant up to which the shadow is certain. That is now, except
//
//   - while an event of b has not been delivered yet: then At is the time of the last one
//     that was delivered in order;
//   - while an operation is in flight in the shadow that b kept waiting: its hold is known
//     only when it has ended in b, and until then the shadow is behind by its wait in b.
//
// How many of its operations have a hold that was drawn is in [Shadow.Accuracy].
//
// Status takes a Status of the real bulkhead, so it counts in its Index, and allocates two
// histograms of waits (8 kB) if any operation has waited in both.
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

// SetCapacity changes the capacity of the shadow as [bulk.Bulkhead.SetCapacity] changes
// that of a bulkhead. A change of the capacity of the real bulkhead does not change the
// shadow: a program that wants both calls both.
//
// If a value of c is not allowed, the error has [*bulk.ConfigError]s. If the shadow or the
// real bulkhead is closed, it matches [bulk.ErrClosed]. Nothing has changed then.
func (s *Shadow) SetCapacity(c bulk.Capacity) error {
	if err := c.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ok := s.caughtUp()
	if s.stopped || s.virtual.closing {
		return fmt.Errorf("sizing: %v: capacity not changed: %w", s, bulk.ErrClosed)
	}
	if !ok {
		now = s.virtual.seen
	}
	s.virtual.add(input{moment: now, kind: changes, capacity: &c})
	return nil
}

// Close stops listening. Status returns the last state from then on. Close may be called
// again, does not block and always returns nil.
func (s *Shadow) Close() error {
	s.stop()
	return nil
}

// Accuracy says how much of a [Shadow] rests on assumptions. The zero Accuracy says that
// it is exact: see the documentation of the package.
type Accuracy struct {
	// Drawn counts operations of the shadow whose hold was drawn from the last 256 that
	// were observed, because they never ran in the real bulkhead.
	Drawn uint64
	// Late counts events that were delivered more than 16,384 events too late.
	Late uint64
}

// String returns both numbers in words.
func (a Accuracy) String() string {
	return fmt.Sprintf("%d holds drawn, %d events late", a.Drawn, a.Late)
}

// Accuracy returns how much of the shadow rests on assumptions.
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

func (s *shadowAudience) earlier(kind inputKind, slots int, at moment) {
	s.virtual.add(input{moment: at, kind: kind, slots: slots})
}

func (s *shadowAudience) closed(at moment) { s.virtual.add(input{moment: at, kind: closes}) }

// Bulkhead returns the bulkhead that s listens to.
func (s *Shadow) Bulkhead() *bulk.Bulkhead { return s.bulkhead }

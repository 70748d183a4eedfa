package bulk

import "time"

// Status is one reading of a bulkhead, consistent in itself. At all times:
//
//	Admitted = Finished + Abandoned + InFlight
//	Queued   = AdmittedFromQueue + Expired + Canceled + Closed + Oversized + Waiting
//	arrivals = (Admitted − AdmittedFromQueue) + Queued + Saturated + (each …AtArrival)
//	callers who got Canceled = Canceled + CanceledAtArrival + Abandoned
type Status struct {
	ID        uint64    `json:"id"`         // which bulkhead: a number never used twice in a process
	Index     uint64    `json:"index"`      // 1, 2, 3 … over the Status calls of one bulkhead
	LastEvent uint64    `json:"last_event"` // Seq of the last transition before this reading
	Label     string    `json:"label"`
	At        time.Time `json:"at"`
	Capacity  Capacity  `json:"capacity"`
	InFlight  int       `json:"in_flight"` // operations
	InUse     int       `json:"in_use"`    // slots; above Parallelism only while a shrink drains
	Waiting   int       `json:"waiting"`
	Closed    bool      `json:"closed"`
	Totals    Totals    `json:"totals"`
	Peak      Peak      `json:"peak"`
}

// Peak has the highest numbers there ever were.
type Peak struct {
	InFlight int `json:"in_flight"`
	InUse    int `json:"in_use"`
	Waiting  int `json:"waiting"`
}

// Status takes a reading. It takes the lock once and allocates only the copy of
// the histogram (4 kB), if anyone has ever waited.
func (b *Bulkhead) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.statuses++
	s := Status{
		ID: b.id, Index: b.statuses, LastEvent: b.transitions(), Label: b.label, At: time.Now(),
		Capacity: b.capacity, InFlight: b.inFlight(), InUse: b.inUse, Waiting: b.queue.len, Closed: b.closed,
		Totals: b.totals, Peak: b.peak,
	}
	s.Totals.Waits = b.waits.snapshot()
	return s
}

// Free returns how many slots are free: 0 while a shrink drains.
func (s Status) Free() int { return max(0, s.Capacity.Parallelism-s.InUse) }

// Excess returns how many slots are in use above the parallelism, while a
// shrink drains.
func (s Status) Excess() int { return max(0, s.InUse-s.Capacity.Parallelism) }

// Saturated reports whether an operation for one slot that arrives now would be
// turned away as saturated.
func (s Status) Saturated() bool {
	atOnce := s.Free() > 0 && s.Waiting == 0
	return !s.Closed && !atOnce && s.Waiting >= s.Capacity.WaitingRoom
}

// Drained reports whether the bulkhead is closed and nothing is in flight.
func (s Status) Drained() bool { return s.Closed && s.InFlight == 0 }

// Utilization returns the share of the slots that is in use: 1 is full, more
// than 1 is a shrink that drains.
func (s Status) Utilization() float64 {
	return float64(s.InUse) / float64(max(1, s.Capacity.Parallelism))
}

// QueueUtilization returns the share of the waiting room that is taken: 0
// without a room, more than 1 while a room that was made smaller empties.
func (s Status) QueueUtilization() float64 {
	if s.Capacity.WaitingRoom < 1 {
		return 0
	}
	return float64(s.Waiting) / float64(s.Capacity.WaitingRoom)
}

package bulk

import "time"

// Status is a consistent snapshot of a bulkhead. At all times:
//
//	Admitted = Finished + Abandoned + InFlight
//	Queued   = AdmittedFromQueue + Expired + Canceled + Closed + Oversized + Waiting
//	arrivals = (Admitted − AdmittedFromQueue) + Queued + Saturated + (each …AtArrival)
//	callers who got Canceled = Canceled + CanceledAtArrival + Abandoned
//
// The text form is String. In text and logs a label is escaped, and truncated after
// 100 bytes, so that a label from outside cannot forge or hide a line.
//
// The JSON form has the names of the field tags, and can be read back. Durations are
// integer nanoseconds with names that end in _ns, except those of [Capacity], which
// has the form of configuration files. Times are RFC 3339 with nanoseconds. Names are stable: fields may be added, but
// none is removed or changes its meaning.
//
// Reading back replaces bytes of a label that are not UTF-8 by U+FFFD, and drops
// the monotonic part of a time. Decode into a zero Status: fields that are absent
// from the JSON are left unchanged.
type Status struct {
	// ID identifies the bulkhead. No ID is used twice in a process.
	ID uint64 `json:"id"`
	// Index counts the Status calls of the bulkhead: 1, 2, 3, …
	Index uint64 `json:"index"`
	// LastEvent is the Seq of the last [Event] before this status.
	LastEvent uint64 `json:"last_event"`
	// Label is the label of the bulkhead, as it was given to [New].
	Label string `json:"label"`
	// At is the time of the snapshot.
	At time.Time `json:"at"`
	// Capacity is the capacity at that time.
	Capacity Capacity `json:"capacity"`
	// InFlight is the number of operations in flight.
	InFlight int `json:"in_flight"`
	// InUse is the number of slots in use. It is above the parallelism only while
	// operations admitted under a higher parallelism are in flight.
	InUse int `json:"in_use"`
	// Waiting is the number of operations in the waiting room.
	Waiting int `json:"waiting"`
	// Closed reports whether the bulkhead is closed.
	Closed bool `json:"closed"`
	// Queueing is for how long the waiting room has not been empty. It is 0 if the room
	// is empty.
	Queueing time.Duration `json:"queueing_ns"`
	// OldestWait is for how long the head of the queue has waited.
	OldestWait time.Duration `json:"oldest_wait_ns"`
	// OldestHold is for how long the longest-running operation has been in flight. It is
	// 0 without [TrackHolds].
	OldestHold time.Duration `json:"oldest_hold_ns"`
	// Totals has the counts over the whole life of the bulkhead.
	Totals Totals `json:"totals"`
	// Peak has the highest numbers over the whole life of the bulkhead.
	Peak Peak `json:"peak"`
}

// Peak has the highest numbers of operations and slots. Each is a maximum of its
// own: they need not have occurred at the same time.
type Peak struct {
	// InFlight is the highest number of operations in flight.
	InFlight int `json:"in_flight"`
	// InUse is the highest number of slots in use.
	InUse int `json:"in_use"`
	// Waiting is the highest number of operations in the waiting room.
	Waiting int `json:"waiting"`
}

// Status returns a snapshot of b. It takes the lock once. It allocates only a copy
// of the histogram of waits (4 kB), if any operation has waited.
func (b *Bulkhead) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.statuses++
	at := time.Now()
	s := Status{
		ID: b.id, Index: b.statuses, LastEvent: b.transitions(), Label: b.label, At: at,
		Capacity: b.capacity, InFlight: b.inFlight(), InUse: b.inUse, Waiting: b.queue.len, Closed: b.closed,
		Totals: b.totals, Peak: b.peak,
	}
	s.Totals.Waits = b.waits.snapshot()
	b.addAges(&s, instantOf(at))
	return s
}

// addTo adds the load, the capacity and the totals of b to s, and sets Queueing,
// OldestWait and OldestHold to those of b if they are longer: see hooks.AddStatus.
// Unlike [Bulkhead.Status] it copies the histogram of waits at most once for one s,
// because own says that the histogram belongs to s. It returns the new value of own.
func (b *Bulkhead) addTo(s *Status, own bool) bool {
	waits := waitsSum{s.Totals.Waits, own}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Capacity.Parallelism = addCapped(s.Capacity.Parallelism, b.capacity.Parallelism)
	s.Capacity.WaitingRoom = addCapped(s.Capacity.WaitingRoom, b.capacity.WaitingRoom)
	s.InFlight += b.inFlight()
	s.InUse += b.inUse
	s.Waiting += b.queue.len
	s.Totals.add(&b.totals)
	waits.addLive(b.waits)
	s.Totals.Waits = waits.sum
	if b.queue.head != nil || b.held.oldest != nil { // otherwise no reading of the clock
		b.addAges(s, instantOf(time.Now()))
	}
	return waits.own
}

// addAges adds to s what depends on the time. The lock is held.
func (b *Bulkhead) addAges(s *Status, now int64) {
	if head := b.queue.head; head != nil {
		queueing := subSat(now, b.queueingSince)
		s.Queueing = max(s.Queueing, time.Duration(queueing))
		s.OldestWait = max(s.OldestWait, time.Duration(subSat(now, head.since)))
		s.Totals.Queueing = time.Duration(addSat(int64(s.Totals.Queueing), queueing))
	}
	if op := b.held.oldest; op != nil {
		s.OldestHold = max(s.OldestHold, time.Duration(subSat(now, op.since)))
	}
}

// addCapped returns n+m, which are not negative, or [Unlimited] if the sum overflows.
func addCapped(n, m int) int {
	if n > Unlimited-m {
		return Unlimited
	}
	return n + m
}

// Free returns the number of free slots. It is 0 if more slots are in use than the
// parallelism.
func (s Status) Free() int { return max(0, s.Capacity.Parallelism-s.InUse) }

// Excess returns the number of slots in use above the parallelism. It is 0 unless
// the parallelism was lowered while they were in use.
func (s Status) Excess() int { return max(0, s.InUse-s.Capacity.Parallelism) }

// Saturated reports whether an operation for one slot that arrives now would be
// rejected as saturated.
func (s Status) Saturated() bool {
	admits := s.Free() > 0 && s.Waiting == 0
	return !s.Closed && !admits && s.Waiting >= s.Capacity.WaitingRoom
}

// Paused reports whether the parallelism is 0: no operation is admitted.
func (s Status) Paused() bool { return s.Capacity.Parallelism == 0 }

// Drained reports whether the bulkhead is closed and no operation is in flight.
func (s Status) Drained() bool { return s.Closed && s.InFlight == 0 }

// Utilization returns the slots in use as a share of the parallelism. It is above
// 1 if more slots are in use than the parallelism. While the bulkhead is paused it is
// the number of slots in use.
func (s Status) Utilization() float64 {
	return float64(s.InUse) / float64(max(1, s.Capacity.Parallelism))
}

// QueueUtilization returns the waiting operations as a share of the waiting room.
// It is 0 without a waiting room, and above 1 if more operations wait than a
// waiting room that was made smaller has places.
func (s Status) QueueUtilization() float64 {
	if s.Capacity.WaitingRoom < 1 {
		return 0
	}
	return float64(s.Waiting) / float64(s.Capacity.WaitingRoom)
}

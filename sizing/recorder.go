package sizing

import (
	"cmp"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Recorder keeps the last operations of a bulkhead. Make one with [NewRecorder]. All
// methods may be called by any number of goroutines concurrently.
type Recorder struct {
	observer
	max      int
	over     []Operation // by end; with max of them, a ring
	oldest   int         // index in over
	since    int64       // every operation that was there then or later is known
	closedAt int64       // or unknown
}

// NewRecorder returns a recorder that listens to b from now on, until Close. It keeps the
// last max operations that are over, and those that are in flight or wait. If max is less
// than 1, the error is a [*bulk.ConfigError]. A nil b panics.
//
// While it listens, each operation of b costs about 0.35 µs more, and allocates nothing once
// max operations are kept (BenchmarkRun). The memory is 64 bytes for each operation that is
// kept, about 200 bytes for each one that is in flight or waits, and 1 MB at most for events
// that were delivered before an earlier one. It grows with the operations, not with max.
func NewRecorder(b *bulk.Bulkhead, max int) (*Recorder, error) {
	if b == nil {
		panic("sizing: NewRecorder: nil bulkhead")
	}
	if max < 1 {
		return nil, &bulk.ConfigError{Label: b.Label(), Field: "max", Value: max, Problem: "must be at least 1"}
	}
	r := &Recorder{max: max, closedAt: unknown}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listen(b, (*recorderAudience)(r)).Closed {
		r.closedAt = 0
	}
	return r, nil
}

// Close ends the recording. The trace remains available.
func (r *Recorder) Close() error {
	r.stop()
	return nil
}

// Trace returns what was recorded up to now, or up to Close. Operations that were in flight
// when the recording began count as if they had arrived then, as do those that waited then
// and have ended.
//
// If the recorder has forgotten operations, the trace starts at the end of the last one that
// was forgotten: every operation that was in flight or waited then, or arrived later, is in
// it, however long ago it came.
//
// Trace copies the operations, during which calls of b wait if they have an event (about
// 30 ms for a million), and sorts the copy. It takes a Status of b.
func (r *Recorder) Trace() Trace {
	t := r.copy()
	slices.SortStableFunc(t.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Arrived, b.Arrived), cmp.Compare(a.Seq, b.Seq))
	})
	return t
}

// copy returns the trace with the operations in no order.
func (r *Recorder) copy() Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, ok := r.caughtUp(); ok {
		r.now = now.at
	}
	t := Trace{
		Label: r.bulkhead.Label(), Capacity: r.capacity, Start: r.time(r.since), End: r.time(r.now),
		Operations: make([]Operation, 0, len(r.over)+len(r.live)),
	}
	if r.closedAt != unknown {
		t.Closed = r.time(r.closedAt)
	}
	t.Operations = append(t.Operations, r.over...)
	for _, op := range r.live {
		t.Operations = append(t.Operations, operationOf(&op.facts, r.now))
	}
	for i := range t.Operations {
		t.Operations[i].Arrived -= time.Duration(r.since)
	}
	return t
}

// operationOf returns the form of an operation in a trace. now is the end of one that is
// not over.
func operationOf(f *facts, now int64) Operation {
	end := f.ended
	if !f.over {
		end.at = now
	}
	started := f.started
	if started == unknown {
		started = end.at
	}
	return Operation{
		Arrived: time.Duration(f.arrival.at), Slots: f.slots, Queued: f.queued,
		Wait: time.Duration(started - f.arrival.at), Hold: time.Duration(end.at - started),
		Outcome: f.outcome, Limited: f.limited, Seq: f.arrival.seq, EndSeq: end.seq,
	}
}

// keep adds an operation that is over, and forgets the oldest one if there are too many.
func (r *Recorder) keep(op Operation) {
	if len(r.over) < r.max {
		r.over = append(r.over, op)
		return
	}
	forgotten := &r.over[r.oldest]
	r.since = max(r.since, int64(forgotten.Arrived+forgotten.Wait+forgotten.Hold))
	*forgotten = op
	r.oldest = (r.oldest + 1) % r.max
}

// recorderAudience keeps the methods of audience out of the API of Recorder.
type recorderAudience Recorder

func (r *recorderAudience) arrived(op *operation) {
	if op.over {
		r.ended(op)
	}
}

func (r *recorderAudience) admitted(*operation, moment) {}

func (r *recorderAudience) ended(op *operation) {
	(*Recorder)(r).keep(operationOf(&op.facts, op.facts.ended.at))
	r.records.put(op)
}

// earlier keeps an operation that arrived before the recording as if it had arrived when
// the recording began.
func (r *recorderAudience) earlier(kind inputKind, slots int, at moment) {
	if kind == vacates {
		(*Recorder)(r).keep(Operation{Slots: slots, Hold: time.Duration(at.at), Outcome: Finished, EndSeq: at.seq})
	}
}

func (r *recorderAudience) closed(at moment) { r.closedAt = at.at }

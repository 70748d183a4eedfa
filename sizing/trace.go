package sizing

import (
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Trace is what happened to the operations of a bulkhead during some time: see
// [Recorder.Trace] and [ReadTrace].
type Trace struct {
	Label      string        // of the bulkhead
	Start      time.Time     // since when every operation is in the trace
	End        time.Time     // when it was taken; the zero time: at the last end of an operation
	Closed     time.Time     // when the bulkhead was closed; the zero time: it was open
	Capacity   bulk.Capacity // of the bulkhead at the end
	Operations []Operation   // in the order of their arrivals
}

// Operation is one operation of a [Trace].
type Operation struct {
	Arrived time.Duration // after Start; negative: it arrived before, and was still there
	Slots   int           // what it asked for, at least 1
	Queued  bool          // it joined the queue
	Wait    time.Duration // from its arrival to its admission or rejection
	Hold    time.Duration // from its admission to its end; 0 if it was rejected
	Outcome Outcome       // what became of it
	Limited bool          // a limit of its call rejected it: it was not allowed to wait (Saturated), or not longer (Expired)
	Seq     uint64        // of the event of its arrival; orders what happened at the same instant
	EndSeq  uint64        // of its last event
}

// NeverRan returns how many operations have no hold, because they were rejected or still
// waited. If a replay admits one of them, it draws a hold from those of the operations
// that finished.
func (t Trace) NeverRan() (n int) {
	for _, op := range t.Operations {
		if op.Outcome != Finished && op.Outcome != InFlight {
			n++
		}
	}
	return n
}

// Replay returns what a bulkhead with capacity c, which may be paused, would have done with
// the operations of the trace: its status at the end of the trace. The capacity is c
// throughout; the bulkhead is closed when the real one was. The label is that of the trace,
// and the ID a new one, so that statuses of two replays are unrelated.
//
// Replay needs no goroutine and no time but that of the computation: about a quarter of a
// second for a million operations. The same trace and capacity give the same status, apart
// from the ID.
//
// The error has [*bulk.ConfigError]s if a value of c is not allowed, and is a [*TraceError]
// if t is not valid.
func (t Trace) Replay(c bulk.Capacity) (bulk.Status, error) {
	if err := c.Validate(); err != nil {
		return bulk.Status{}, err
	}
	if err := t.Validate(); err != nil {
		return bulk.Status{}, err
	}
	var records pool
	v := newVirtual(c, records.put)
	v.holds.times = t.holds()
	closed := int64(forever)
	if !t.Closed.IsZero() {
		closed = int64(t.Closed.Sub(t.Start))
	}
	for i := range t.Operations {
		op := records.get()
		op.facts = t.Operations[i].facts(uint64(i))
		if op.arrival.at >= closed {
			v.add(input{moment: moment{at: closed}, kind: closes})
			closed = forever
		}
		v.add(input{moment: op.arrival, kind: arrives, op: op})
	}
	end := t.end()
	if closed <= end {
		v.add(input{moment: moment{at: closed}, kind: closes})
	}
	v.seen = moment{end, bounds - 1}
	v.advance()
	s := v.status()
	s.ID, s.Index, s.Label, s.At = newID(), 1, t.Label, t.Start.Add(time.Duration(end))
	return s, nil
}

// end returns the instant of the end, after the start.
func (t Trace) end() int64 {
	if !t.End.IsZero() {
		return int64(t.End.Sub(t.Start))
	}
	end := int64(0)
	for _, op := range t.Operations {
		end = max(end, int64(op.Arrived+op.Wait+op.Hold))
	}
	return end
}

// holds returns those of the operations that finished.
func (t Trace) holds() []int64 {
	var holds []int64
	for _, op := range t.Operations {
		if op.Outcome == Finished {
			holds = append(holds, int64(op.Hold))
		}
	}
	return holds
}

// facts returns what is known about the operation with that number.
func (op *Operation) facts(number uint64) facts {
	f := facts{
		number: number, arrival: moment{int64(op.Arrived), op.Seq}, slots: op.Slots, queued: op.Queued,
		limited: op.Limited, outcome: op.Outcome, started: unknown, over: true,
	}
	start := f.arrival.at + int64(op.Wait)
	if op.Outcome.admitted() {
		f.started = start
	}
	f.ended = moment{start + int64(op.Hold), op.EndSeq}
	return f
}

// TraceError says what is wrong with a trace.
type TraceError struct {
	Line    int    // in the form of [Trace.WriteTo]: the header is line 1, the first operation line 2
	Problem string // what is wrong, and what is allowed
	Err     error  // the cause, or nil
}

// Error reads like
//
//	sizing: trace: line 7: slots 0: must be at least 1
func (e *TraceError) Error() string {
	text := fmt.Sprintf("sizing: trace: line %d: %s", e.Line, e.Problem)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *TraceError) Unwrap() error { return e.Err }

// Validate returns a [*TraceError] if a value of t is not allowed, else nil.
func (t Trace) Validate() error {
	if !t.End.IsZero() && t.End.Before(t.Start) {
		return &TraceError{Line: 1, Problem: "end: must not be before the start"}
	}
	if err := t.Capacity.Validate(); err != nil {
		return &TraceError{Line: 1, Problem: "capacity", Err: err}
	}
	previous := moment{at: unknown}
	for i := range t.Operations {
		op := &t.Operations[i]
		arrival := moment{int64(op.Arrived), op.Seq}
		problem := op.problem()
		if problem == "" && arrival.before(previous) {
			problem = "arrived before the operation of the line before"
		}
		if problem != "" {
			return &TraceError{Line: i + 2, Problem: problem}
		}
		previous = arrival
	}
	return nil
}

// longest bounds each time, so that sums of a few cannot overflow: 73 years.
const longest = forever / 4

// problem returns what is wrong with the operation, or nothing.
func (op *Operation) problem() string {
	within := func(low, d time.Duration) bool { return low <= d && d <= longest }
	switch {
	case !op.Outcome.known():
		return fmt.Sprintf("outcome %d: is not an outcome", op.Outcome)
	case op.Slots < 1:
		return fmt.Sprintf("slots %d: must be at least 1", op.Slots)
	case !within(-longest, op.Arrived):
		return fmt.Sprintf("arrived %v: must be within 73 years of the start", op.Arrived)
	case !within(0, op.Wait):
		return fmt.Sprintf("wait %v: must be from 0 to 73 years", op.Wait)
	case !within(0, op.Hold):
		return fmt.Sprintf("hold %v: must be from 0 to 73 years", op.Hold)
	case op.Hold > 0 && !op.Outcome.admitted():
		return fmt.Sprintf("hold %v: must be 0 if it is %v", op.Hold, op.Outcome)
	case op.Wait > 0 && !op.Queued:
		return fmt.Sprintf("wait %v: must be 0 if it was not queued", op.Wait)
	case op.Outcome == Waiting && !op.Queued, op.Outcome == Saturated && op.Queued:
		return fmt.Sprintf("queued %t: impossible if it is %v", op.Queued, op.Outcome)
	case op.Limited && op.Outcome != Saturated && op.Outcome != Expired:
		return fmt.Sprintf("limited: impossible if it is %v", op.Outcome)
	}
	return ""
}

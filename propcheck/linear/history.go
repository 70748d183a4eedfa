package linear

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

const (
	label   = "linear"
	clients = 8
	calls   = 40 // of each client
	maxOps  = (clients*calls/64 + 1) * 64
)

// verb is a kind of step.
type verb uint8

const (
	try     verb = iota + 1 // TryAcquireN: no reason is given
	ask                     // AcquireN or RunN, decided at arrival
	arrive                  // AcquireN or RunN: the first of two steps
	wake                    // the second
	release                 // Release, or the end of RunN
	resize                  // Resize
	change                  // SetCapacity
	shut                    // Close
	look                    // Status
	drained                 // Done
	cancel                  // the ctx of an operation ends
)

var verbs = [...]string{"", "try", "ask", "arrive", "wake", "release", "resize", "change", "close", "status", "drained", "cancel"}

// input is what was asked.
type input struct {
	verb     verb
	op       int // which operation it concerns
	slots    int
	limits   []deadline.Limit
	done     bool // its ctx had ended before the call
	capacity bulk.Capacity
}

func (in input) String() string {
	switch in.verb {
	case try, ask, arrive:
		return fmt.Sprintf("%s %d for %d slots %v (ctx ended: %v)", verbs[in.verb], in.op, in.slots, in.limits, in.done)
	case wake, release, cancel:
		return fmt.Sprintf("%s %d", verbs[in.verb], in.op)
	case resize, change:
		return fmt.Sprintf("%s %v", verbs[in.verb], in.capacity)
	}
	return verbs[in.verb]
}

// output is what was answered.
type output struct {
	ok        bool            // admitted; drained
	rejection model.Rejection // of one that was rejected
	took      time.Duration   // from call to return, of arrive and wake
	change    error           // of resize and change: the sentinel that it matches
	status    bulk.Status     // without times
	waits     uint64          // the waits that the status has counted
}

func (out output) String() string {
	switch {
	case out.rejection.Reason != 0:
		return fmt.Sprintf("%+v", out.rejection)
	case out.change != nil:
		return out.change.Error()
	case out.status.Index != 0:
		return fmt.Sprintf("%+v", out.status)
	}
	return fmt.Sprint(out.ok)
}

// history is what was recorded about one bulkhead, from its first day to its
// last.
type history struct {
	capacity bulk.Capacity
	ops      []porcupine.Operation
	events   []bulk.Event // by Seq, without times; nil if there was no handler
	broken   error        // see recorder
}

func (h history) check(timeout time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(modelOf(h.capacity, h.events), h.ops, timeout)
}

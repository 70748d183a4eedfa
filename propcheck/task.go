package propcheck

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// task is one call of the subject: an operation, from its arrival to its end, or
// any other call.
type task struct {
	id     int
	role   role
	phase  phase
	state  string // once over: how it ended
	at     time.Time
	parent int // the operation inside which it is called, 0 if none

	slots   int
	limits  []deadline.Limit
	context int
	try     bool // it learns nothing but yes or no
	refusal rejection
}

// role is what kind of a call a task is.
type role uint8

const (
	operation  role = iota // asks to be admitted
	waiter                 // Wait
	shutter                // Shutdown: Close, then Wait
	interloper             // any other: it is over at once
)

// phase is how far a task has come. What it does next is said at [world.next].
type phase uint8

const (
	idle     phase = iota // not called yet
	arriving              // about to look at its ctx
	deciding              // saw its ctx alive, about to be decided about
	waiting
	waking // its bound is reached, it saw its ctx alive, about to leave
	handed // was given slots while it waited, has not seen it yet
	inFlight
	ending  // its function is over, its slots are not free yet
	leaving // its goroutine was ended by a handler
	closing // Shutdown, before Close
	draining
	over
)

// The states of a call, as they are compared.
const (
	isWaiting   = "waiting"
	isInFlight  = "in flight"
	isDraining  = "waiting for the drain"
	wasTurned   = "turned away"
	hasReturned = "returned"
	hasFailed   = "returned an error"
	hasPanicked = "panicked"
	hasExited   = "ended its goroutine"
	wasReleased = "released"
	hasDrained  = "drained"
	hasGivenUp  = "gave up"
	isDone      = "done"
	wasBadValue = "bad value"
	wasTooLate  = "too late"
)

// script is what one goroutine does to the subject, move by move.
type script []move

// move is one thing that is done to the subject from outside.
type move struct {
	kind     moveKind
	call     int // the task that does it
	after    int // the task that must have been decided about before; 0 if none
	target   int // the task to which it is done
	context  int
	capacity bulk.Capacity
	resize   bool   // only the parallelism of capacity counts
	exit     string // how an operation is to end
	listener *listener
}

type moveKind uint8

const (
	moveStart    moveKind = iota // call begins
	moveOrder                    // target's function is told to end
	moveRelease                  // target's slot is released
	moveCancel                   // context is canceled
	moveClose                    // the subject is closed
	moveChange                   // the capacity is set
	moveUnlisten                 // listener is taken off
	moveNothing                  // something is called that changes nothing
)

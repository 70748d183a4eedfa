package bulk

import (
	"math"
	"time"
)

// Inside the core an instant is a number of nanoseconds on the monotonic clock,
// counted from origin. Instants are compared only while operations wait or are in flight
// that were read in the same bubble, or all outside: the clock of a synctest bubble
// shows other years.

// origin belongs to all bulkheads: a time.Time in each would take 24 bytes more.
var origin = time.Now()

// noDeadline is the instant of a bound that does not exist.
const noDeadline = math.MaxInt64

// readClock returns the present instant.
func readClock() int64 { return int64(time.Since(origin)) }

// instantOf returns the instant of t.
func instantOf(t time.Time) int64 { return int64(t.Sub(origin)) }

// addSat returns a+d, or noDeadline if the sum overflows or d is noDeadline.
// d is not negative.
func addSat(a, d int64) int64 {
	if sum := a + d; sum >= a && d != noDeadline {
		return sum
	}
	return noDeadline
}

// subSat returns to−from, at least 0 and at most the longest duration.
func subSat(to, from int64) int64 {
	if to <= from {
		return 0
	}
	if d := to - from; d >= 0 {
		return d
	}
	return math.MaxInt64
}

// inBubble reports whether now was read inside a testing/synctest bubble.
//
// It is all that the core needs to work in bubbles. A channel or timer made in
// a bubble belongs to it: touching one from outside ends the program. A bulkhead
// made outside may be used in one bubble after another, so whatever it keeps for
// later use must not come from a bubble: a record drops its channel in
// putOperation, and the expiry timer is dropped when the queue is empty (see
// operation.inBubble and expiry.inBubble). Two consequences: Wait blocks on a
// channel of its caller's, and a Keyed's bulkheads have no Done channel.
//
// No function tells whether a goroutine runs in a bubble, but the clock does.
// Outside, every time.Now has a monotonic part; inside, none has (runtime/time.go,
// time_now: "Don't return a monotonic time inside a synctest bubble"). Round(0)
// strips that part, so only a time without one is equal to itself afterwards. The
// documentation of testing/synctest does not promise this; TestBulkheadCanBeUsedInManyBubblesAndOutside notices
// if it changes.
func inBubble(now time.Time) bool { return now == now.Round(0) }

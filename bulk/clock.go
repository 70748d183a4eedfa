package bulk

import (
	"math"
	"time"
)

// Inside the core, an instant is a clock reading: nanoseconds since the
// bulkhead was made, on the monotonic clock. Readings are compared only with
// readings of the same operation's life: a bulkhead made outside a synctest
// bubble and used inside sees the bubble's own years.

// never is the reading of a bound that isn't there.
const never = math.MaxInt64

func (b *Bulkhead) now() int64 { return int64(time.Since(b.origin)) }

func (b *Bulkhead) reading(t time.Time) int64 { return int64(t.Sub(b.origin)) }

// add returns a+d, or never if that is too far or d is never: durations of any
// size work. d is not negative.
func add(a, d int64) int64 {
	if sum := a + d; sum >= a && d != never {
		return sum
	}
	return never
}

// elapsed returns to−from, at least 0 and at most the longest duration.
func elapsed(from, to int64) int64 {
	if to <= from {
		return 0
	}
	if d := to - from; d >= 0 {
		return d
	}
	return math.MaxInt64
}

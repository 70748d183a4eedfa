package deadline

import (
	"strings"
	"time"
)

// Limit bounds how long an operation may wait to be admitted. It has at most one
// bound of each of three kinds: the longest wait ([NoWait], [Within]), the
// instant before which the operation must be admitted ([Before]), and the time
// that must remain before ctx's deadline ([Reserve]). All bounds of a Limit
// apply: the earliest one ends the wait.
//
// The zero Limit adds no bound.
//
// A Limit is a plain value. It can be copied, kept, used any number of times,
// and used by several goroutines concurrently. Two Limits with the same bounds
// are equal with ==, so a Limit can be a map key.
//
// Every duration and every time gives a valid Limit. Creating, combining and
// reading Limits allocates nothing.
type Limit struct {
	// Four words are the most that the compiler keeps in registers, so that a limit
	// made at the call costs next to nothing. Equal limits are equal with ==:
	//
	//	within  at least 0; 0 without hasWithin
	//	before  seconds since 1970, with the nanoseconds in flags; 0 without hasBefore
	//	reserve at least 0, where 0 is no bound
	//
	// A wait of 0 and the zero time are bounds, the strictest of their kinds, so these
	// two kinds need a flag.
	within  time.Duration
	reserve time.Duration
	before  int64
	flags   uint64
}

const (
	nanoseconds = 1<<30 - 1 // of before
	hasWithin   = 1 << 32
	hasBefore   = 1 << 33
)

// NoWait returns a Limit that allows no waiting: the operation is admitted
// immediately or rejected. It equals Within(0).
func NoWait() Limit {
	return Limit{flags: hasWithin}
}

// Within returns a Limit that allows an operation to wait for at most d, counted
// from its arrival. If d is 0 or less, the result equals [NoWait].
func Within(d time.Duration) Limit {
	return Limit{within: max(d, 0), flags: hasWithin}
}

// Before returns a Limit that allows an operation to be admitted only before the
// instant t. An operation that arrives exactly at t is rejected, even if slots
// are free.
//
// t is an instant of the wall clock. Before drops the location of t and its
// monotonic clock reading. The zero time is an instant long past, so
// Before(time.Time{}) rejects every operation.
func Before(t time.Time) Limit {
	return Limit{before: t.Unix(), flags: hasBefore | uint64(t.Nanosecond())}
}

// Reserve returns a Limit that allows an operation to be admitted only while at
// least d remains before ctx's deadline, so that d is left for the work. It adds
// no bound to an operation whose ctx has no deadline.
//
// If d is 0 or less, the result equals the zero Limit, which adds no bound.
func Reserve(d time.Duration) Limit {
	return Limit{reserve: max(d, 0)}
}

// Tightest combines limits into one Limit that allows only what all of them
// allow. It keeps the strictest bound of each kind: the smallest wait, the
// earliest instant and the largest reserve. Without arguments it returns the
// zero Limit.
//
// Tightest is associative, commutative and idempotent, and the zero Limit is
// neutral. It allocates nothing and does not keep the slice.
func Tightest(limits ...Limit) Limit {
	var t Limit
	for _, l := range limits {
		if l.has(hasWithin) && (!t.has(hasWithin) || l.within < t.within) {
			t.within, t.flags = l.within, t.flags|hasWithin
		}
		if l.has(hasBefore) && (!t.has(hasBefore) || l.instant().Before(t.instant())) {
			t.before, t.flags = l.before, t.flags&^nanoseconds|hasBefore|l.flags&nanoseconds
		}
		t.reserve = max(t.reserve, l.reserve)
	}
	return t
}

// Within returns the longest wait that l allows. If l does not bound the wait,
// ok is false and d is 0. If ok is true, d is at least 0, and 0 means no wait.
func (l Limit) Within() (d time.Duration, ok bool) {
	return l.within, l.has(hasWithin)
}

// Before returns the instant before which the operation must be admitted, in UTC
// and without a monotonic clock reading. If l has no such bound, ok is false and
// t is the zero time. If ok is true, the zero time is an instant long past.
func (l Limit) Before() (t time.Time, ok bool) {
	if !l.has(hasBefore) {
		return time.Time{}, false
	}
	return l.instant(), true
}

// instant returns the instant of a Before bound, in UTC.
func (l Limit) instant() time.Time {
	return time.Unix(l.before, int64(l.flags&nanoseconds)).UTC()
}

func (l Limit) has(flag uint64) bool { return l.flags&flag != 0 }

// Reserve returns the time that must remain before ctx's deadline on admission.
// If l has no such bound, ok is false and d is 0. If ok is true, d is more than
// 0.
func (l Limit) Reserve() (d time.Duration, ok bool) {
	return l.reserve, l.reserve > 0
}

// String returns a description of l for logs and messages:
//
//	no limit
//	no wait
//	within 250ms
//	before 2026-01-02T03:04:05Z, reserve 50ms
//
// The form may change: do not parse it.
func (l Limit) String() string {
	var bounds []string
	if l.has(hasWithin) {
		if l.within == 0 {
			bounds = append(bounds, "no wait")
		} else {
			bounds = append(bounds, "within "+l.within.String())
		}
	}
	if l.has(hasBefore) {
		bounds = append(bounds, "before "+l.instant().Format(time.RFC3339Nano))
	}
	if l.reserve > 0 {
		bounds = append(bounds, "reserve "+l.reserve.String())
	}
	if len(bounds) == 0 {
		return "no limit"
	}
	return strings.Join(bounds, ", ")
}

package deadline

import (
	"strings"
	"time"
)

// Limit says how long an operation may wait to be admitted. It can carry one
// bound of each kind: a longest wait ([NoWait], [Within]), a last instant
// ([Before]), and a life that ctx must still have ([Reserve]). Whoever admits
// heeds all of them: the earliest one ends the wait.
//
// The zero Limit adds no bound.
//
// A Limit is a plain value. It may be copied, kept and used any number of
// times, by any number of goroutines at once. Two Limits say the same if and
// only if they are equal with ==, so a Limit can also be a map key.
//
// Making, tightening and reading a Limit allocates nothing, and no Limit is
// invalid: every duration and every time has a meaning.
type Limit struct {
	// What must stay true, so that == means "says the same":
	//
	//	within  >= 0, and 0 unless hasWithin
	//	before  in UTC and without a monotonic reading; zero unless hasBefore
	//	reserve >= 0, where 0 is no bound
	//
	// A wait of 0 and the zero time are bounds, the strictest of their kinds.
	// That is why those two need a flag and reserve does not.
	within    time.Duration
	reserve   time.Duration
	before    time.Time
	hasWithin bool
	hasBefore bool
}

// NoWait returns the limit of those who do not wait: be admitted at once, or be
// turned away. It equals Within(0).
func NoWait() Limit {
	return Limit{hasWithin: true}
}

// Within returns the limit of those who wait at most d, counted from the
// arrival of each operation. A d of 0 or less allows no wait at all:
// the result equals [NoWait].
func Within(d time.Duration) Limit {
	return Limit{within: max(d, 0), hasWithin: true}
}

// Before returns the limit of those who must be admitted before the instant t,
// or not at all. Arriving exactly at t is too late, even if there is room.
//
// The instant is one of the wall clock. The location of t and its monotonic
// clock reading do not count, and are dropped. The zero time is an instant like
// any other: it is long past, so Before(time.Time{}) turns everything away.
func Before(t time.Time) Limit {
	// UTC also drops the monotonic reading; == relies on both.
	return Limit{before: t.UTC(), hasBefore: true}
}

// Reserve returns the limit of those who need d for the work itself: be
// admitted while ctx still has at least d to live, or not at all. It adds no
// bound to operations whose ctx has no deadline.
//
// A d of 0 or less adds no bound at all: the result equals the zero Limit.
func Reserve(d time.Duration) Limit {
	return Limit{reserve: max(d, 0)}
}

// Tightest returns one limit that is as strict as all the given ones together:
// of each kind it keeps the strictest bound, that is the smallest wait, the
// earliest instant and the largest reserve. With no limits it returns the
// zero Limit.
//
// The order of the limits, their grouping and their repetition make no
// difference, and the zero Limit is neutral.
//
// It allocates nothing, and does not keep the slice.
func Tightest(limits ...Limit) Limit {
	var t Limit
	for _, l := range limits {
		if l.hasWithin && (!t.hasWithin || l.within < t.within) {
			t.within, t.hasWithin = l.within, true
		}
		if l.hasBefore && (!t.hasBefore || l.before.Before(t.before)) {
			t.before, t.hasBefore = l.before, true
		}
		t.reserve = max(t.reserve, l.reserve)
	}
	return t
}

// Within returns the longest wait that l allows. ok is false, and d is 0, if l
// does not bound it. When ok is true, d is 0 (no wait) or more.
func (l Limit) Within() (d time.Duration, ok bool) {
	return l.within, l.hasWithin
}

// Before returns the instant before which l wants the operation admitted, in
// UTC and without a monotonic clock reading. ok is false, and t is the zero
// time, if l names none. The zero time with ok true is an instant, long past.
func (l Limit) Before() (t time.Time, ok bool) {
	return l.before, l.hasBefore
}

// Reserve returns how long ctx must still have to live on admission. ok is
// false, and d is 0, if l reserves nothing. When ok is true, d is more than 0.
func (l Limit) Reserve() (d time.Duration, ok bool) {
	return l.reserve, l.reserve > 0
}

// String returns l in words, for logs and messages:
//
//	no limit
//	no wait
//	within 250ms
//	before 2026-01-02T03:04:05Z, reserve 50ms
//
// Its form may change; do not parse it.
func (l Limit) String() string {
	var bounds []string
	if l.hasWithin {
		if l.within == 0 {
			bounds = append(bounds, "no wait")
		} else {
			bounds = append(bounds, "within "+l.within.String())
		}
	}
	if l.hasBefore {
		bounds = append(bounds, "before "+l.before.Format(time.RFC3339Nano))
	}
	if l.reserve > 0 {
		bounds = append(bounds, "reserve "+l.reserve.String())
	}
	if len(bounds) == 0 {
		return "no limit"
	}
	return strings.Join(bounds, ", ")
}

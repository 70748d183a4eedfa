package propcheck

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
)

// A plan is what is drawn for one action. It says nothing that depends on how
// things stand: "which one of those in flight", not "#7". So a sequence means
// nearly the same when a part of it is left out, or when a race in it ends in
// another way, and a failure can be made short. What a plan means when its turn
// comes is said in resolve.go.
//
// Of each list, what stands in front is drawn more often, and failures shrink to
// it.

func from[E any](list ...E) *rapid.Generator[E] { return rapid.SampledFrom(list) }

var (
	nth    = rapid.IntRange(0, 15) // says which one of a list, however long that is
	half   = from(false, true)
	third  = from(false, true, false)
	seldom = from(false, false, false, false, false, true, false, false)
)

const ms = time.Millisecond

// spans are short times. There are few, so that bounds coincide.
var spans = from(2*ms, ms, 3*ms, 5*ms, 1)

// setup is how a subject is made.
type setup struct {
	label        string
	capacity     bulk.Capacity
	panics       []bool // one for each handler given at New: it panics
	reportPanics bool   // OnHandlerPanic panics as well
}

var (
	labels        = from("subject", "another\n\"label\"")
	parallelisms  = from(1, 2, 1, 3, 2, 4)
	rooms         = from(2, 1, 3, 0, 5)
	waitLimits    = from(0, 3*ms, 0, 5*ms)
	firstHandlers = from([]bool{false}, nil, []bool{false}, []bool{false, true}, []bool{true})
)

var setups = rapid.Custom(func(t *rapid.T) setup {
	return setup{
		label:        labels.Draw(t, ""),
		capacity:     bulk.Capacity{Parallelism: parallelisms.Draw(t, ""), WaitingRoom: rooms.Draw(t, ""), WaitLimit: waitLimits.Draw(t, "")},
		panics:       firstHandlers.Draw(t, ""),
		reportPanics: third.Draw(t, ""),
	}
})

// contextPlan is a context that a call is to come with.
type contextPlan struct {
	kind contextKind
	dies time.Duration
	nth  int // of the recent ones, if it is shared
}

var contextKinds = from(
	background, cancellable, withDeadline, shared, background, cancellable, withDeadline, shared,
	withCause, withDeadlineCause, foreign, dead, deadCause, deadDeadline, shared, withDeadline,
)

var contextPlans = rapid.Custom(func(t *rapid.T) contextPlan {
	return contextPlan{contextKinds.Draw(t, ""), spans.Draw(t, ""), nth.Draw(t, "")}
})

// limitPlan is one limit.
type limitPlan struct {
	kind limitKind
	nth  int // of the values that limits of this kind are given
}

type limitKind int

const (
	zeroLimit limitKind = iota
	nowLimit
	withinLimit
	beforeLimit
	reserveLimit
)

var (
	limitKinds  = from(withinLimit, beforeLimit, reserveLimit, nowLimit, withinLimit, beforeLimit, reserveLimit, zeroLimit)
	limitCounts = from(0, 1, 0, 2, 1, 3)
)

var limitPlans = rapid.Custom(func(t *rapid.T) limitPlan {
	return limitPlan{limitKinds.Draw(t, ""), nth.Draw(t, "")}
})

// arrivalPlan is an operation that is to arrive. The zero one is Acquire with a
// background context and no limit.
type arrivalPlan struct {
	verb    int
	slots   int // which of the numbers that make a difference
	context contextPlan
	limits  []limitPlan
	kept    bool // through a function that an earlier Guard1 returned
	guard   int
}

var verbIndexes = from(0, 4, 1, 5, 2, 6, 7, 8, 9, 3, 5, 1, 0, 4)

var arrivals = rapid.Custom(func(t *rapid.T) arrivalPlan {
	p := arrivalPlan{verb: verbIndexes.Draw(t, ""), slots: nth.Draw(t, ""), context: contextPlans.Draw(t, "")}
	p.limits = make([]limitPlan, limitCounts.Draw(t, ""))
	for i := range p.limits {
		p.limits[i] = limitPlans.Draw(t, "")
	}
	p.kept, p.guard = half.Draw(t, ""), nth.Draw(t, "")
	return p
})

// endPlan is how an operation is to end.
type endPlan struct {
	nth  int
	exit string
}

var exits = from(hasReturned, hasFailed, hasReturned, hasPanicked, hasExited)

var ends = rapid.Custom(func(t *rapid.T) endPlan { return endPlan{nth.Draw(t, ""), exits.Draw(t, "")} })

// capacityPlan is a capacity to be set. keep leaves a value as it is; some values
// are not allowed.
type capacityPlan struct {
	parallelism, room int
	limit             time.Duration
	whole             bool // through SetCapacity: not only the parallelism
}

const keep = math.MinInt

var (
	newParallelisms = from(1, 2, 3, 4, keep, 1, 2, 0, -1)
	newRooms        = from(keep, 2, 0, 1, 5, keep, -1)
	newWaitLimits   = from[time.Duration](keep, 3*ms, 0, 5*ms, keep, -1)
)

var capacities = rapid.Custom(func(t *rapid.T) capacityPlan {
	return capacityPlan{newParallelisms.Draw(t, ""), newRooms.Draw(t, ""), newWaitLimits.Draw(t, ""), third.Draw(t, "")}
})

// GoString is for the log of rapid.
func (s setup) GoString() string { return s.String() }

package fleet

import (
	"math"

	"github.com/bulklink/bulklink-go/bulk"
)

// demand is how many slots a member could use, with a headroom: see usable.
type demand struct {
	average int // over a refresh
	peak    int // the highest number in a refresh
}

// gauge computes the demand from readings of a bulkhead.
type gauge struct {
	peak, sum, samples int // of the readings since the last refresh
	last               bulk.Status
	published          demand
}

// sample reads the bulkhead. It is called several times in a refresh.
func (g *gauge) sample(s bulk.Status) {
	load := usable(s)
	g.sum, g.samples = g.sum+load, g.samples+1
	g.peak = max(g.peak, load)
	if s.Closed {
		g.sum, g.peak = 0, 0
	}
}

// usable returns the slots that could be used now. While operations wait, these are all
// slots: free ones are too few for the operation at the head of the queue. An operation
// that waits counts as one slot more, because a status does not have its slots.
func usable(s bulk.Status) int {
	if s.Waiting == 0 {
		return s.InUse
	}
	return min(maxTotal, max(s.InUse, s.Capacity.Parallelism)) + s.Waiting // never so large that sums overflow
}

// need returns the slots that could have been used since the last refresh. The average is
// at least the load of now, so that a member never gives back slots because it did not use
// them earlier. If operations were rejected for lack of slots, the average is at least the
// load that was offered, and the peak half more than there is, because that load is an
// estimate. If operations were larger than the parallelism, the average is half more too:
// otherwise they would never fit beside members that are busy. That also holds for an
// operation that is larger than the total, because a status does not tell it from others.
func (g *gauge) need(s bulk.Status) demand {
	g.sample(s)
	seen := demand{(g.sum + g.samples - 1) / g.samples, g.peak}
	if !s.Closed {
		seen.average = max(seen.average, usable(s))
	}
	interval, err := s.Since(g.last)
	if err != nil || s.Closed { // an error: the first status
		return seen
	}
	t := interval.Totals
	if t.Saturated+t.Expired+t.ExpiredAtArrival+t.Oversized+t.OversizedAtArrival == 0 {
		return seen
	}
	load := interval.OfferedLoad() // of operations
	if load == 0 {                 // no operation of this period was measured: take the mean of all
		load = interval.ArrivalRate() * s.Totals.Holds.Mean().Seconds()
	}
	if s.InFlight > 0 {
		load *= float64(s.InUse) / float64(s.InFlight)
	}
	offered := int(min(maxTotal, math.Ceil(load)))
	more := s.Capacity.Parallelism + max(1, s.Capacity.Parallelism/2)
	need := demand{max(seen.average, offered), max(seen.peak, more, offered)}
	if t.Oversized+t.OversizedAtArrival > 0 {
		need.average = max(need.average, more)
	}
	return need
}

// demand returns the demand to publish, at most limit.
func (g *gauge) demand(s bulk.Status, limit int) demand {
	need := g.need(s)
	g.published = demand{steady(g.published.average, need.average), steady(g.published.peak, need.peak)}
	return demand{min(g.published.average, g.published.peak, limit), min(g.published.peak, limit)}
}

// restart begins a new period.
func (g *gauge) restart(s bulk.Status) { g.peak, g.sum, g.samples, g.last = 0, 0, 0, s }

// steady returns the need with a headroom, or what was published while that covers the
// need with at most twice the headroom, so that small changes of the load move no shares.
func steady(published, need int) int {
	if head := headroom(need); published < need || published > need+2*head {
		return need + head
	}
	return published
}

// headroom is a tenth, and at least 1.
func headroom(need int) int {
	if need == 0 {
		return 0
	}
	return max(1, need/10)
}

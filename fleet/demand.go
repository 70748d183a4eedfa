package fleet

import (
	"math"

	"github.com/bulklink/bulklink-go/bulk"
)

// gauge finds out how many slots a bulkhead could use.
type gauge struct {
	peak      int // highest number of slots in use and operations waiting since the last refresh
	last      bulk.Status
	published int
}

// sample reads the bulkhead. It is called several times in a refresh.
func (g *gauge) sample(s bulk.Status) {
	g.peak = max(g.peak, s.InUse+s.Waiting)
	if s.Closed {
		g.peak = 0
	}
}

// need returns the slots that could have been used since the last refresh: the highest
// number of slots in use and operations waiting or, if operations were rejected for
// lack of slots, the load that was offered, and at least half more than there is.
func (g *gauge) need(s bulk.Status) int {
	g.sample(s)
	interval, err := s.Since(g.last)
	if err != nil || s.Closed { // an error: the first status
		return g.peak
	}
	t := interval.Totals
	if t.Saturated+t.Expired+t.ExpiredAtArrival+t.Oversized+t.OversizedAtArrival == 0 {
		return g.peak
	}
	load := interval.OfferedLoad()
	if load == 0 { // no operation of this period was measured: take the mean of all
		load = interval.ArrivalRate() * s.Totals.Holds.Mean().Seconds()
	}
	more := s.Capacity.Parallelism + max(1, s.Capacity.Parallelism/2)
	return max(g.peak, more, int(min(maxTotal, math.Ceil(load))))
}

// demand returns the demand to publish, at most limit: the need and a headroom. It
// stays as it was while it covers the need with at most twice the headroom, so that
// small changes of the load move no shares.
func (g *gauge) demand(s bulk.Status, limit int) int {
	need := g.need(s)
	if head := headroom(need); g.published < need || g.published > need+2*head {
		g.published = need + head
	}
	return min(g.published, limit)
}

// restart begins a new period.
func (g *gauge) restart(s bulk.Status) { g.peak, g.last = 0, s }

// headroom is a tenth, and at least 1.
func headroom(need int) int {
	if need == 0 {
		return 0
	}
	return max(1, need/10)
}

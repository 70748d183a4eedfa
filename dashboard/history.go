package dashboard

import (
	"math"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// historySeconds is for how long samples are kept, at one sample a second.
const historySeconds = 300

// series are the figures of a sample, in the order in which the page gets them.
const (
	seriesArrivals    = iota // per second
	seriesRejected           // per second, for any reason but canceled
	seriesInUse              // slots: the highest number known, see pointOf
	seriesWaiting            // operations: the highest number known, see pointOf
	seriesParallelism        // slots
	seriesP50                // of the waits, in seconds; NaN: none ended
	seriesP99                // of the waits, in seconds; NaN: none ended
	seriesCount
)

// point is one sample. It is absent if seriesInUse is NaN.
type point [seriesCount]float32

var nan = float32(math.NaN())

func absent() (p point) {
	for i := range p {
		p[i] = nan
	}
	return p
}

// history has the samples of the last five minutes: a ring of fixed size.
type history struct {
	points [historySeconds]point
	last   int64 // the second of the newest point
	filled bool  // there is a point
}

// add adds the sample of a second. Seconds without a sample are absent. A sample of the
// same second as the last one replaces it, but keeps its slots and waiting operations if
// those were more. A sample after the clock went back replaces the last one.
func (h *history) add(second int64, p point) {
	if !h.filled {
		for i := range h.points {
			h.points[i] = absent()
		}
		h.last, h.filled = second, true
	}
	for gap := min(second-h.last-1, historySeconds); gap > 0; gap-- {
		h.points[modulo(second-gap)] = absent()
	}
	if before := h.points[modulo(h.last)]; second == h.last && !isNaN(before[seriesInUse]) {
		p[seriesInUse] = max(p[seriesInUse], before[seriesInUse])
		p[seriesWaiting] = max(p[seriesWaiting], before[seriesWaiting])
	}
	h.last = max(h.last, second)
	h.points[modulo(h.last)] = p
}

// at returns the point of a second, which is absent if there is none.
func (h *history) at(second int64) point {
	if !h.filled || second > h.last || second <= h.last-historySeconds {
		return absent()
	}
	return h.points[modulo(second)]
}

// recent reports whether there are at least n samples in the last ten seconds.
func (h *history) recent(n int) bool {
	for second := h.last; second > h.last-10; second-- {
		if !isNaN(h.at(second)[seriesInUse]) {
			n--
		}
	}
	return n <= 0
}

func modulo(second int64) int64 {
	return (second%historySeconds + historySeconds) % historySeconds
}

// pointOf returns the sample for what happened between two readings. The gauges of the
// later one would not show a burst between them. So InUse and Waiting are the highest of
// the gauges and these numbers:
//
//   - An operation that was queued or saturated did not find the slots that it asked for.
//     Then full slots are shown. That is an upper bound if operations ask for several.
//   - A peak over the whole life that has risen is one of this interval.
//   - On average as many operations are in flight as are admitted during the mean time in
//     flight (Little's law). Each holds at least one slot, so that this is a lower bound of
//     the slots. hold is an estimate of that time: 0 if there is none.
//   - On average as many operations wait as the sum of their waits divided by the time.
//     This is an estimate, because these waits can have begun before the interval. In the
//     interval itself each was at most as long as that.
//
// None of them is above the peak over the whole life. The status of a Keyed has no peaks.
func pointOf(i bulk.Interval, full int, hold time.Duration) point {
	s, t := i.End, i.Totals
	p := gauges(s)
	if i.Duration <= 0 {
		return p
	}
	p[seriesArrivals] = float32(i.ArrivalRate())
	p[seriesRejected] = float32(i.RejectionRate())
	inUse, waiting := s.InUse, s.Waiting
	if t.Queued+t.Saturated > 0 {
		inUse = max(inUse, full)
	}
	if s.Peak.InUse > i.Start.Peak.InUse {
		inUse = max(inUse, s.Peak.InUse)
	}
	if s.Peak.Waiting > i.Start.Peak.Waiting {
		waiting = max(waiting, s.Peak.Waiting)
	}
	inFlight := i.AdmissionRate() * min(hold, i.Duration).Seconds()
	inFlight = min(inFlight, float64(max(s.InUse, i.Start.InUse, s.Capacity.Parallelism, i.Start.Capacity.Parallelism)))
	waited := min(t.Wait.Seconds()/i.Duration.Seconds(), float64(t.AdmittedFromQueue))
	if s.Peak.InFlight > 0 {
		inFlight, waited = min(inFlight, float64(s.Peak.InUse)), min(waited, float64(s.Peak.Waiting))
	}
	p[seriesInUse] = max(float32(inUse), float32(inFlight))
	p[seriesWaiting] = max(float32(waiting), float32(waited))
	if t.AdmittedFromQueue > 0 {
		p50, p99 := quantiles(t)
		p[seriesP50], p[seriesP99] = float32(p50.Seconds()), float32(p99.Seconds())
	}
	return p
}

// fullSince returns how many slots are in use when an operation finds none free, from the
// earlier reading until r: at most those of the lower parallelism, and at most as many as
// ever were in use. Of a Keyed it is those of one key. It is 0 if that is not known.
func (r *reading) fullSince(earlier *reading) int {
	slots := min(r.capacity().Parallelism, earlier.capacity().Parallelism)
	if slots == bulk.Unlimited {
		return 0
	}
	if r.keyed == nil {
		slots = min(slots, r.status.Peak.InUse)
	}
	return slots
}

// gauges returns the sample of a first status, before which nothing is known.
func gauges(s bulk.Status) point {
	p := point{seriesArrivals: nan, seriesRejected: nan, seriesInUse: float32(s.InUse), seriesWaiting: float32(s.Waiting), seriesP50: nan, seriesP99: nan}
	p[seriesParallelism] = float32(s.Capacity.Parallelism)
	if s.Capacity.Parallelism == bulk.Unlimited {
		p[seriesParallelism] = nan
	}
	return p
}

// quantiles returns the median and the 99th percentile of the waits in t, as
// [bulk.Waits.Quantile] does, in one pass.
func quantiles(t bulk.Totals) (p50, p99 time.Duration) {
	n := t.AdmittedFromQueue
	rank50, rank99 := (n+1)/2, n-n/100
	var sum uint64
	for bound, count := range t.Waits.Buckets() {
		if sum < rank50 {
			p50 = bound
		}
		p99 = bound
		if sum += count; sum >= rank99 {
			break
		}
	}
	if t.LongestWait > 0 {
		p50, p99 = min(p50, t.LongestWait), min(p99, t.LongestWait)
	}
	return p50, p99
}

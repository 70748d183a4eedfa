package bulk

import (
	"errors"
	"fmt"
	"time"
)

// Interval is what happened between two readings of one bulkhead, made by
// [Status.Since]. Waits of the interval alone are in Totals: their quantiles
// are Totals.Waits.Quantile.
//
// No method returns NaN or an infinity: a rate over no time and a share of
// nothing are 0.
type Interval struct {
	Start    Status        `json:"start"`
	End      Status        `json:"end"`
	Duration time.Duration `json:"duration_ns"` // 0 if the clock stood still or went back
	Totals   Totals        `json:"totals"`      // differences, but for LongestWait: that of End, over the whole life
}

// What [Status.Since] refuses.
var (
	ErrUnrelated = errors.New("bulk: readings of different bulkheads")
	ErrReversed  = errors.New("bulk: readings in the wrong order")
)

// Since returns what happened between the earlier reading and s. It refuses
// readings of two bulkheads, whether or not they have the same label, with
// [ErrUnrelated], and those in the wrong order with [ErrReversed]. The order is
// that of Index: a clock can be set back. The same reading twice makes an empty
// interval. IDs are those of one process: readings that were kept in a file by
// an earlier run can't be told from those of this one.
//
// Intervals add up: for readings a, b, c, the counts from a to c are those from
// a to b plus those from b to c. None is ever negative.
func (s Status) Since(earlier Status) (Interval, error) {
	switch {
	case s.ID != earlier.ID:
		return Interval{}, fmt.Errorf("%w: %s (ID %d) since %s (ID %d)", ErrUnrelated,
			quoted(s.Label), s.ID, quoted(earlier.Label), earlier.ID)
	case s.Index < earlier.Index:
		return Interval{}, fmt.Errorf("%w: reading %d of %s since reading %d", ErrReversed,
			s.Index, quoted(s.Label), earlier.Index)
	}
	return Interval{
		Start: earlier, End: s,
		Duration: max(0, s.At.Sub(earlier.At)),
		Totals:   s.Totals.minus(earlier.Totals),
	}, nil
}

// ArrivalRate returns how many operations asked to be admitted, per second.
func (i Interval) ArrivalRate() float64 { return i.rate(i.Totals.Arrivals()) }

// AdmissionRate returns how many operations got their slots, per second.
func (i Interval) AdmissionRate() float64 { return i.rate(i.Totals.Admitted) }

// RejectionRate returns how many operations were turned away, but for those
// that were canceled, per second.
func (i Interval) RejectionRate() float64 { return i.rate(i.Totals.Rejected()) }

func (i Interval) rate(n uint64) float64 {
	if i.Duration <= 0 {
		return 0
	}
	return float64(n) / i.Duration.Seconds()
}

// RejectedShare returns the share of operations that were turned away, but not
// canceled, among those whose fate was decided in the interval: 0 to 1. Those
// that still wait at its end are not among them, those that waited at its start
// can be.
func (i Interval) RejectedShare() float64 {
	t := i.Totals
	return share(t.Rejected(), t.Admitted+t.Rejected()+t.Canceled+t.CanceledAtArrival)
}

// QueuedShare returns the share of operations that had to wait, among those
// that came for a slot: 0 to 1. Who was turned away at arrival for another
// reason than saturation didn't come for one.
func (i Interval) QueuedShare() float64 { return share(i.Totals.Queued, i.Totals.demand()) }

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// MeanWait returns the mean wait of those that were admitted from the queue in
// the interval, 0 if there were none.
func (i Interval) MeanWait() time.Duration { return i.Totals.MeanWait() }

// MeanHold returns the mean time in flight of the operations that finished in
// the interval, by its samples; 0 without one.
func (i Interval) MeanHold() time.Duration { return i.Totals.Holds.Mean() }

// OfferedLoad returns how many slots would be in use on average if every
// operation that came for one had got it at once: arrival rate × mean hold, by
// Little's law (J. D. C. Little, "A Proof for the Queuing Formula: L = λW",
// Operations Research 9(3), 1961). Above the parallelism there is more demand
// than can ever be served.
//
// Operations that were turned away at arrival as closed, canceled, expired or
// oversized offer no load. The mean hold is sampled, and taken per operation:
// where operations ask for several slots at once, the load in slots is higher.
// It is 0 without a sample.
func (i Interval) OfferedLoad() float64 {
	return i.rate(i.Totals.demand()) * i.meanHold()
}

// meanHold is the mean hold in seconds, not rounded to nanoseconds.
func (i Interval) meanHold() float64 {
	h := i.Totals.Holds
	if h.Samples == 0 {
		return 0
	}
	return float64(max(0, h.Sum)) / float64(h.Samples) / float64(time.Second)
}

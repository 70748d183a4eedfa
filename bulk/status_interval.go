package bulk

import (
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/internal/safetext"
)

// Interval is what happened between two statuses of one bulkhead. [Status.Since]
// returns it.
//
// No method returns NaN or an infinity: a rate is 0 if Duration is 0, and a share
// is 0 if there is nothing to share.
//
// The text form is String. The JSON form has the names of the field tags, and the
// same promises as that of [Status].
type Interval struct {
	// Start is the earlier status.
	Start Status `json:"start"`
	// End is the later status.
	End Status `json:"end"`
	// Duration is the time between them. It is 0 if the clock went back.
	Duration time.Duration `json:"duration_ns"`
	// Totals has the differences of the totals, and the histogram of the waits of
	// the interval alone. LongestWait is that of End, over the whole life.
	Totals Totals `json:"totals"`
}

// ErrUnrelated is the error of [Status.Since] for statuses of two bulkheads.
var ErrUnrelated = errors.New("bulk: statuses of different bulkheads")

// ErrReversed is the error of [Status.Since] for an earlier status that is later.
var ErrReversed = errors.New("bulk: statuses in the wrong order")

// Since returns what happened between the earlier status and s. The error matches
// [ErrUnrelated] if they are of two bulkheads, with the same label or not, and
// [ErrReversed] if earlier has the higher Index. (The order is not that of At,
// because a clock can be set back.) The same status twice gives an empty interval.
//
// IDs are unique in one process only: Since cannot detect that a status was saved
// by an earlier process.
//
// Intervals add up: for statuses a, b and c, the counts from a to c are those from
// a to b plus those from b to c. No count is negative.
func (s Status) Since(earlier Status) (Interval, error) {
	switch {
	case s.ID != earlier.ID:
		return Interval{}, fmt.Errorf("%w: %s (ID %d) since %s (ID %d)", ErrUnrelated,
			safetext.Quote(s.Label), s.ID, safetext.Quote(earlier.Label), earlier.ID)
	case s.Index < earlier.Index:
		return Interval{}, fmt.Errorf("%w: status %d of %s since status %d", ErrReversed,
			s.Index, safetext.Quote(s.Label), earlier.Index)
	}
	return Interval{
		Start: earlier, End: s,
		Duration: max(0, s.At.Sub(earlier.At)),
		Totals:   s.Totals.minus(earlier.Totals),
	}, nil
}

// ArrivalRate returns the arrivals per second.
func (i Interval) ArrivalRate() float64 { return i.rate(i.Totals.Arrivals()) }

// AdmissionRate returns the admitted operations per second.
func (i Interval) AdmissionRate() float64 { return i.rate(i.Totals.Admitted) }

// RejectionRate returns the operations per second that were rejected for any
// reason but [Canceled].
func (i Interval) RejectionRate() float64 { return i.rate(i.Totals.Rejected()) }

func (i Interval) rate(n uint64) float64 {
	if i.Duration <= 0 {
		return 0
	}
	return float64(n) / i.Duration.Seconds()
}

// RejectedShare returns the share, from 0 to 1, of operations that were rejected
// for any reason but [Canceled], among all operations that were admitted or
// rejected in the interval. Operations that wait at its end are not counted;
// operations that waited at its start are.
func (i Interval) RejectedShare() float64 {
	t := i.Totals
	return share(t.Rejected(), t.Admitted+t.Rejected()+t.Canceled+t.CanceledAtArrival)
}

// QueuedShare returns the share, from 0 to 1, of operations that had to wait, among
// the operations that were admitted immediately, queued or saturated. Arrivals
// rejected for another reason are not counted.
func (i Interval) QueuedShare() float64 { return share(i.Totals.Queued, i.Totals.demand()) }

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// QueueingShare returns the share of the interval during which the waiting room was
// not empty: 0 to 1.
func (i Interval) QueueingShare() float64 {
	if i.Duration <= 0 {
		return 0
	}
	return min(1, max(0, i.Totals.Queueing.Seconds()/i.Duration.Seconds()))
}

// MeanWait returns the mean wait of the operations admitted from the queue in the
// interval, 0 if there are none.
func (i Interval) MeanWait() time.Duration { return i.Totals.MeanWait() }

// MeanHold returns the mean time in flight of the sampled operations that finished
// in the interval, 0 without a sample.
func (i Interval) MeanHold() time.Duration { return i.Totals.Holds.Mean() }

// OfferedLoad returns how many slots would be in use on average if every operation
// had been admitted immediately: arrivals per second × mean time in flight, by
// Little's law (J. D. C. Little, "A Proof for the Queuing Formula: L = λW",
// Operations Research 9(3), 1961). A load above the parallelism can never be
// served. It is 0 without a sample of Holds.
//
// Operations that were rejected at arrival as closed, canceled, expired or
// oversized are not counted. The mean time in flight is per operation: if
// operations ask for several slots, the load in slots is higher.
func (i Interval) OfferedLoad() float64 {
	return i.rate(i.Totals.demand()) * i.meanHold()
}

// meanHold returns the mean time in flight in seconds, not rounded to nanoseconds.
func (i Interval) meanHold() float64 {
	h := i.Totals.Holds
	if h.Samples == 0 {
		return 0
	}
	return float64(max(0, h.Sum)) / float64(h.Samples) / float64(time.Second)
}

package registry

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// KeyedInterval is what happened between two statuses of one [Keyed]. Its rates,
// shares and means are those of a [bulk.Interval], over all keys.
// [KeyedStatus.Since] returns it.
//
// The text form is String. The JSON form has the names of the field tags.
type KeyedInterval struct {
	// Start is the earlier status.
	Start KeyedStatus `json:"start"`
	// End is the later status.
	End KeyedStatus `json:"end"`
	// Duration is the time between them. It is 0 if the clock went back.
	Duration time.Duration `json:"duration_ns"`
	// Created counts the keys that came in the interval.
	Created uint64 `json:"created"`
	// Evicted counts the keys that were evicted in the interval.
	Evicted uint64 `json:"evicted"`
	// TooManyKeys counts the operations that were rejected in the interval because
	// maxKeys keys were in use. They are in no rate or share.
	TooManyKeys uint64 `json:"too_many_keys"`
	// Totals has the differences of the totals, as [bulk.Interval] has.
	Totals bulk.Totals `json:"totals"`
}

// Since returns what happened between the earlier status and s. The error matches
// [bulk.ErrUnrelated] if they are of two Keyeds, with the same label or not, and
// [bulk.ErrReversed] if earlier has the higher Index. The same status twice gives an
// empty interval.
//
// The keys are read one after the other. So two statuses that were taken concurrently
// can overlap, and a count that would then be negative is 0.
func (s KeyedStatus) Since(earlier KeyedStatus) (KeyedInterval, error) {
	i, err := s.asOne().Since(earlier.asOne())
	if err != nil {
		return KeyedInterval{}, err
	}
	return KeyedInterval{
		Start: earlier, End: s, Duration: i.Duration, Totals: i.Totals,
		Created:     s.Created - min(s.Created, earlier.Created),
		Evicted:     s.Evicted - min(s.Evicted, earlier.Evicted),
		TooManyKeys: s.TooManyKeys - min(s.TooManyKeys, earlier.TooManyKeys),
	}, nil
}

// asOne returns s as the status of one bulkhead with the common capacity.
func (s KeyedStatus) asOne() bulk.Status {
	return bulk.Status{
		ID: s.ID, Index: s.Index, Label: s.Label, At: s.At, Capacity: s.Capacity,
		InFlight: s.InFlight, InUse: s.InUse, Waiting: s.Waiting, Closed: s.Closed,
		Queueing: s.Queueing, OldestWait: s.OldestWait, OldestHold: s.OldestHold, Totals: s.Totals,
	}
}

// asOne returns i as the interval of one bulkhead with the common capacity.
func (i KeyedInterval) asOne() bulk.Interval {
	return bulk.Interval{Start: i.Start.asOne(), End: i.End.asOne(), Duration: i.Duration, Totals: i.Totals}
}

// ArrivalRate returns the arrivals per second.
func (i KeyedInterval) ArrivalRate() float64 { return i.asOne().ArrivalRate() }

// AdmissionRate returns the admitted operations per second.
func (i KeyedInterval) AdmissionRate() float64 { return i.asOne().AdmissionRate() }

// RejectionRate returns the operations per second that bulkheads rejected for any
// reason but [bulk.Canceled].
func (i KeyedInterval) RejectionRate() float64 { return i.asOne().RejectionRate() }

// RejectedShare returns the share of rejected operations: see
// [bulk.Interval.RejectedShare].
func (i KeyedInterval) RejectedShare() float64 { return i.asOne().RejectedShare() }

// QueuedShare returns the share of operations that had to wait: see
// [bulk.Interval.QueuedShare].
func (i KeyedInterval) QueuedShare() float64 { return i.asOne().QueuedShare() }

// MeanWait returns the mean wait of the operations admitted from a queue in the
// interval, 0 if there are none.
func (i KeyedInterval) MeanWait() time.Duration { return i.asOne().MeanWait() }

// MeanHold returns the mean time in flight of the sampled operations that finished in
// the interval, 0 without a sample.
func (i KeyedInterval) MeanHold() time.Duration { return i.asOne().MeanHold() }

// OfferedLoad returns how many slots of all keys together would be in use on average
// if every operation had been admitted immediately: see [bulk.Interval.OfferedLoad].
func (i KeyedInterval) OfferedLoad() float64 { return i.asOne().OfferedLoad() }

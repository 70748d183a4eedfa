package registry

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// KeyedStatus is one reading of a [Keyed]: counts only, no key. Its JSON has the
// names at its fields, as that of [bulk.Status].
type KeyedStatus struct {
	Label       string      `json:"label"`
	Keys        int         `json:"keys"`      // known now
	MaxKeys     int         `json:"max_keys"`  // the most that are kept
	InFlight    int         `json:"in_flight"` // over all keys, as the next two
	InUse       int         `json:"in_use"`
	Waiting     int         `json:"waiting"`
	Closed      bool        `json:"closed"`
	Created     uint64      `json:"created"`
	Evicted     uint64      `json:"evicted"`       // Keys = Created − Evicted
	TooManyKeys uint64      `json:"too_many_keys"` // operations turned away for want of room
	Totals      bulk.Totals `json:"totals"`        // over all keys, evicted ones included, and what was turned away without a key
}

// Status takes a reading: of the keys at one instant, and then of each bulkhead.
// The equations of [bulk.Status] hold for the sums, because they hold for each
// and none is left out or counted twice, whatever is evicted meanwhile. Those
// turned away as too many are not arrivals of any bulkhead: they are in
// TooManyKeys alone.
//
// It costs as much as a status of every key. The lock is held only while the
// list of them is copied.
func (k *Keyed[K]) Status() KeyedStatus {
	k.mu.Lock()
	s := KeyedStatus{
		Label: k.label, Keys: len(k.keys), MaxKeys: k.maxKeys, Closed: k.closed,
		Created: k.created, Evicted: k.evicted, TooManyKeys: k.tooManyKeys, Totals: k.retired,
	}
	all := slices.Clone(k.all)
	k.mu.Unlock()

	// Many at a time, because each sum may copy a histogram.
	const most = 256
	totals := make([]bulk.Totals, 0, min(most, len(all)+1))
	add := func(b bulk.Status) {
		if len(totals) == most {
			s.Totals, totals = s.Totals.Plus(totals...), totals[:0]
		}
		s.InFlight += b.InFlight
		s.InUse += b.InUse
		s.Waiting += b.Waiting
		totals = append(totals, b.Totals)
	}
	add(k.rejector.Status())
	for _, e := range all {
		add(e.bulkhead.Status())
	}
	s.Totals = s.Totals.Plus(totals...)
	return s
}

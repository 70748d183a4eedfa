package registry

import (
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// KeyedStatus is a snapshot of a [Keyed]. It has counts only, no key. The names in
// JSON are the struct tags, as those of [bulk.Status].
type KeyedStatus struct {
	Label       string      `json:"label"`         // of the Keyed and all its bulkheads
	Keys        int         `json:"keys"`          // known now, in use or idle
	MaxKeys     int         `json:"max_keys"`      // the limit given to NewKeyed
	InFlight    int         `json:"in_flight"`     // operations, over all keys
	InUse       int         `json:"in_use"`        // slots, over all keys
	Waiting     int         `json:"waiting"`       // operations, over all keys
	Closed      bool        `json:"closed"`        // Close or Shutdown was called
	Created     uint64      `json:"created"`       // keys, including those that came again after an eviction
	Evicted     uint64      `json:"evicted"`       // keys; Keys = Created − Evicted
	TooManyKeys uint64      `json:"too_many_keys"` // operations rejected because maxKeys keys were in use
	Totals      bulk.Totals `json:"totals"`        // over all keys, including evicted ones and operations rejected without a key
}

// Status returns a snapshot: of the list of keys at one instant, and then of each
// bulkhead, one after the other. The sums satisfy the equations of [bulk.Status]: each
// operation is counted exactly once, even if its key is evicted meanwhile. Operations
// rejected with [ErrTooManyKeys] are in TooManyKeys only, and are not arrivals of any
// bulkhead.
//
// The cost is that of a status of every key. Status holds the lock only while it
// copies the list of keys.
func (k *Keyed[K]) Status() KeyedStatus {
	k.mu.Lock()
	s := KeyedStatus{
		Label: k.label, Keys: len(k.keys), MaxKeys: k.maxKeys, Closed: k.closed,
		Created: k.created, Evicted: k.evicted, TooManyKeys: k.tooManyKeys, Totals: k.retired,
	}
	all := slices.Clone(k.all)
	k.mu.Unlock()

	// Totals are added in batches, because each addition can copy a histogram.
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

package registry

import (
	"iter"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// KeyedStatus is a snapshot of a [Keyed]. It has counts only, no key.
//
// The text form is String. The JSON form has the names of the field tags, which are
// those of [bulk.Status], with the same promises. It can be read back.
type KeyedStatus struct {
	// ID identifies the Keyed. Its events that belong to no key have this ID: see
	// [Each].
	ID uint64 `json:"id"`
	// Index counts the Status calls of the Keyed: 1, 2, 3, …
	Index uint64 `json:"index"`
	// Label is the label of the Keyed and all its bulkheads.
	Label string `json:"label"`
	// At is the time of the snapshot.
	At time.Time `json:"at"`
	// Capacity is the common capacity of each key at that time.
	Capacity bulk.Capacity `json:"capacity"`
	// Slots is the parallelism of all keys together, at most [bulk.Unlimited].
	Slots int `json:"slots"`
	// Places is the waiting room of all keys together, at most [bulk.Unlimited].
	Places int `json:"places"`
	// Keys is the number of keys that are known, in use or idle.
	Keys int `json:"keys"`
	// MaxKeys is the limit given to NewKeyed.
	MaxKeys int `json:"max_keys"`
	// InFlight is the number of operations in flight, over all keys.
	InFlight int `json:"in_flight"`
	// InUse is the number of slots in use, over all keys.
	InUse int `json:"in_use"`
	// Waiting is the number of operations in waiting rooms, over all keys.
	Waiting int `json:"waiting"`
	// Closed reports whether Close or Shutdown was called.
	Closed bool `json:"closed"`
	// Queueing is the longest of all keys: see [bulk.Status].
	Queueing time.Duration `json:"queueing_ns"`
	// OldestWait is the longest of all keys: see [bulk.Status].
	OldestWait time.Duration `json:"oldest_wait_ns"`
	// OldestHold is the longest of all keys: see [bulk.Status].
	OldestHold time.Duration `json:"oldest_hold_ns"`
	// Created counts the keys that came, including those that came again after an
	// eviction.
	Created uint64 `json:"created"`
	// Evicted counts the keys that were evicted: Keys = Created − Evicted.
	Evicted uint64 `json:"evicted"`
	// TooManyKeys counts the operations rejected because maxKeys keys were in use.
	TooManyKeys uint64 `json:"too_many_keys"`
	// Totals are those of all keys, including evicted ones, and of the operations
	// rejected without a key. Queueing is the sum over all keys.
	Totals bulk.Totals `json:"totals"`
}

// Status returns a snapshot: of the list of keys at one instant, and then of each
// bulkhead, one after the other. The sums satisfy the equations of [bulk.Status]: each
// operation is counted exactly once, even if its key is evicted meanwhile. Operations
// rejected with [ErrTooManyKeys] are in TooManyKeys only, and are not arrivals of any
// bulkhead.
//
// Status takes the lock of each bulkhead once, and holds the lock of the Keyed only
// while it copies the list of keys. It allocates that copy and one histogram of waits
// (4 kB), however many keys there are. A Status of 10,000 keys takes a few
// milliseconds.
func (k *Keyed[K]) Status() KeyedStatus {
	k.mu.Lock()
	k.statuses++
	s := KeyedStatus{
		ID: k.id, Index: k.statuses, Label: k.label, At: time.Now(), Capacity: k.capacity,
		Keys: len(k.keys), MaxKeys: k.maxKeys, Closed: k.closed,
		Created: k.created, Evicted: k.evicted, TooManyKeys: k.tooManyKeys,
	}
	sum := bulk.Status{Totals: k.retired.Totals}
	all := slices.Clone(k.all)
	k.mu.Unlock()

	own := hooks.AddStatus(&sum, k.rejector, false)
	sum.Capacity = bulk.Capacity{} // the rejector's is not that of a key
	for _, e := range all {
		own = hooks.AddStatus(&sum, e.bulkhead, own)
	}
	s.Slots, s.Places = sum.Capacity.Parallelism, sum.Capacity.WaitingRoom
	s.InFlight, s.InUse, s.Waiting, s.Totals = sum.InFlight, sum.InUse, sum.Waiting, sum.Totals
	s.Queueing, s.OldestWait, s.OldestHold = sum.Queueing, sum.OldestWait, sum.OldestHold
	return s
}

// Statuses yields each key that is known when the loop begins, in no particular order,
// with the status of its bulkhead when it is yielded. A key that is evicted during the
// loop is yielded with the status of its closed bulkhead. The body holds no lock and
// may call any method.
//
// It is the only way in which keys come out of a Keyed: log and publish them with care.
func (k *Keyed[K]) Statuses() iter.Seq2[K, bulk.Status] {
	return func(yield func(K, bulk.Status) bool) {
		k.mu.Lock()
		all := slices.Clone(k.all)
		k.mu.Unlock()
		for _, e := range all {
			if !yield(e.key, e.bulkhead.Status()) {
				return
			}
		}
	}
}

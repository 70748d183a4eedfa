package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// Check returns a violation of the invariants that are written at the lock, or of
// those of a key's bulkhead, or nil.
func (k *Keyed[K]) Check() error {
	capacities := make(map[K]bulk.Capacity)
	common, err := k.check(capacities)
	for key, got := range capacities { // without the lock, because CapacityOf may use k
		if want, bad := k.capacityOfKey(key, common); got != want || bad != nil {
			err = errors.Join(err, fmt.Errorf("the capacity of a key is %v, not %v (error %v)", got, want, bad))
		}
	}
	return err
}

// check is Check, except for the capacities of the keys for the common capacity. It
// puts those that no change is being applied to into capacities.
func (k *Keyed[K]) check(capacities map[K]bulk.Capacity) (common bulk.Capacity, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	common = k.capacity
	if len(k.keys) > k.maxKeys || len(k.keys) != len(k.all) || k.created-k.evicted != uint64(len(k.keys)) {
		return common, fmt.Errorf("%d keys of at most %d, %d listed, %d created, %d evicted", len(k.keys), k.maxKeys, len(k.all), k.created, k.evicted)
	}
	if err := hooks.Check(k.rejector); err != nil {
		return common, err
	}
	if len(k.capacities) > 0 && k.applying == 0 {
		return common, errors.New("the capacities of the keys are still in memory")
	}
	settled := k.applying == 0 && !k.closed
	if s := k.rejector.Status(); settled && !s.Closed && s.Capacity != k.capacity {
		return common, fmt.Errorf("the rejector has the capacity %v, not the common one of %v", s.Capacity, k.capacity)
	}
	idle := 0
	for place, e := range k.all {
		if e.place != place || k.keys[e.key] != e {
			return common, fmt.Errorf("entry %d is at place %d, or not under its key", place, e.place)
		}
		if s := e.bulkhead.Status(); s.InFlight+s.Waiting > e.leases {
			return common, fmt.Errorf("%d in flight and %d waiting under %d leases", s.InFlight, s.Waiting, e.leases)
		}
		if err := hooks.Check(e.bulkhead); err != nil {
			return common, err
		}
		if settled {
			capacities[e.key] = e.bulkhead.Capacity()
		}
		if e.leases == 0 {
			idle++
		}
	}
	var older *entry[K]
	for e := k.idle.oldest; e != nil; older, e = e, e.newer {
		if e.leases != 0 || e.older != older || k.keys[e.key] != e {
			return common, fmt.Errorf("an entry with %d leases in the idle list, or out of order", e.leases)
		}
		idle--
	}
	if idle != 0 || k.idle.newest != older {
		return common, fmt.Errorf("%d idle entries are missing in the list", idle)
	}
	return common, nil
}

// Follow is follow.
var Follow = follow

// Waiting returns how many operations of a known key wait.
func (k *Keyed[K]) Waiting(key K) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[key].bulkhead.Status().Waiting
}

// Check returns a violation of the invariants that are written at the lock, or of
// those of a member, or nil.
func (r *Registry) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.members) != len(r.order) {
		return fmt.Errorf("%d members, %d in order", len(r.members), len(r.order))
	}
	for _, m := range r.order {
		if r.members[m.Label()] != m {
			return fmt.Errorf("%q is not under its label", m.Label())
		}
		if b, ok := m.(*bulk.Bulkhead); ok {
			if err := hooks.Check(b); err != nil {
				return err
			}
		} else if err := m.(interface{ Check() error }).Check(); err != nil {
			return err
		}
	}
	return nil
}

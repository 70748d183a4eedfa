package registry

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

func init() {
	hooks.SetCheckKeyed(func(k any) error { return k.(interface{ check() error }).check() })
}

// check returns every violation of the invariants that are written at the lock, and of
// those of each bulkhead, joined, or nil. It is for tests, which reach it through
// internal/hooks.
func (k *Keyed[K]) check() error {
	var errs []error
	must := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	common, capacities := k.checkGuarded(must)
	for key, got := range capacities { // without the lock, because CapacityOf may use k
		want, err := k.capacityOfKey(key, common)
		must(got == want && err == nil, "the capacity of a key is %v, not %v (error %v)", got, want, err)
	}
	return errors.Join(errs...)
}

// checkGuarded is check, except for the capacities of the keys. It returns those that
// no change is being applied to, and the common one.
func (k *Keyed[K]) checkGuarded(must func(bool, string, ...any)) (common bulk.Capacity, capacities map[K]bulk.Capacity) {
	k.mu.Lock()
	defer k.mu.Unlock()
	must(len(k.keys) <= k.maxKeys && len(k.keys) == len(k.all) && k.created-k.evicted == uint64(len(k.keys)),
		"%d keys of at most %d, %d listed, %d created, %d evicted", len(k.keys), k.maxKeys, len(k.all), k.created, k.evicted)
	must(k.applying > 0 || k.capacities == nil, "the capacities of the keys are still in memory")
	err := hooks.Check(k.rejector)
	must(err == nil, "rejector: %v", err)
	settled := k.applying == 0 && !k.closed
	s := k.rejector.Status()
	must(!settled || s.Closed || s.Capacity == k.capacity, "the rejector has the capacity %v, not the common one of %v", s.Capacity, k.capacity)

	capacities = make(map[K]bulk.Capacity)
	idle := 0
	for place, e := range k.all {
		must(e.place == place && k.keys[e.key] == e, "entry %d is at place %d, or not under its key", place, e.place)
		err, s := hooks.Check(e.bulkhead), e.bulkhead.Status()
		must(err == nil, "entry %d: %v", place, err)
		must(s.InFlight+s.Waiting <= e.leases, "%d in flight and %d waiting under %d leases", s.InFlight, s.Waiting, e.leases)
		if settled {
			capacities[e.key] = s.Capacity
		}
		if e.leases == 0 {
			idle++
		}
	}
	var older *entry[K]
	for e := k.idle.oldest; e != nil && idle >= 0; older, e = e, e.newer {
		must(e.leases == 0 && e.older == older && k.keys[e.key] == e, "an entry with %d leases in the idle list, or out of order", e.leases)
		idle--
	}
	must(idle == 0 && k.idle.newest == older, "%d idle entries are missing in the list", idle)
	return k.capacity, capacities
}

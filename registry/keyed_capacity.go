package registry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

// Capacity returns the common capacity: that of every key, unless [CapacityOf] gives
// a key another one.
func (k *Keyed[K]) Capacity() bulk.Capacity {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.capacity
}

// Resize sets the parallelism of each key and leaves the rest of the capacity
// unchanged. Its effects and errors are those of [Keyed.SetCapacity].
func (k *Keyed[K]) Resize(parallelism int) error {
	return k.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.Parallelism = parallelism
		return c
	})
}

// SetCapacity replaces the common capacity, for the keys that there are and for those
// to come. To change only some of its fields, use [Keyed.UpdateCapacity]. Parallelism
// 0 pauses all keys, and [bulk.Unlimited] admits every operation.
//
// The bulkhead of each key changes in one step, as by [bulk.Bulkhead.SetCapacity], one
// after the other. When SetCapacity returns, all keys have the new capacity, including
// those that came meanwhile, unless another call has changed it again. The bulkhead of
// each key whose capacity changes makes an event, and so does the one that belongs to
// no key: see [Each].
//
// With [CapacityOf], each key gets what that function returns for the key and the new
// capacity. All results are checked before any is set. To apply a function that
// returns something else than before, call SetCapacity with the present capacity.
//
// If a value is not allowed, SetCapacity returns [*bulk.ConfigError]s and changes
// nothing. If k is closed, it returns an error that matches [bulk.ErrClosed] and
// changes nothing.
func (k *Keyed[K]) SetCapacity(c bulk.Capacity) error {
	return k.UpdateCapacity(func(bulk.Capacity) bulk.Capacity { return c })
}

// UpdateCapacity sets the common capacity that f returns for the present one, as
// [Keyed.SetCapacity] does. No concurrent change is lost: if the capacity changes
// while f runs, f runs again with the new one.
//
// f runs on the caller's goroutine, without a lock. It must not change the capacity of
// k itself, because then it would run again each time. If it panics, nothing has
// changed. A nil f panics.
func (k *Keyed[K]) UpdateCapacity(f func(bulk.Capacity) bulk.Capacity) error {
	mustHave(f != nil, "UpdateCapacity: nil f")
	for {
		old, version := k.current()
		c := f(old)
		if err := withLabel(k.label, c.Validate()); err != nil {
			return err
		}
		if swapped, err := k.swapCapacity(version, c); swapped || err != nil {
			return err
		}
	}
}

// current returns the common capacity and the number of its changes.
func (k *Keyed[K]) current() (bulk.Capacity, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.capacity, k.changes
}

// swapCapacity sets the common capacity unless it has changed since the version, and
// reports whether it has set it. After an error nothing has changed.
//
// The capacities of the keys are computed without the lock, because CapacityOf is
// caller-supplied code. The section that sets the common capacity finds out whether
// keys came meanwhile. If so, only those are computed before the next attempt.
func (k *Keyed[K]) swapCapacity(version uint64, c bulk.Capacity) (swapped bool, err error) {
	capacities := make(map[*entry[K]]bulk.Capacity)
	var seen uint64
	var all []*entry[K]
	for {
		k.mu.Lock()
		switch {
		case k.closed:
			k.mu.Unlock()
			return false, &registryError{k.String() + ": capacity not changed: closed", []error{bulk.ErrClosed}}
		case k.changes != version:
			k.mu.Unlock()
			return false, nil
		case all != nil && k.created == seen: // each known key is in all
			k.capacity = c
			k.changes++
			k.applying++
			if k.capacityOf != nil {
				k.capacities = capacities
			}
			k.mu.Unlock()
			k.applyCapacity(all)
			return true, nil
		}
		seen, all = k.created, append([]*entry[K]{}, k.all...) // not nil
		k.mu.Unlock()
		if k.capacityOf == nil {
			continue
		}
		for _, e := range all {
			if _, ok := capacities[e]; !ok {
				if capacities[e], err = k.capacityOfKey(e.key, c); err != nil {
					return false, err
				}
			}
		}
	}
}

// capacityOfKey returns the capacity of a key for a common capacity. The lock is not
// held.
func (k *Keyed[K]) capacityOfKey(key K, common bulk.Capacity) (bulk.Capacity, error) {
	if k.capacityOf == nil {
		return common, nil
	}
	c := k.capacityOf(key, common)
	if err := withLabel(k.label, c.Validate()); err != nil {
		return c, fmt.Errorf("registry: CapacityOf: %w", err)
	}
	return c, nil
}

// applyCapacity gives the rejector and the bulkheads of the entries the capacities
// that they should have. It runs without the lock, because it calls event handlers.
func (k *Keyed[K]) applyCapacity(all []*entry[K]) {
	defer func() {
		k.mu.Lock()
		if k.applying--; k.applying == 0 {
			k.capacities = nil
		}
		k.mu.Unlock()
	}()
	// Also if an event handler of the rejector ends the goroutine.
	defer forEachAlways(all, func(e *entry[K]) {
		follow(e.bulkhead, func() bulk.Capacity { return k.present(e) })
	})
	follow(k.rejector, k.Capacity)
}

// follow sets the capacity of b to what present returns, until that is what it has
// set. So whichever of several concurrent calls comes last leaves b with the capacity
// of the last change. An error means that b was closed, or evicted and closed.
func follow(b *bulk.Bulkhead, present func() bulk.Capacity) {
	for {
		c := present()
		if err := b.SetCapacity(c); err != nil || c == present() {
			return
		}
	}
}

// present returns the capacity that the bulkhead of an entry should have while a
// change is being applied. For an entry that is evicted, it is any that is allowed.
func (k *Keyed[K]) present(e *entry[K]) bulk.Capacity {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, ok := k.capacities[e]; ok {
		return c
	}
	return k.capacity
}

// withLabel returns an error of [bulk.Capacity.Validate] with the label.
func withLabel(label string, err error) error {
	errs := unjoin(err)
	for i, err := range errs {
		if e, ok := err.(*bulk.ConfigError); ok {
			named := *e
			named.Label = label
			errs[i] = &named
		}
	}
	return errors.Join(errs...)
}

// checkCapacity returns the error that SetCapacity would return for c with the keys
// that there are now, except for a closed Keyed.
func (k *Keyed[K]) checkCapacity(c bulk.Capacity) error {
	if err := withLabel(k.label, c.Validate()); err != nil || k.capacityOf == nil {
		return err
	}
	k.mu.Lock()
	all := slices.Clone(k.all)
	k.mu.Unlock()
	for _, e := range all {
		if _, err := k.capacityOfKey(e.key, c); err != nil {
			return err
		}
	}
	return nil
}

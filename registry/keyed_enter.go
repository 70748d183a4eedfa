package registry

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// enter returns the entry of the key with a lease, which the caller must return
// with leave. Otherwise it returns the error of the call.
func (k *Keyed[K]) enter(ctx context.Context, key K, limits []deadline.Limit) (*entry[K], error) {
	// Before the lock is taken, because this panics if the key is not comparable.
	if !comparesEqualToItself(key) {
		return nil, &bulk.ConfigError{Label: k.label, Field: "key", Value: reflect.TypeOf(key), Problem: "must be equal to itself"}
	}
	k.mu.Lock()
	e := k.find(key)
	k.mu.Unlock()
	if e != nil {
		return e, nil // its bulkhead decides about the operation
	}
	return k.enterNew(ctx, key, limits)
}

// comparesEqualToItself reports whether key can be found in a map. A NaN, or a value
// that contains one, cannot.
func comparesEqualToItself[K comparable](key K) bool {
	same := key
	return key == same
}

// find returns the entry of a known key with a lease, or nil. In a closed Keyed it
// returns nil, so that the rejector rejects all operations. The lock is held.
func (k *Keyed[K]) find(key K) *entry[K] {
	if k.closed {
		return nil
	}
	e := k.keys[key]
	if e == nil {
		return nil
	}
	if e.leases == 0 {
		k.idle.remove(e)
	}
	e.leases++
	return e
}

// leave returns a lease. An entry without leases is idle, and becomes the newest idle
// one. All that the call did in the bulkhead happened before, so the bulkhead of an
// idle entry does not change any more.
func (k *Keyed[K]) leave(e *entry[K]) {
	var now time.Duration
	if k.idleAfter > 0 {
		now = k.now() // before the lock, to hold it for a shorter time
	}
	k.mu.Lock()
	if e.leases--; e.leases == 0 {
		e.since = now
		k.idle.push(e)
	}
	k.mu.Unlock()
}

// onSlotReleased returns the lease of a slot: see [hooks.OnRelease].
func (e *entry[K]) onSlotReleased() { e.keyed.leave(e) }

func (k *Keyed[K]) now() time.Duration { return time.Since(k.origin) }

// enterNew is enter for a key that was not found. The bulkhead is created without
// the lock, because options and CapacityOf are caller-supplied code. The section that
// adds it checks everything again. If another goroutine has added the key meanwhile,
// its entry is used and the new bulkhead is discarded; it has no users yet. If the
// common capacity has changed meanwhile, a bulkhead is created with the new one.
func (k *Keyed[K]) enterNew(ctx context.Context, key K, limits []deadline.Limit) (*entry[K], error) {
	if alreadyRejected(ctx, limits) {
		if err := k.reject(ctx, limits); err != nil {
			return nil, err
		}
	}
	var created *entry[K]
	var version uint64 // of the common capacity of created
	for {
		k.mu.Lock()
		if e := k.find(key); e != nil {
			k.mu.Unlock()
			return e, nil
		}
		if k.closed {
			k.mu.Unlock()
			return nil, k.reject(ctx, limits)
		}
		full := len(k.keys) == k.maxKeys
		if full && k.idle.oldest == nil {
			k.tooManyKeys++
			k.mu.Unlock()
			return nil, k.group.Rejection
		}
		if created != nil && version == k.changes {
			var evicted *bulk.Bulkhead
			if full {
				evicted = k.detach(k.idle.oldest)
			}
			k.add(created)
			k.mu.Unlock()
			k.closeEvicted(evicted, created)
			return created, nil
		}
		common := k.capacity
		version = k.changes
		k.mu.Unlock()

		var err error
		if created, err = k.newEntry(key, common); err != nil {
			return nil, err
		}
	}
}

// alreadyRejected reports whether an arrival is rejected whatever its key is: its ctx
// is done, or one of its bounds has passed. It applies the rules of a bulkhead.
func alreadyRejected(ctx context.Context, limits []deadline.Limit) bool {
	if ctx.Err() != nil {
		return true
	}
	limit := deadline.Tightest(limits...)
	if before, ok := limit.Before(); ok && !time.Now().Before(before) {
		return true
	}
	if reserve, ok := limit.Reserve(); ok {
		ctxDeadline, ok := ctx.Deadline()
		return ok && time.Until(ctxDeadline) < reserve
	}
	return false
}

// reject returns the error for an arrival that is already rejected, or that comes
// when k is closed. The rejector, a bulkhead like those of the keys, decides about it
// and counts it, so the error, the event and the totals are those of a bulkhead. If
// ctx or the clock contradicts the first answer, the rejector can admit the arrival:
// then reject returns nil. A paused rejector cannot, so that such an arrival must not
// wait in it: it is saturated.
func (k *Keyed[K]) reject(ctx context.Context, limits []deadline.Limit) error {
	slot, err := k.rejector.Acquire(ctx, deadline.Tightest(limits...), deadline.NoWait())
	slot.Release()
	return err
}

// newEntry returns an entry with a new bulkhead and one lease.
func (k *Keyed[K]) newEntry(key K, common bulk.Capacity) (*entry[K], error) {
	capacity, err := k.capacityOfKey(key, common)
	if err != nil {
		return nil, err
	}
	e := &entry[K]{keyed: k, key: key, leases: 1}
	e.bulkhead, err = bulk.New(k.label, 1, append(slices.Clip(k.each), func(c *bulk.Config) error {
		hooks.OnRelease(c, e.onSlotReleased)
		hooks.WithCapacity(c, &capacity) // which may be paused
		return nil
	})...)
	return e, err
}

// add adds an entry. The lock is held.
func (k *Keyed[K]) add(e *entry[K]) {
	k.keys[e.key] = e
	e.place = len(k.all)
	k.all = append(k.all, e)
	k.created++
}

// closeEvicted closes the bulkhead that was evicted for the new entry e, if any. If
// an event handler ends the goroutine, no caller will return the lease on e, so
// closeEvicted does.
func (k *Keyed[K]) closeEvicted(evicted *bulk.Bulkhead, e *entry[K]) {
	if evicted == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			k.leave(e)
		}
	}()
	_ = evicted.Close() // always nil
	returned = true
}

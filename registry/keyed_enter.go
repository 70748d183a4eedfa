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

// enter returns the entry of a key, with a lease on it that the caller owes a
// leave for, or the error that the call ends with.
func (k *Keyed[K]) enter(ctx context.Context, key K, limits []deadline.Limit) (*entry[K], error) {
	// Before the lock: the comparison panics if the key can't be compared.
	if !comparesEqualToItself(key) {
		return nil, &bulk.ConfigError{Label: k.label, Field: "key", Value: reflect.TypeOf(key), Problem: "must be equal to itself"}
	}
	k.mu.Lock()
	e := k.find(key)
	k.mu.Unlock()
	if e != nil {
		return e, nil // its bulkhead decides all the rest
	}
	return k.enterNew(ctx, key, limits)
}

// comparesEqualToItself reports whether key can be found again: a NaN, or a
// value that contains one, cannot.
func comparesEqualToItself[K comparable](key K) bool {
	same := key
	return key == same
}

// find takes a lease on the entry of a key that is known. In a closed Keyed none
// is: whatever comes later is rejected by the rejector. The lock is held.
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

// leave gives a lease back. The last one of an entry makes it idle, as the one
// that will be evicted last. Whatever the call was is over by then: what it did
// to the bulkhead happened before, so who evicts the entry finds it still.
func (k *Keyed[K]) leave(e *entry[K]) {
	var now time.Duration
	if k.idleAfter > 0 {
		now = k.now() // before the lock, which others want
	}
	k.mu.Lock()
	if e.leases--; e.leases == 0 {
		e.since = now
		k.idle.push(e)
	}
	k.mu.Unlock()
}

// onSlotReleased is called when a slot of the entry's bulkhead has been released.
func (e *entry[K]) onSlotReleased() { e.keyed.leave(e) }

func (k *Keyed[K]) now() time.Duration { return time.Since(k.origin) }

// enterNew is enter for a key that was not found. What is lost whatever its key
// is rejected by the rejector. Else the bulkhead is made, without the lock
// because options are a stranger's code; and because much can happen meanwhile,
// the section that adds it decides anew. Who finds that another one was first
// takes that one, and forgets the bulkhead that nobody has seen.
func (k *Keyed[K]) enterNew(ctx context.Context, key K, limits []deadline.Limit) (*entry[K], error) {
	if alreadyRejected(ctx, limits) {
		if err := k.reject(ctx, limits); err != nil {
			return nil, err
		}
	}
	var created *entry[K]
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
		if created != nil {
			var evicted *bulk.Bulkhead
			if full {
				evicted = k.detach(k.idle.oldest)
			}
			k.add(created)
			k.mu.Unlock()
			k.closeEvicted(evicted, created)
			return created, nil
		}
		k.mu.Unlock()

		var err error
		if created, err = k.newEntry(key); err != nil {
			return nil, err
		}
	}
}

// alreadyRejected reports whether an arrival is turned away whatever its key: its ctx is
// done, or one of its bounds passed. It asks as a bulkhead does.
func alreadyRejected(ctx context.Context, limits []deadline.Limit) bool {
	if ctx.Err() != nil {
		return true
	}
	limit := deadline.Tightest(limits...)
	if before, ok := limit.Before(); ok && !time.Now().Before(before) {
		return true
	}
	if reserve, ok := limit.Reserve(); ok {
		dies, mortal := ctx.Deadline()
		return mortal && time.Until(dies) < reserve
	}
	return false
}

// reject returns the error for an arrival that is late, or that comes when k
// is closed. A bulkhead like those of the keys decides and counts it: so the
// error, the event and the totals are what they would be for any bulkhead. It
// returns nil if an open rejector admits the arrival after all: its ctx, or the
// clock, says something else now.
func (k *Keyed[K]) reject(ctx context.Context, limits []deadline.Limit) error {
	slot, err := k.rejector.Acquire(ctx, limits...)
	slot.Release()
	return err
}

// newEntry returns an entry for a key, with its bulkhead and the first lease.
func (k *Keyed[K]) newEntry(key K) (*entry[K], error) {
	e := &entry[K]{keyed: k, key: key, leases: 1}
	var err error
	e.bulkhead, err = bulk.New(k.label, k.parallelism, append(slices.Clip(k.each), func(c *bulk.Config) error {
		hooks.OnRelease(c, e.onSlotReleased)
		return nil
	})...)
	return e, err
}

// add makes an entry known. The lock is held.
func (k *Keyed[K]) add(e *entry[K]) {
	k.keys[e.key] = e
	e.place = len(k.all)
	k.all = append(k.all, e)
	k.created++
}

// closeEvicted closes the bulkhead that made room for an entry. The caller doesn't have
// the entry yet: its lease is given back if an event handler ends the goroutine.
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

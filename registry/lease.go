package registry

import (
	"context"
	"reflect"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
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

package registry

import (
	"context"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// enterNew is enter for a key that was not found. What is lost whatever its key
// is turned away at the door. Else the bulkhead is made, without the lock
// because options are a stranger's code; and because much can happen meanwhile,
// the section that adds it decides anew. Who finds that another one was first
// takes that one, and forgets the bulkhead that nobody has seen.
func (k *Keyed[K]) enterNew(ctx context.Context, key K, limits []deadline.Limit) (*entry[K], error) {
	if late(ctx, limits) {
		if err := k.turnAway(ctx, limits); err != nil {
			return nil, err
		}
	}
	var fresh *entry[K]
	for {
		k.mu.Lock()
		if e := k.find(key); e != nil {
			k.mu.Unlock()
			return e, nil
		}
		if k.closed {
			k.mu.Unlock()
			return nil, k.turnAway(ctx, limits)
		}
		full := len(k.keys) == k.maxKeys
		if full && k.idle.oldest == nil {
			k.tooManyKeys++
			k.mu.Unlock()
			return nil, k.tooMany
		}
		if fresh != nil {
			var victim *bulk.Bulkhead
			if full {
				victim = k.forget(k.idle.oldest)
			}
			k.add(fresh)
			k.mu.Unlock()
			k.bury(victim, fresh)
			return fresh, nil
		}
		k.mu.Unlock()

		var err error
		if fresh, err = k.make(key); err != nil {
			return nil, err
		}
	}
}

// late reports whether an arrival is turned away whatever its key: its ctx is
// done, or one of its bounds passed. It asks as a bulkhead does.
func late(ctx context.Context, limits []deadline.Limit) bool {
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

// turnAway returns the error for an arrival that is late, or that comes when k
// is closed. A bulkhead like those of the keys decides and counts it: so the
// error, the event and the totals are what they would be for any bulkhead. It
// returns nil if an open door lets the arrival in after all: its ctx, or the
// clock, says something else now.
func (k *Keyed[K]) turnAway(ctx context.Context, limits []deadline.Limit) error {
	slot, err := k.door.Acquire(ctx, limits...)
	slot.Release()
	return err
}

// make returns an entry for a key, with its bulkhead and the first lease.
func (k *Keyed[K]) make(key K) (*entry[K], error) {
	e := &entry[K]{keyed: k, key: key, leases: 1}
	var err error
	e.bulkhead, err = bulk.New(k.label, k.parallelism, append(slices.Clip(k.each), func(c *bulk.Config) error {
		hooks.OnRelease(c, e.left)
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

// bury closes the bulkhead that made room for an entry. The caller doesn't have
// the entry yet: its lease is given back if an event handler ends the goroutine.
func (k *Keyed[K]) bury(victim *bulk.Bulkhead, e *entry[K]) {
	if victim == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			k.leave(e)
		}
	}()
	_ = victim.Close() // always nil
	returned = true
}

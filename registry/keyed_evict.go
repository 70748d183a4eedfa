package registry

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Evict forgets a key, and reports whether it did: false if the key is unknown
// or in use. What its bulkhead counted stays in the Totals of [Keyed.Status].
func (k *Keyed[K]) Evict(key K) bool {
	if !comparesEqualToItself(key) {
		return false
	}
	k.mu.Lock()
	e := k.keys[key]
	if e == nil || e.leases > 0 {
		k.mu.Unlock()
		return false
	}
	evicted := k.detach(e)
	k.mu.Unlock()
	_ = evicted.Close() // always nil
	return true
}

// EvictIdle forgets the keys that have been idle for [IdleAfter] or longer, all
// idle ones if that is not set, and returns how many there were. Idle counts
// from the last release or departure. Nothing calls it on its own: do it now
// and then, on a ticker for example, if memory is to be given back before there
// are as many keys as NewKeyed allows.
//
// Its cost depends on how many it evicts, not on how many there are. The lock is
// given up in between, so that calls are not held up.
func (k *Keyed[K]) EvictIdle() int {
	k.mu.Lock()
	most := len(k.keys) // or it might go on for ever after keys that come and go
	k.mu.Unlock()
	var batch [64]*bulk.Bulkhead
	n := 0
	for n < most {
		evicted := k.detachIdle(batch[:0:min(len(batch), most-n)])
		forEachAlways(evicted, func(evicted *bulk.Bulkhead) { _ = evicted.Close() }) // always nil
		if n += len(evicted); len(evicted) < len(batch) {
			break
		}
	}
	return n
}

// detachIdle forgets as many that have been idle long enough as there is room
// for in evicted, the oldest first, and returns their bulkheads.
func (k *Keyed[K]) detachIdle(evicted []*bulk.Bulkhead) []*bulk.Bulkhead {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for len(evicted) < cap(evicted) && k.idle.oldest != nil && k.longIdle(k.idle.oldest, now) {
		evicted = append(evicted, k.detach(k.idle.oldest))
	}
	return evicted
}

// longIdle reports whether an entry that is idle has been so for IdleAfter, which
// all have if that is 0. An instant to come is one of another clock: of a synctest bubble, or of the
// world outside. It is long past.
func (k *Keyed[K]) longIdle(e *entry[K], now time.Duration) bool {
	return now-e.since >= k.idleAfter || e.since > now
}

// detach takes an entry that is idle out of everything, and returns its
// bulkhead, to be closed without the lock: it may have event handlers. Nobody
// can reach it any more, and nothing is in flight or waiting in it, so its
// totals won't change. The lock is held.
func (k *Keyed[K]) detach(e *entry[K]) *bulk.Bulkhead {
	k.idle.remove(e)
	delete(k.keys, e.key)
	last := len(k.all) - 1
	k.all[e.place] = k.all[last]
	k.all[e.place].place = e.place
	k.all[last] = nil
	k.all = k.all[:last]
	k.evicted++
	k.retired = k.retired.Plus(e.bulkhead.Status().Totals)
	return e.bulkhead
}

// idleList is the list of the entries that are idle, in the order in which they
// became so. It is made of the entries themselves: nothing is allocated, and
// any of them can leave at a cost that doesn't depend on the length.
type idleList[K comparable] struct {
	oldest, newest *entry[K]
}

func (l *idleList[K]) push(e *entry[K]) {
	e.older = l.newest
	if l.newest == nil {
		l.oldest = e
	} else {
		l.newest.newer = e
	}
	l.newest = e
}

func (l *idleList[K]) remove(e *entry[K]) {
	if e.older == nil {
		l.oldest = e.newer
	} else {
		e.older.newer = e.newer
	}
	if e.newer == nil {
		l.newest = e.older
	} else {
		e.newer.older = e.older
	}
	e.older, e.newer = nil, nil
}

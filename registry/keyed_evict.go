package registry

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// Evict evicts a key. It returns false if the key is unknown or in use. The totals of
// an evicted key stay in [Keyed.Status]. A key of an interface type whose value is not
// comparable panics.
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

// EvictIdle evicts the keys that have been idle for [IdleAfter] or longer, and
// returns their number. Without IdleAfter it evicts all idle keys. A key is idle from
// the end of its last operation, admitted or not.
//
// A Keyed never calls EvictIdle itself. Call it regularly, for example with a
// [time.Ticker], to free memory before there are maxKeys keys.
//
// The cost depends on the number of evicted keys, not on the number of all keys.
// EvictIdle releases the lock after every 64 keys, so that it delays no call for long.
func (k *Keyed[K]) EvictIdle() int {
	k.mu.Lock()
	most := len(k.keys) // a bound, because other goroutines can add keys forever
	k.mu.Unlock()
	var batch [64]*bulk.Bulkhead
	n := 0
	for n < most {
		evicted := k.detachIdle(batch[:0:min(len(batch), most-n)])
		forEachAlways(evicted, func(b *bulk.Bulkhead) { _ = b.Close() }) // always nil
		if n += len(evicted); len(evicted) < len(batch) {
			break
		}
	}
	return n
}

// detachIdle detaches entries that have been idle for long enough, the oldest first,
// and appends their bulkheads to evicted up to its capacity.
func (k *Keyed[K]) detachIdle(evicted []*bulk.Bulkhead) []*bulk.Bulkhead {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for len(evicted) < cap(evicted) && k.idle.oldest != nil && k.longIdle(k.idle.oldest, now) {
		evicted = append(evicted, k.detach(k.idle.oldest))
	}
	return evicted
}

// longIdle reports whether an idle entry has been idle for IdleAfter or longer. A time
// in the future comes from a different clock (another synctest bubble, or outside of
// one), and is long past.
func (k *Keyed[K]) longIdle(e *entry[K], now time.Duration) bool {
	return now-e.since >= k.idleAfter || e.since > now
}

// detach removes an idle entry and returns its bulkhead. The caller closes the
// bulkhead without the lock, because that calls event handlers. The bulkhead has no
// users any more, so its totals do not change. The lock is held.
func (k *Keyed[K]) detach(e *entry[K]) *bulk.Bulkhead {
	k.idle.remove(e)
	delete(k.keys, e.key)
	last := len(k.all) - 1
	k.all[e.place] = k.all[last]
	k.all[e.place].place = e.place
	k.all[last] = nil
	k.all = k.all[:last]
	k.evicted++
	hooks.AddStatus(&k.retired, e.bulkhead, false) // Status has copies of the histogram
	return e.bulkhead
}

// idleList is a doubly linked list of the idle entries, in the order in which they
// became idle. The links are in the entries, so it allocates nothing.
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

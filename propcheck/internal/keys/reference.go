package keys

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
	"github.com/bulklink/bulklink-go/registry"
)

// reference says what a Keyed does: a model for each key, in a list that is
// searched from end to end.
type reference struct {
	capacity  bulk.Capacity
	maxKeys   int
	idleAfter time.Duration

	closed bool
	known  []*key       // in the order in which they were last left: the oldest first
	door   *model.Model // rejects the operations that need no key for that
	counts registry.KeyedStatus
	events map[bulk.EventKind]uint64
	made   map[string]bool // the keys there have been
}

// key is a key that is known, with the model of its bulkhead.
type key struct {
	*model.Model
	name string
	left time.Time
}

func (k *key) idle() bool { return len(k.InFlight) == 0 && len(k.Room) == 0 }

// learn looks for what was decided about an operation while it waited.
func (k *key) learn(c *call) {
	for _, d := range k.Decisions {
		switch {
		case d.Op != c.id || d.Rule != 0:
		case d.Verdict == model.Admitted:
			c.want = outcome{State: inFlight}
		default:
			c.want = outcome{rejected, d.Rejection}
		}
	}
}

// first returns the first key that is so, nil if there is none.
func (r *reference) first(is func(*key) bool) *key {
	if i := slices.IndexFunc(r.known, is); i >= 0 {
		return r.known[i]
	}
	return nil
}

func (r *reference) find(name string) *key {
	return r.first(func(k *key) bool { return k.name == name })
}

func (r *reference) oldestIdle() *key { return r.first((*key).idle) }

// arrive decides about an operation, and says what that means for its key.
func (r *reference) arrive(now time.Time, c *call) (what string) {
	dies, _ := c.ctx.Deadline()
	a, done := model.Arrival{Op: c.id, Slots: 1, Limits: c.limits, CtxDeadline: dies}, c.ctx.Err() != nil
	k, m := r.find(c.name), r.door
	what = fmt.Sprintf("arrival: known %t, idle %t, came before %t", k != nil, k != nil && k.idle(), r.made[c.name])
	switch {
	// A done ctx, a passed bound or a closed Keyed neither makes nor evicts a key.
	case r.closed, k == nil && (done || a.BoundPassed(now)):
		k, what = nil, what+", lost"
	// At the limit the least recently used idle one makes room; when none is idle
	// the new key is rejected.
	case k == nil && len(r.known) == r.maxKeys && r.oldestIdle() == nil:
		r.counts.TooManyKeys++
		c.want.State = tooMany
		return what + ", too many"
	case k == nil:
		if len(r.known) == r.maxKeys {
			r.forget(now, r.oldestIdle())
			what += ", another one makes room"
		}
		k = &key{Model: model.New(label, r.capacity), name: c.name}
		r.known = append(r.known, k)
		r.counts.Created++
		r.made[c.name] = true
	}
	if k != nil {
		m = k.Model
	}
	d := m.Arrive(now, a, done)
	c.want = outcome{map[model.Verdict]state{model.Admitted: inFlight, model.Queued: waiting, model.Rejected: rejected}[d.Verdict], d.Rejection}
	if c.key = k; k != nil {
		r.leave(now, k)
	}
	return what
}

func (r *reference) release(now time.Time, c *call) {
	c.key.Release(now, c.id)
	c.want.State = finished
	r.leave(now, c.key)
}

// leave is the end of any use of a key: if it is idle, it is now the one left
// last.
func (r *reference) leave(now time.Time, k *key) {
	if k.idle() {
		k.left = now
		r.known = append(slices.DeleteFunc(r.known, func(o *key) bool { return o == k }), k)
	}
}

// forget evicts a key, and closes its bulkhead.
func (r *reference) forget(now time.Time, k *key) {
	r.known = slices.DeleteFunc(r.known, func(o *key) bool { return o == k })
	r.counts.Evicted++
	r.counts.Totals = r.counts.Totals.Plus(k.Totals) // evicted ones included
	k.Close(now)
	r.learn(k.Model)
}

// evict forgets a key: not one with an operation in flight or waiting.
func (r *reference) evict(now time.Time, name string) bool {
	k := r.find(name)
	if k == nil || !k.idle() {
		return false
	}
	r.forget(now, k)
	return true
}

// evictIdle forgets those idle for idleAfter or longer.
func (r *reference) evictIdle(now time.Time) (n int) {
	for _, k := range slices.Clone(r.known) {
		if k.idle() && now.Sub(k.left) >= r.idleAfter {
			r.forget(now, k)
			n++
		}
	}
	return n
}

func (r *reference) close(now time.Time) {
	r.closed = true
	r.door.Close(now)
	for _, k := range r.known {
		k.Close(now)
	}
}

// nextExpiry returns the wait that ends first, with its key, nil if none ends
// until then.
func (r *reference) nextExpiry(until time.Time) (first *key, next model.Waiting) {
	for _, k := range r.known {
		for _, w := range k.Room {
			if at, bounded := w.Until(); bounded && !at.After(until) {
				first, next, until = k, w, at
			}
		}
	}
	return first, next
}

func (r *reference) inFlight() (n int) {
	for _, k := range r.known {
		n += len(k.InFlight)
	}
	return n
}

// learn counts the events of a bulkhead.
func (r *reference) learn(m *model.Model) {
	for _, e := range m.Events {
		r.events[e.Kind]++
	}
	m.Events, m.Decisions = nil, nil
}

// status is the status of now, without histograms. It ends a step.
func (r *reference) status() registry.KeyedStatus {
	s := r.counts
	s.Label, s.MaxKeys, s.Keys, s.Closed = label, r.maxKeys, len(r.known), r.closed
	r.learn(r.door)
	now, totals := time.Now(), []bulk.Totals{r.door.Totals}
	for _, k := range r.known {
		r.learn(k.Model)
		s.InFlight += len(k.InFlight)
		s.InUse += k.InUse()
		s.Waiting += len(k.Room)
		totals = append(totals, k.Status(now).Totals)
	}
	s.Totals = s.Totals.Plus(totals...)
	return s
}

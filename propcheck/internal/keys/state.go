package keys

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/model"
	"github.com/bulklink/bulklink-go/registry"
)

// state is what a Keyed has come to by the contract: a model for each key, in a list that is
// searched from end to end.
type state struct {
	capacity  bulk.Capacity // the common one
	varies    bool          // some keys have another one: see capacityOf
	maxKeys   int
	idleAfter time.Duration

	closed bool
	known  []*key       // in the order in which they were last left: the oldest first
	door   *model.Model // rejects the operations that need no key for that
	counts registry.KeyedStatus
	closes uint64          // bulkheads that were closed
	made   map[string]bool // the keys there have been
}

// key is a key that is known, with the model of its bulkhead.
type key struct {
	*model.Model
	name string
	left time.Time
}

func (k *key) idle() bool { return len(k.InFlight) == 0 && len(k.Room) == 0 }

func outcomeOf(d model.Decision) outcome {
	switch {
	case d.Rejected():
		return outcome{Phase: rejected, Rejection: d.Rejection}
	case d.Queued():
		return outcome{Phase: waiting}
	}
	return outcome{Phase: inFlight}
}

// learn looks for what was decided about an operation while it waited.
func (k *key) learn(c *operation) {
	for _, d := range k.Decisions {
		if d.Op == c.ID && d.Rule == 0 {
			c.want = outcomeOf(d)
		}
	}
}

// first returns the first key that is so, nil if there is none.
func (r *state) first(is func(*key) bool) *key {
	if i := slices.IndexFunc(r.known, is); i >= 0 {
		return r.known[i]
	}
	return nil
}

func (r *state) find(name string) *key {
	return r.first(func(k *key) bool { return k.name == name })
}

func (r *state) oldestIdle() *key { return r.first((*key).idle) }

// arrive decides about an operation, and says what that means for its key.
func (r *state) arrive(now time.Time, c *operation) (what string) {
	dies, _ := c.Ctx.Deadline()
	a, done := model.Arrival{Op: c.ID, Slots: 1, Limits: c.Limits, CtxDeadline: dies}, c.Ctx.Err() != nil
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
		c.want.Phase = tooMany
		return what + ", too many"
	case k == nil && !valid(r.capacityOf(c.name, r.capacity)): // the error of the operation that brought the key
		c.want.Phase = badKey
		return what + ", bad capacity"
	case k == nil:
		if len(r.known) == r.maxKeys {
			r.forget(now, r.oldestIdle())
			what += ", another one makes room"
		}
		k = &key{Model: model.New(label, r.capacityOf(c.name, r.capacity)), name: c.name}
		k.TrackHolds = r.door.TrackHolds
		r.known = append(r.known, k)
		r.counts.Created++
		r.made[c.name] = true
	}
	if k != nil {
		m = k.Model
	}
	d := m.Arrive(now, a, done)
	c.want = outcomeOf(d)
	if c.key = k; k != nil {
		r.leave(now, k)
	}
	return what
}

// capacityOf is the capacity of a key for a common one.
func (r *state) capacityOf(name string, common bulk.Capacity) bulk.Capacity {
	if r.varies {
		return capacityOf(name, common)
	}
	return common
}

// capacityOf gives one key more slots, pauses one at times, and is wrong about one at
// times.
func capacityOf(name string, common bulk.Capacity) bulk.Capacity {
	switch {
	case name == secret+"3" && common.Parallelism < 3:
		common.Parallelism++
	case name == secret+"4" && common.Parallelism == 2:
		common.Parallelism = 0
	case name == secret+"5" && common.Parallelism == 3:
		common.WaitingRoom = -1
	}
	return common
}

func valid(c bulk.Capacity) bool {
	return c.Parallelism >= 0 && c.WaitingRoom >= 0 && c.WaitLimit >= 0
}

// set changes the common capacity and that of each key, or nothing, and returns the
// sentinel of the error.
func (r *state) set(now time.Time, c bulk.Capacity) error {
	switch {
	case !valid(c):
		return bulk.ErrConfig
	case r.closed:
		return bulk.ErrClosed
	case r.first(func(k *key) bool { return !valid(r.capacityOf(k.name, c)) }) != nil:
		return bulk.ErrConfig
	}
	r.capacity = c
	r.door.SetCapacity(now, c)
	for _, k := range r.known {
		k.SetCapacity(now, r.capacityOf(k.name, c))
	}
	return nil
}

func (r *state) release(now time.Time, c *operation, exit kit.Exit) {
	c.key.Release(now, c.ID)
	c.want.Phase = phase(exit)
	r.leave(now, c.key)
}

// leave is the end of any use of a key: if it is idle, it is now the one left
// last.
func (r *state) leave(now time.Time, k *key) {
	if k.idle() {
		k.left = now
		r.known = append(slices.DeleteFunc(r.known, func(o *key) bool { return o == k }), k)
	}
}

// forget evicts a key, and closes its bulkhead.
func (r *state) forget(now time.Time, k *key) {
	r.known = slices.DeleteFunc(r.known, func(o *key) bool { return o == k })
	r.counts.Evicted++
	r.counts.Totals = r.counts.Totals.Plus(k.Totals) // evicted ones included
	r.shut(now, k.Model)
}

// evict forgets a key: not one with an operation in flight or waiting.
func (r *state) evict(now time.Time, name string) bool {
	k := r.find(name)
	if k == nil || !k.idle() {
		return false
	}
	r.forget(now, k)
	return true
}

// evictIdle forgets those idle for idleAfter or longer.
func (r *state) evictIdle(now time.Time) (n int) {
	for _, k := range slices.Clone(r.known) {
		if k.idle() && now.Sub(k.left) >= r.idleAfter {
			r.forget(now, k)
			n++
		}
	}
	return n
}

func (r *state) close(now time.Time) {
	r.closed = true
	r.shut(now, r.door)
	for _, k := range slices.Clone(r.known) {
		if r.shut(now, k.Model); len(k.Decisions) > 0 { // operations that waited
			r.leave(now, k)
		}
	}
}

func (r *state) shut(now time.Time, m *model.Model) {
	if !m.Closed {
		r.closes++
	}
	m.Close(now)
}

// nextExpiry returns the wait that ends first, with its key, nil if none ends
// until then.
func (r *state) nextExpiry(until time.Time) (first *key, next model.Operation) {
	for _, k := range r.known {
		for _, w := range k.Room {
			if at, bounded := w.Until(); bounded && !at.After(until) {
				first, next, until = k, w, at
			}
		}
	}
	return first, next
}

func (r *state) inFlight() (n int) {
	for _, k := range r.known {
		n += len(k.InFlight)
	}
	return n
}

// status is the status of now, without histograms. It ends a step.
func (r *state) status() registry.KeyedStatus {
	s := r.counts
	s.Label, s.Capacity, s.MaxKeys, s.Keys, s.Closed = label, r.capacity, r.maxKeys, len(r.known), r.closed
	now, totals := time.Now(), []bulk.Totals{r.door.Totals}
	for _, k := range r.known {
		k.Events, k.Decisions = nil, nil
		one := k.Status(now)
		s.Slots, s.Places = plus(s.Slots, one.Capacity.Parallelism), plus(s.Places, one.Capacity.WaitingRoom)
		s.InFlight += one.InFlight
		s.InUse += one.InUse
		s.Waiting += one.Waiting
		s.Queueing, s.OldestWait, s.OldestHold = max(s.Queueing, one.Queueing), max(s.OldestWait, one.OldestWait), max(s.OldestHold, one.OldestHold)
		totals = append(totals, one.Totals)
	}
	s.Totals = s.Totals.Plus(totals...)
	return s
}

// plus is the sum of two capacities, at most Unlimited.
func plus(a, b int) int {
	if b > bulk.Unlimited-a {
		return bulk.Unlimited
	}
	return a + b
}

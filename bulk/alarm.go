package bulk

import (
	"container/heap"
	"time"
)

// alarm wakes the operations whose wait is over. It is one timer for the whole
// room, and it is lazy, because nearly every wait ends by hand-over long before
// its bound: in steady state a bounded wait then touches neither heap nor timer.
//
// Each record stands in the heap under a key that is never later than its
// deadline, and the timer rings no later than the smallest key. A record that
// leaves the room stays in the heap. When it is used again its new deadline is
// nearly always later than its old key, so there is nothing to do. When the
// timer rings for a key that came too early, the record is put under its true
// deadline, or taken out if it isn't waiting: at most once for each time that
// its wait could have lasted.
//
// What is due is only woken. It leaves the room by itself, so that a hand-over
// that takes the lock first still counts.
type alarm struct {
	bulkhead *Bulkhead
	timer    *time.Timer
	rings    int64 // when the timer rings; never if it is not set
	keys     keys
	bubbled  bool // timer was made inside a synctest bubble: see bubble.go
}

// watch makes sure that op is woken at its deadline. The lock is held.
func (b *Bulkhead) watch(op *operation, now int64) {
	if op.deadline == never {
		return
	}
	if b.alarm == nil || b.alarm.bubbled != op.bubbled {
		b.dropAlarm()
		b.alarm = &alarm{bulkhead: b, rings: never, bubbled: op.bubbled}
	}
	a := b.alarm
	switch {
	case op.place == 0:
		op.key = op.deadline
		heap.Push(&a.keys, op)
	case op.key > op.deadline:
		op.key = op.deadline
		heap.Fix(&a.keys, op.place-1)
	}
	a.set(now)
}

// set sees to it that the timer rings for the smallest key.
func (a *alarm) set(now int64) {
	if len(a.keys) == 0 || a.keys[0].key >= a.rings {
		return
	}
	a.rings = a.keys[0].key
	in := time.Duration(elapsed(now, a.rings))
	if a.timer == nil {
		a.timer = time.AfterFunc(in, a.ring)
	} else {
		a.timer.Reset(in)
	}
}

func (a *alarm) ring() {
	b := a.bulkhead
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alarm != a {
		return // dropped while this ring was on its way
	}
	now := b.now()
	for len(a.keys) > 0 && a.keys[0].key <= now {
		switch op := a.keys[0]; {
		case op.state != waiting || op.deadline == never:
			heap.Pop(&a.keys)
		case op.deadline <= now:
			heap.Pop(&a.keys)
			op.wake <- due
		default:
			op.key = op.deadline
			heap.Fix(&a.keys, 0)
		}
	}
	a.rings = never
	a.set(now)
}

// dropAlarm forgets the alarm and all that is in it. The lock is held.
func (b *Bulkhead) dropAlarm() {
	if b.alarm == nil {
		return
	}
	b.alarm.timer.Stop() // there is one: who makes an alarm sets it
	for _, op := range b.alarm.keys {
		op.place = 0
	}
	b.alarm = nil
}

// keys is the heap of an alarm, the smallest key first.
type keys []*operation

func (k keys) Len() int           { return len(k) }
func (k keys) Less(i, j int) bool { return k[i].key < k[j].key }

func (k keys) Swap(i, j int) {
	k[i], k[j] = k[j], k[i]
	k[i].place, k[j].place = i+1, j+1
}

func (k *keys) Push(x any) {
	op := x.(*operation)
	*k = append(*k, op)
	op.place = len(*k)
}

func (k *keys) Pop() any {
	last := len(*k) - 1
	op := (*k)[last]
	(*k)[last] = nil
	*k = (*k)[:last]
	op.place = 0
	return op
}

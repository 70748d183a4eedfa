package bulk

import (
	"container/heap"
	"time"
)

// expiry wakes the operations whose wait is over. It is one timer for the whole
// queue, and it is lazy: nearly every wait ends by a grant long before its bound,
// and such a wait touches neither the heap nor the timer in steady state.
//
// Each record is in the heap under a key that is not later than its waitUntil,
// and the timer fires no later than the smallest key. A record that leaves the
// queue stays in the heap. When it is used again, its new waitUntil is nearly always
// later than its old key, so there is nothing to do. When the timer fires for a key
// that came too early, the record is put under its true waitUntil, or removed if it
// does not wait: at most once in the time for which it could have waited.
//
// The timer only wakes an operation, which then leaves the queue by itself. It must
// not be rejected here, for three reasons: ctx precedes the bound at the same instant
// and has to be asked, and ctx is caller-supplied code, never to be called under the
// lock; a grant that takes the lock before the operation does still counts; and the
// event belongs to the goroutine of the operation, which must be the one that its
// handlers run on.
type expiry struct {
	bulkhead *Bulkhead
	timer    *time.Timer
	firesAt  int64 // instant; noDeadline if the timer is not set
	heap     expiryHeap
	inBubble bool // timer was made in a synctest bubble: see inBubble
}

// trackDeadline ensures that op is woken at its waitUntil. The lock is held.
func (b *Bulkhead) trackDeadline(op *operation, now int64) {
	if b.expiry == nil || b.expiry.inBubble != op.inBubble {
		b.dropExpiry()
		b.expiry = &expiry{bulkhead: b, firesAt: noDeadline, inBubble: op.inBubble}
	}
	x := b.expiry
	switch {
	case op.heapIndex == 0:
		op.heapKey = op.waitUntil
		heap.Push(&x.heap, op)
	case op.heapKey > op.waitUntil:
		op.heapKey = op.waitUntil
		heap.Fix(&x.heap, op.heapIndex-1)
	}
	x.arm(now)
}

// arm sets the timer so that it fires no later than the smallest key.
func (x *expiry) arm(now int64) {
	if len(x.heap) == 0 || x.heap[0].heapKey >= x.firesAt {
		return
	}
	x.firesAt = x.heap[0].heapKey
	in := time.Duration(subSat(x.firesAt, now))
	if x.timer == nil {
		x.timer = time.AfterFunc(in, x.fire)
	} else {
		x.timer.Reset(in)
	}
}

func (x *expiry) fire() {
	b := x.bulkhead
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.expiry != x {
		return // dropped after the timer had fired
	}
	now := readClock()
	for len(x.heap) > 0 && x.heap[0].heapKey <= now {
		switch op := x.heap[0]; {
		case op.state != waiting || op.waitUntil == noDeadline:
			heap.Pop(&x.heap)
		case op.waitUntil <= now:
			heap.Pop(&x.heap)
			op.timedOut = true
			op.wake <- struct{}{}
		default:
			op.heapKey = op.waitUntil
			heap.Fix(&x.heap, 0)
		}
	}
	x.firesAt = noDeadline
	x.arm(now)
}

// dropExpiry stops the timer and forgets the heap. The lock is held.
func (b *Bulkhead) dropExpiry() {
	if b.expiry == nil {
		return
	}
	b.expiry.timer.Stop() // not nil: trackDeadline arms what it makes
	for _, op := range b.expiry.heap {
		op.heapIndex = 0
	}
	b.expiry = nil
}

// expiryHeap has the smallest key first.
type expiryHeap []*operation

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].heapKey < h[j].heapKey }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i+1, j+1
}

func (h *expiryHeap) Push(x any) {
	op := x.(*operation)
	*h = append(*h, op)
	op.heapIndex = len(*h)
}

func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	op := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	op.heapIndex = 0
	return op
}

package sizing

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// call is one operation of random traffic.
type call struct {
	at       time.Duration // after the beginning
	slots    int
	hold     time.Duration
	limits   []deadline.Limit
	cancel   time.Duration // after its arrival; negative: never
	deadline time.Duration // of its ctx, after its arrival; 0: none
	dies     time.Duration // its ctx is done then, after its arrival, but wakes nobody; 0: never
	late     func(time.Time) deadline.Limit
}

// deaf is a ctx that is done from some time on, and has no channel that says so. An
// operation that was granted its slots after that is abandoned.
type deaf struct {
	context.Context
	dies time.Time
}

func (c deaf) Err() error {
	if time.Now().Before(c.dies) {
		return nil
	}
	return context.Canceled
}

// do runs the call. It returns when the operation is over.
func (c call) do(b *bulk.Bulkhead) {
	ctx := context.Background()
	if c.deadline > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.deadline)
		defer stop()
	}
	if c.cancel >= 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		if c.cancel == 0 {
			stop()
		}
		defer time.AfterFunc(c.cancel, stop).Stop()
		defer stop()
	}
	if c.dies > 0 {
		ctx = deaf{context.Background(), time.Now().Add(c.dies)}
	}
	limits := c.limits
	if c.late != nil {
		limits = append(limits, c.late(time.Now()))
	}
	_ = bulk.DoN(ctx, b, c.slots, func(context.Context) error {
		time.Sleep(c.hold)
		return nil
	}, limits...)
}

// run makes all calls, each at its time, and returns when they are over.
func run(b *bulk.Bulkhead, calls []call) {
	var all sync.WaitGroup
	for _, c := range calls {
		all.Go(func() {
			time.Sleep(c.at)
			c.do(b)
		})
	}
	all.Wait()
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func drawMs(t *rapid.T, name string, low, high int) time.Duration {
	return ms(rapid.IntRange(low, high).Draw(t, name))
}

// drawCapacity draws a small one. Parallelism 0 is a pause.
func drawCapacity(t *rapid.T, lowest int) bulk.Capacity {
	c := bulk.Capacity{
		Parallelism: rapid.IntRange(lowest, 4).Draw(t, "parallelism"),
		WaitingRoom: rapid.SampledFrom([]int{0, 1, 2, 3, 10}).Draw(t, "room"),
		WaitLimit:   drawMs(t, "limit", 0, 6),
	}
	if rapid.Bool().Draw(t, "controls delay") {
		c.DelayTarget = drawMs(t, "target", 1, 3)
		c.DelayInterval = drawMs(t, "interval", 1, 5)
	}
	return c
}

// drawCalls draws traffic. With own, calls have limits and contexts of their own.
func drawCalls(t *rapid.T, own bool) []call {
	calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) call {
		after := ms(rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 5}).Draw(t, "after"))
		c := call{at: after, slots: rapid.SampledFrom([]int{1, 1, 1, 2, 3, 5}).Draw(t, "slots"), hold: drawMs(t, "hold", 0, 9), cancel: -1}
		if !own {
			return c
		}
		switch d := drawMs(t, "bound", 0, 5); rapid.IntRange(0, 9).Draw(t, "own") {
		case 0:
			c.limits = []deadline.Limit{deadline.NoWait()}
		case 1:
			c.limits = []deadline.Limit{deadline.Within(d)}
		case 2:
			c.late = func(now time.Time) deadline.Limit { return deadline.Before(now.Add(d)) }
		case 3:
			c.deadline = d
			c.limits = []deadline.Limit{deadline.Reserve(ms(2))}
		case 4:
			c.cancel = d
		case 5:
			c.deadline = d
		case 6:
			c.dies = d
		}
		return c
	}), 0, 40).Draw(t, "calls")
	for i := range calls[min(1, len(calls)):] {
		calls[i+1].at += calls[i].at
	}
	return calls
}

// newWith returns a bulkhead with a capacity that may be paused.
func newWith(t interface{ Fatal(...any) }, c bulk.Capacity, opts ...bulk.Option) *bulk.Bulkhead {
	b, err := bulk.New("payments", 1, opts...)
	if err == nil {
		err = b.SetCapacity(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// history has the events of a bulkhead.
type history struct {
	mu     sync.Mutex
	events []bulk.Event
}

func record(b *bulk.Bulkhead) *history {
	h := new(history)
	b.OnEvent(func(e bulk.Event) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, e)
	})
	return h
}

// inOrder returns the events in the order of Seq.
func (h *history) inOrder() []bulk.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(slices.Values(h.events), func(a, b bulk.Event) int { return int(a.Seq) - int(b.Seq) })
}

// waits returns the waits of the operations that were admitted from the queue.
func (h *history) waits() (waits []time.Duration) {
	for _, e := range h.inOrder() {
		if e.Kind == bulk.EventAdmitted && e.Queued {
			waits = append(waits, e.Waited)
		}
	}
	return waits
}

var sameWaits = cmp.Comparer(bulk.Waits.Equal)

// difference compares a status of a shadow with that of a bulkhead, except for what
// identifies them.
func difference(want, got bulk.Status) string {
	got.ID, got.Index, got.LastEvent = want.ID, want.Index, want.LastEvent
	return cmp.Diff(want, got, sameWaits)
}

// Proof: a shadow with the capacity of the bulkhead counts exactly what the bulkhead
// counts, wait by wait.
func TestShadowOfTheSameCapacityCountsWhatTheBulkheadCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := rapid.Bool().Draw(t, "calls have limits of their own")
		first := drawCapacity(t, 0)
		calls := drawCalls(t, own)
		changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) bulk.Capacity { return drawCapacity(t, 0) }), 0, 3).Draw(t, "changes")
		closes := rapid.Bool().Draw(t, "closes")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, first)
			real := record(b)
			var virtual []time.Duration
			s, err := NewShadow(b, first)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			count := s.virtual.count
			s.virtual.count = func(d time.Duration) {
				virtual = append(virtual, d)
				count(d)
			}
			compare := func() {
				want, got := b.Status(), s.Status()
				if own && first.DelayTarget > 0 || own && len(changes) > 0 {
					got.Totals.Shortened = want.Totals.Shortened // the shadow does not know which calls have shorter limits
				}
				if diff := difference(want, got); diff != "" {
					t.Fatalf("at %v (-bulkhead +shadow):\n%s", want.At, diff)
				}
				if a := s.Accuracy(); a.Drawn > 0 || a.Late > 0 {
					t.Fatalf("%+v", a)
				}
			}
			var all sync.WaitGroup
			all.Go(func() { run(b, calls) })
			// Nothing else happens at the instants of changes and comparisons.
			time.Sleep(ms(1) / 2)
			for i, c := range changes {
				time.Sleep(ms(7) + time.Duration(i+1))
				synctest.Wait()
				compare()
				if err := b.SetCapacity(c); err != nil {
					t.Fatal(err)
				}
				if err := s.SetCapacity(c); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				compare()
			}
			if closes {
				time.Sleep(ms(9) + 100)
				_ = b.Close()
			} else if c := b.Capacity(); c.Parallelism == 0 {
				c.Parallelism = 4 // so that everybody returns
				if b.SetCapacity(c) != nil || s.SetCapacity(c) != nil {
					t.Fatal("not resumed")
				}
			}
			all.Wait()
			compare()
			if diff := cmp.Diff(real.waits(), virtual, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("waits (-bulkhead +shadow):\n%s", diff)
			}
		})
	})
}

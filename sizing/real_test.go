package sizing

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"pgregory.net/rapid"
)

// unique makes the times of n calls such that no two things happen at the same instant,
// whatever the capacity: every instant is a multiple of the unit plus a sum of parts, and
// no two sums are equal. What happens at the same instant is decided by a race.
func unique(calls []call) []call {
	const unit = 100 // ms for each ms
	for i := range calls {
		c := &calls[i]
		c.at = c.at*unit + 1<<i
		c.hold = c.hold*unit + 1<<(len(calls)+i)
		c.deadline *= unit
		c.dies = 0 // an operation is abandoned only if its ctx is done at the instant of its admission
		if c.cancel > 0 {
			c.cancel *= unit
		}
		for j := range c.limits {
			if d, ok := c.limits[j].Within(); ok {
				c.limits[j] = deadline.Within(d*unit + 1) // not with the deadline of another ctx
			}
		}
	}
	return calls
}

func times(c bulk.Capacity, n time.Duration) bulk.Capacity {
	c.WaitLimit, c.DelayTarget, c.DelayInterval = c.WaitLimit*n, c.DelayTarget*n, c.DelayInterval*n
	return c
}

// again makes the operations of a trace come to b.
func again(b *bulk.Bulkhead, t Trace) {
	var all sync.WaitGroup
	for _, op := range t.Operations {
		all.Go(func() {
			time.Sleep(op.Arrived)
			ctx := context.Background()
			var limits []deadline.Limit
			switch {
			case op.Outcome == Canceled:
				var stop context.CancelFunc
				ctx, stop = context.WithTimeout(ctx, op.Wait)
				defer stop()
			case op.Outcome == Saturated && op.Limited:
				limits = append(limits, deadline.NoWait())
			case op.Outcome == Expired && !op.Queued:
				limits = append(limits, deadline.Before(time.Now()))
			case op.Outcome == Expired && op.Limited:
				limits = append(limits, deadline.Within(op.Wait))
			}
			_ = bulk.DoN(ctx, b, op.Slots, func(context.Context) error {
				time.Sleep(op.Hold)
				return nil
			}, limits...)
		})
	}
	all.Wait()
}

// change sets capacities, one after the other, at instants at which nothing else happens,
// and closes after that if it has what to close.
func change(t tester, capacities []bulk.Capacity, set func(bulk.Capacity) error, close func() error) {
	time.Sleep(ms(150))
	for _, c := range capacities {
		if err := set(c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(ms(300))
	}
	if close != nil {
		time.Sleep(ms(20))
		_ = close()
	}
}

// Proof: the operations that a recorder recorded, at a real bulkhead of another capacity,
// are counted there exactly as the shadow of that capacity counted them.
func TestRealBulkheadOfAnotherCapacityCountsWhatTheShadowCounted(t *testing.T) {
	compared, drawn := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		real := times(drawCapacity(t, 1), 100)
		if rapid.Bool().Draw(t, "unlimited") {
			real = bulk.Capacity{Parallelism: bulk.Unlimited}
		}
		other := times(drawCapacity(t, 1), 100)
		changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) bulk.Capacity { return times(drawCapacity(t, 0), 100) }), 0, 2).Draw(t, "changes")
		if len(changes) > 0 {
			changes = append(changes, other) // not paused
		}
		closes := rapid.Bool().Draw(t, "closes")
		own := rapid.Bool().Draw(t, "calls have limits of their own")
		calls := drawCalls(t, own)
		calls = unique(calls[:min(12, len(calls))])
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, real)
			s, err := NewShadow(b, other)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r, err := NewRecorder(b, 100)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var close func() error
			if closes {
				close = b.Close
			}
			go change(t, changes, s.SetCapacity, close)
			run(b, calls)
			time.Sleep(time.Hour)
			want, trace := s.Status(), r.Trace()
			if s.Accuracy().Drawn > 0 { // two operations with the same hold: times are not unique
				drawn++
				return
			}
			compared++
			x := newWith(t, other)
			if closes {
				close = x.Close
			}
			go change(t, changes, x.SetCapacity, close)
			again(x, trace)
			time.Sleep(time.Hour)
			got := x.Status()
			got.At = want.At
			if own { // limits of calls are given again only where they were seen
				got.Totals.Shortened = want.Totals.Shortened
			}
			if diff := difference(want, got); diff != "" {
				t.Fatalf("(-shadow +bulkhead):\n%s", diff)
			}
		})
	})
	t.Logf("%d compared, %d with holds that were drawn", compared, drawn)
}

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
		calls := drawCalls(t, true)
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
			run(b, calls)
			time.Sleep(time.Hour)
			want, trace := s.Status(), r.Trace()
			if s.Accuracy().Drawn > 0 { // two operations with the same hold: times are not unique
				drawn++
				return
			}
			compared++
			x := newWith(t, other)
			again(x, trace)
			got := x.Status()
			got.At = want.At
			got.Totals.Shortened = want.Totals.Shortened // limits of calls are given again only where they were seen
			if diff := difference(want, got); diff != "" {
				t.Fatalf("(-shadow +bulkhead):\n%s", diff)
			}
		})
	})
	t.Logf("%d compared, %d with holds that were drawn", compared, drawn)
}

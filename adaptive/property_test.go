package adaptive_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// Whatever operations do and whatever others set: the limit is within the bounds, there
// is one decision a window, and a decision begins where the last one ended unless the
// parallelism was set from outside.
func TestDecisionsFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { rapid.SyncTest(t, decisionsFollowEachOther) })
}

func decisionsFollowEachOther(t *rapid.T) {
	low := rapid.IntRange(1, 10).Draw(t, "min")
	high := low + rapid.IntRange(0, 60).Draw(t, "max")
	start := rapid.IntRange(1, 80).Draw(t, "start")
	b := bulk.Must(bulk.New("x", start, bulk.WaitingRoom(rapid.IntRange(0, 20).Draw(t, "room"))))
	opts := []adaptive.Option{adaptive.HealthyLatency(rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, time.Second}).Draw(t, "healthy"))}
	previous := adaptive.Decision{To: min(max(start, low), high), At: time.Now()}
	outside := false
	ceiling := high
	opts = append(opts, adaptive.OnDecision(func(d adaptive.Decision) {
		if d.Seq != previous.Seq+1 || d.At.Sub(previous.At) < time.Second || d.Window < time.Second {
			t.Errorf("after %v\ncame  %v", previous, d)
		}
		if outside && d.From != previous.To { // the number that it has already is not seen
			ceiling = min(d.From, high)
		}
		if d.To > ceiling || d.To < min(low, ceiling) || !outside && d.From != previous.To {
			t.Errorf("within %d to %d, after %v\ncame  %v", low, ceiling, previous, d)
		}
		if d.From != b.Capacity().Parallelism && d.To != b.Capacity().Parallelism {
			t.Errorf("%v, and the parallelism is %d", d, b.Capacity().Parallelism)
		}
		previous, outside = d, false
	}))
	l, err := adaptive.New(b, low, high, opts...)
	if err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(1, 6).Draw(t, "phases") {
		if p := rapid.IntRange(-40, 90).Draw(t, "resize"); p >= 0 && p != b.Capacity().Parallelism {
			_ = b.Resize(p)
			outside = true
		}
		hold := rapid.SampledFrom([]time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond, 3 * time.Second}).Draw(t, "hold")
		outcome := rapid.SampledFrom([]error{nil, nil, context.DeadlineExceeded, errors.New("other")}).Draw(t, "outcome")
		call := adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(hold); return outcome })
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rapid.IntRange(1, 10).Draw(t, "seconds"))*time.Second)
		var all sync.WaitGroup
		for range rapid.IntRange(1, 30).Draw(t, "workers") {
			all.Go(func() {
				for ctx.Err() == nil {
					if bulk.DoN(ctx, b, 1, call) != nil {
						time.Sleep(7 * time.Millisecond)
					}
				}
			})
		}
		all.Wait()
		cancel()
	}
	if n := l.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
	if err := hooks.Check(b); err != nil {
		t.Error(err)
	}
}

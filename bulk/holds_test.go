package bulk_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// A hung dependency holds seven of ten slots, and everything else still works: the
// status, the report and the log say so while it hangs.
func TestAHungOperationIsVisibleWhileItHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 10, bulk.TrackHolds())
		hung := make(chan struct{})
		var g sync.WaitGroup
		for range 7 {
			g.Go(func() { _ = bulk.Do(t.Context(), b, func(context.Context) error { <-hung; return nil }) })
			time.Sleep(time.Second)
		}
		for range 36_000 {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
		}
		s := b.Status()
		if s.OldestHold != time.Hour+7*time.Second || s.InFlight != 7 {
			t.Errorf("the oldest is in flight for %v, %d in flight", s.OldestHold, s.InFlight)
		}
		report := s.Report()
		if len(report.Findings) != 1 || report.Findings[0].Code != bulk.CodeLongHold || report.Severity() != bulk.SeverityWarning {
			t.Errorf("%v", report)
		}
		if !strings.Contains(s.String(), "the oldest for 1h0m10s") || !strings.Contains(s.LogValue().String(), "oldest_hold_ns=3607000000000") {
			t.Errorf("%v\n%v", s, s.LogValue())
		}
		close(hung)
		g.Wait()
		mustBeIdle(t, b)
	})
}

// OldestHold follows the oldest operation in flight, in whatever way it was admitted
// and in whatever order the others end.
func TestOldestHoldIsThatOfTheOldestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 3, bulk.WaitingRoom(3), bulk.TrackHolds())
		oldest := func(want time.Duration) {
			t.Helper()
			mustBeSound(t, b)
			if got := b.Status().OldestHold; got != want {
				t.Errorf("oldest hold %v, want %v", got, want)
			}
		}
		oldest(0)
		first, _ := b.TryAcquire()
		time.Sleep(time.Second)
		second, _ := b.Acquire(t.Context())
		time.Sleep(time.Second)
		third, _ := b.TryAcquire()
		waits, leaves := park(t, b, 1), park(t, b, 1)
		oldest(2 * time.Second)
		second.Release() // → waits
		waits.mustHold(t)
		oldest(2 * time.Second)
		leaves.endQuietly()
		first.Release() // → leaves, which returns it
		oldest(0)
		time.Sleep(time.Second)
		oldest(time.Second)
		third.Release()
		oldest(time.Second) // since the grant, not since the arrival
		waits.slot.Release()
		waits.slot.Release()
		oldest(0)
		mustBeIdle(t, b)
	})
}

func TestOldestHoldIsZeroWithoutTrackHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		fill(t, b)
		time.Sleep(time.Hour)
		if s := b.Status(); s.OldestHold != 0 {
			t.Errorf("%v", s.OldestHold)
		}
	})
}

func TestQueueingIsTheTimeDuringWhichTheRoomWasNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(3))
		check := func(now, oldest, total time.Duration) {
			t.Helper()
			if s := b.Status(); s.Queueing != now || s.OldestWait != oldest || s.Totals.Queueing != total {
				t.Errorf("queueing %v, oldest wait %v, total %v; want %v, %v, %v", s.Queueing, s.OldestWait, s.Totals.Queueing, now, oldest, total)
			}
		}
		held := fill(t, b)
		start := b.Status()
		time.Sleep(time.Second)
		check(0, 0, 0)
		p := park(t, b, 1)
		time.Sleep(time.Second)
		q := park(t, b, 1)
		time.Sleep(time.Second)
		check(2*time.Second, 2*time.Second, 2*time.Second)
		held[0].Release()
		p.mustHold(t)
		check(2*time.Second, time.Second, 2*time.Second)
		time.Sleep(time.Second)
		q.cancel(nil)
		q.mustFail(t, bulk.ErrCanceled)
		check(0, 0, 3*time.Second)
		time.Sleep(time.Second)
		r := park(t, b, 1)
		time.Sleep(time.Second)
		i := mustSince(t, b.Status(), start)
		if i.Totals.Queueing != 4*time.Second || i.QueueingShare() != 4.0/6 {
			t.Errorf("%v, share %v", i.Totals.Queueing, i.QueueingShare())
		}
		_ = b.Close()
		r.mustFail(t, bulk.ErrClosed)
		check(0, 0, 4*time.Second)
	})
}

// When every slot hangs, nothing finishes, and an interval has no samples of holds. The
// finding must not disappear then.
func TestAHangOfEverySlotStaysInTheReportOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2, bulk.TrackHolds())
		recent := bulk.Recent(b, time.Minute)
		for range 5000 {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { time.Sleep(time.Millisecond); return nil })
		}
		held := fill(t, b)
		for range 30 {
			time.Sleep(10 * time.Second)
			if r := recent(); !strings.Contains(r.Summary(), string(bulk.CodeLongHold)) {
				t.Fatalf("%v after %v", r, b.Status().OldestHold)
			}
		}
		for _, s := range held {
			s.Release()
		}
		if r := recent(); strings.Contains(r.Summary(), string(bulk.CodeLongHold)) {
			t.Errorf("%v", r)
		}
	})
}

package adaptive_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
)

// sized runs n workers with operations of a number of slots for a time, and returns how
// many were served and how many were rejected as oversized.
func sized(t *testing.T, b *bulk.Bulkhead, l *adaptive.Limiter, n, slots int, d time.Duration, call func() error) (served, oversized int) {
	t.Helper()
	measured := adaptive.MeasureDo(l, func(context.Context) error { return call() })
	end := time.Now().Add(d)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for time.Now().Before(end) {
				err := bulk.DoN(t.Context(), b, slots, measured)
				mu.Lock()
				switch {
				case err == nil:
					served++
				case errors.Is(err, bulk.ErrOversized):
					oversized++
				}
				mu.Unlock()
				if errors.Is(err, bulk.ErrNotStarted) {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	return served, oversized
}

func timesOut() error { time.Sleep(100 * time.Millisecond); return context.DeadlineExceeded }
func isServed() error { time.Sleep(100 * time.Millisecond); return nil }

func TestOutageDoesNotLowerTheLimitBelowTheSlotsOfAnOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 12, bulk.WaitingRoom(1000)))
		l := mustLimit(t, b, 1, 60)
		if _, n := sized(t, b, l, 30, 3, time.Minute, timesOut); n != 0 || l.Status().Limit != 3 {
			t.Errorf("%d oversized, %v", n, l.Status())
		}
		if served, n := sized(t, b, l, 30, 3, time.Minute, isServed); served < 1000 || n != 0 {
			t.Errorf("%d served, %d oversized, %v", served, n, l.Status())
		}
	})
}

// Nothing else is measured: the operation that was rejected makes the decision.
func TestOversizedOperationRaisesTheLimitToItsSlots(t *testing.T) {
	for _, c := range []struct {
		name               string
		slots, limit, want int
		observe            bool
	}{
		{"within the bounds", 7, 2, 7, false},
		{"the maximum", 60, 2, 60, false},
		{"larger than the maximum", 61, 2, 2, false},
		{"observing", 7, 2, 2, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("x", c.limit))
			var decisions []adaptive.Decision
			opts := []adaptive.Option{adaptive.OnDecision(func(d adaptive.Decision) { decisions = append(decisions, d) })}
			if c.observe {
				opts = append(opts, adaptive.Observe())
			}
			l := mustLimit(t, b, 1, 60, opts...)
			sized(t, b, l, 1, c.slots, 500*time.Millisecond, isServed)
			s := l.Status()
			if p := b.Capacity().Parallelism; p != c.want || s.Ceiling != 60 {
				t.Errorf("%s: parallelism %d, %v", c.name, p, s)
			}
			if c.slots > 60 {
				if len(decisions) != 0 || s.Floor != 1 {
					t.Errorf("%s: floor %d, %v", c.name, s.Floor, decisions)
				}
				return
			}
			if len(decisions) != 1 || decisions[0].Reason != adaptive.Oversized || decisions[0].To != c.slots || s.Floor != c.slots {
				t.Errorf("%s: floor %d, %v", c.name, s.Floor, decisions)
			}
		})
	}
}

// A parallelism that is set by hand is a ceiling for this reason too. The operations that
// fit below it keep their floor.
func TestOversizedOperationDoesNotExceedTheCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 10))
		l := mustLimit(t, b, 1, 60)
		sized(t, b, l, 1, 30, time.Second, isServed)
		if err := b.Resize(5); err != nil {
			t.Fatal(err)
		}
		if served, _ := sized(t, b, l, 1, 30, time.Second, isServed); served > 0 || b.Capacity().Parallelism != 5 {
			t.Errorf("%d served, %v", served, l.Status())
		}
		sized(t, b, l, 5, 1, time.Minute, timesOut)
		if s := l.Status(); s.Limit != 1 || s.Floor != 1 || s.Ceiling != 5 {
			t.Errorf("the floor is above the ceiling: %v", s)
		}
		if served, _ := sized(t, b, l, 1, 3, time.Second, isServed); served == 0 || l.Status().Floor != 3 {
			t.Errorf("%d served, floor %d, %v", served, l.Status().Floor, l.Status())
		}
	})
}

func TestClosedLimiterDoesNotRaiseTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 2))
		l := mustLimit(t, b, 1, 60)
		_ = l.Close()
		if sized(t, b, l, 1, 3, time.Second, isServed); b.Capacity().Parallelism != 2 || l.Status().Last.Seq != 0 {
			t.Errorf("%v", l.Status())
		}
	})
}

// The parallelism of a member of a fleet does not become what was advised for an operation
// that is larger than its share. The limiter goes on to judge the others.
func TestOversizedOperationDoesNotSilenceALimiterThatObserves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 40))
		reasons := map[adaptive.Reason]int{}
		l := mustLimit(t, b, 1, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) { reasons[d.Reason]++ }))
		if _, ok := b.TryAcquireN(50); ok {
			t.Fatal("admitted")
		}
		sized(t, b, l, 40, 1, time.Minute, timesOut)
		if reasons[adaptive.Oversized] != 1 || reasons[adaptive.Rejected] < 30 {
			t.Errorf("decisions by reason: %v", reasons)
		}
	})
}

// Such a handler leaves no limiter behind that no caller can close.
func TestHandlerThatEndsTheGoroutineInNewLeavesTheBulkheadFree(t *testing.T) {
	b := bulk.Must(bulk.New("x", 100))
	remove := b.OnEvent(func(bulk.Event) { runtime.Goexit() })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = adaptive.New(b, 1, 50) // sets 50
	}()
	<-ended
	remove()
	if err := mustLimit(t, b, 1, 50).Close(); err != nil {
		t.Error(err)
	}
}

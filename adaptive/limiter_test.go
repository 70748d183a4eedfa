package adaptive_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

func mustLimit(t *testing.T, b *bulk.Bulkhead, low, high int, opts ...adaptive.Option) *adaptive.Limiter {
	t.Helper()
	l, err := adaptive.New(b, low, high, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// workers run operations in b without a pause until the test's bubble ends them.
type workers struct {
	hold func() time.Duration
	err  func() error
}

// forAWhile runs n workers, each with one operation after the other, for a time.
func (w workers) forAWhile(t *testing.T, b *bulk.Bulkhead, l *adaptive.Limiter, n int, d time.Duration) {
	t.Helper()
	call := adaptive.MeasureDo(l, func(context.Context) error {
		time.Sleep(w.hold())
		if w.err != nil {
			return w.err()
		}
		return nil
	})
	end := time.Now().Add(d)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for time.Now().Before(end) {
				if err := bulk.Do(t.Context(), b, call); errors.Is(err, bulk.ErrNotStarted) {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

func constant(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func TestBadInputIsATypedErrorAndChangesNothing(t *testing.T) {
	errOption := errors.New("failed")
	for _, c := range []struct {
		name      string
		low, high int
		opts      []adaptive.Option
		want      []string
	}{
		{"min", 0, 10, nil, []string{"min 0: must be at least 1"}},
		{"max below min", 5, 4, nil, []string{"max 4: must be at least min (5)"}},
		{"unlimited max", 1, bulk.Unlimited, nil, []string{"must be at most 2147483647"}},
		{"latency", 1, 2, []adaptive.Option{adaptive.HealthyLatency(-1)}, []string{"healthy_latency -1ns: must be 0 (none) or more"}},
		{"functions", 1, 2, []adaptive.Option{adaptive.Classify(nil), adaptive.OnDecision(nil), nil},
			[]string{"classify <nil>: must not be nil", "handler <nil>: must not be nil", "option <nil>: option: nil option (3 of 3)"}},
		{"own option", 1, 2, []adaptive.Option{func(*adaptive.Config) error { return errOption }}, []string{"option <nil>: failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bulk.Must(bulk.New("x", 100))
			_, err := adaptive.New(b, c.low, c.high, c.opts...)
			var config *bulk.ConfigError
			if !errors.As(err, &config) || !errors.Is(err, bulk.ErrConfig) || config.Label != "x" {
				t.Fatalf("got %v, want a ConfigError", err)
			}
			if c.name == "own option" && !errors.Is(err, errOption) {
				t.Errorf("%v does not match the error of the option", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
			if p := b.Capacity().Parallelism; p != 100 {
				t.Errorf("parallelism %d", p)
			}
			mustLimit(t, b, 1, 200)
		})
	}
	for name, f := range map[string]func(){
		"New":     func() { _, _ = adaptive.New(nil, 1, 2) },
		"Measure": func() { adaptive.Measure[int](nil, func(context.Context) (int, error) { return 0, nil }) },
		"nil fn":  func() { adaptive.MeasureDo(mustLimit(t, bulk.Must(bulk.New("x", 1)), 1, 2), nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of nil does not panic", name)
				}
			}()
			f()
		}()
	}
}

func TestNewBeginsWithThePresentParallelism(t *testing.T) {
	for _, c := range []struct{ parallelism, want int }{{3, 5}, {7, 7}, {100, 20}, {bulk.Unlimited, 20}} {
		b := bulk.Must(bulk.New("x", c.parallelism, bulk.WaitingRoom(3)))
		l := mustLimit(t, b, 5, 20)
		if got := b.Capacity(); got.Parallelism != c.want || got.WaitingRoom != 3 || l.Status().Limit != c.want {
			t.Errorf("from %d: %v, %v", c.parallelism, got, l.Status())
		}
	}
	b := bulk.Must(bulk.New("x", 3))
	mustLimit(t, b, 5, 20, adaptive.Observe())
	if got := b.Capacity().Parallelism; got != 3 {
		t.Errorf("observed: %d", got)
	}
}

func TestSecondLimiterIsRefusedUntilTheFirstIsClosed(t *testing.T) {
	b := bulk.Must(bulk.New("x", 10))
	l := mustLimit(t, b, 1, 20)
	if _, err := adaptive.New(b, 1, 20, adaptive.Observe()); !errors.Is(err, adaptive.ErrLimited) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	second := mustLimit(t, b, 1, 20)
	_ = l.Close() // must not free the second one's
	if _, err := adaptive.New(b, 1, 20); !errors.Is(err, adaptive.ErrLimited) {
		t.Errorf("got %v", err)
	}
	_ = second.Close()
	_ = b.Close()
	for range 2 { // the refusal does not keep the bulkhead claimed
		if _, err := adaptive.New(b, 30, 40); !errors.Is(err, bulk.ErrClosed) {
			t.Errorf("closed bulkhead: got %v", err)
		}
	}
	if _, err := adaptive.New(b, 1, 40, adaptive.Observe()); !errors.Is(err, bulk.ErrClosed) {
		t.Errorf("closed bulkhead, nothing to change: got %v", err)
	}
}

func TestPausedBulkheadStaysPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 10))
		var decisions int
		l := mustLimit(t, b, 1, 100, adaptive.OnDecision(func(adaptive.Decision) { decisions++ }))
		call := adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
		_ = b.Resize(0)
		for range 200 { // completes windows while it is paused: operations that began before
			var ends []func(error)
			for range 5 {
				ends = append(ends, l.Begin())
			}
			time.Sleep(100 * time.Millisecond)
			for _, end := range ends {
				end(nil)
			}
		}
		if p := b.Capacity().Parallelism; p != 0 || decisions != 0 {
			t.Errorf("parallelism %d after %d decisions", p, decisions)
		}
		_ = b.Resize(10)
		if err := bulk.Do(t.Context(), b, call); err != nil {
			t.Error(err)
		}
		if s := l.Status(); s.InFlight != 0 || s.Limit != 10 {
			t.Errorf("%v", s)
		}
	})
}

func TestParallelismThatOthersSetIsACeiling(t *testing.T) {
	skipIfShort(t)
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 20))
		var last adaptive.Decision
		highest := 0
		l := mustLimit(t, b, 5, 100, adaptive.OnDecision(func(d adaptive.Decision) {
			last, highest = d, max(highest, d.To)
		}))
		w := workers{hold: constant(100 * time.Millisecond)} // a dependency with room for all
		for _, c := range []struct{ set, want int }{
			{0, 100},   // nothing yet: it grows to the maximum
			{30, 30},   // less: not exceeded
			{40, 40},   // more again
			{2, 2},     // below the minimum
			{500, 100}, // above the maximum
		} {
			if c.set > 0 {
				if err := b.Resize(c.set); err != nil {
					t.Fatal(err)
				}
			}
			highest = 0
			w.forAWhile(t, b, l, 150, time.Minute)
			if got := b.Capacity().Parallelism; got != c.want || highest > c.want || l.Status().Ceiling != c.want {
				t.Errorf("set to %d: limit %d, highest %d, %v, last %v", c.set, got, highest, l.Status(), last)
			}
		}
	})
}

func TestCloseEndsDecisionsAndLeavesTheCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 20))
		l := mustLimit(t, b, 5, 100)
		w := workers{hold: constant(100 * time.Millisecond)}
		w.forAWhile(t, b, l, 150, 3*time.Second)
		before := l.Status()
		_ = l.Close()
		w.forAWhile(t, b, l, 150, 10*time.Second)
		after := l.Status()
		if !after.Closed || after.Limit != before.Limit || after.Last.Seq != before.Last.Seq {
			t.Errorf("before %v\nafter %v", before, after)
		}
	})
}

func TestClosedBulkheadEndsDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 200))
		l := mustLimit(t, b, 5, 300)
		for range 200 {
			end := l.Begin()
			slot, _ := b.TryAcquire()
			go func() {
				time.Sleep(20 * time.Second)
				end(nil)
				slot.Release()
			}()
		}
		_ = b.Close()
		synctest.Wait()
		time.Sleep(time.Minute)
		if s := l.Status(); s.Last.Seq != 0 || s.InFlight != 0 {
			t.Errorf("%v", s)
		}
		<-b.Done()
	})
}

func TestObservingLimiterSetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 20))
		advised := 0
		l := mustLimit(t, b, 5, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) {
			if d.From != 20 || !d.Observed {
				t.Errorf("%v", d)
			}
			advised = max(advised, d.To)
		}))
		workers{hold: constant(100 * time.Millisecond)}.forAWhile(t, b, l, 50, time.Minute)
		if got := b.Capacity().Parallelism; got != 20 || advised <= 20 {
			t.Errorf("parallelism %d, advised %d", got, advised)
		}
	})
}

// An unlimited bulkhead is outside of the bounds, and its limit stays nevertheless.
func TestObservingLimitThatStaysIsTheParallelism(t *testing.T) {
	for _, parallelism := range []int{3, 500, bulk.Unlimited} {
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("x", parallelism))
			decisions := 0
			l := mustLimit(t, b, 5, 100, adaptive.Observe(), adaptive.OnDecision(func(d adaptive.Decision) {
				decisions++
				if d.Changed() || d.From != parallelism || d.Reason != adaptive.NotUsed && d.Reason != adaptive.TooFewSamples {
					t.Errorf("%v", d)
				}
			}))
			workers{hold: constant(10 * time.Millisecond)}.forAWhile(t, b, l, 2, 10*time.Second)
			if decisions < 5 {
				t.Errorf("%d decisions", decisions)
			}
		})
	}
}

func TestPanicAndExitEndTheOperation(t *testing.T) {
	b := bulk.Must(bulk.New("x", 20))
	l := mustLimit(t, b, 5, 100)
	for _, f := range []func(){func() { panic("p") }, runtime.Goexit} {
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			_, _ = bulk.Run(context.Background(), b, adaptive.Measure(l, func(context.Context) (int, error) { f(); return 0, nil }))
		}()
		<-done
		if s := l.Status(); s.InFlight != 0 || b.Status().InFlight != 0 {
			t.Errorf("%v", s)
		}
	}
	panics := mustLimit(t, bulk.Must(bulk.New("y", 1)), 1, 2, adaptive.Classify(func(error) adaptive.Outcome { panic("classify") }))
	func() {
		defer func() {
			if recover() != "classify" {
				t.Error("the panic of the classification does not propagate")
			}
		}()
		panics.Begin()(nil)
	}()
	if n := panics.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestHandlerMayPanicAndCallTheLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 20))
		var l *adaptive.Limiter
		calls := 0
		l = mustLimit(t, b, 5, 100,
			adaptive.OnDecision(func(d adaptive.Decision) {
				calls++
				if s := l.Status(); s.Last.Seq != d.Seq {
					t.Errorf("%v in the handler of %v", s, d)
				}
				if calls == 3 {
					_ = l.Close()
				}
				panic("handler") // is logged
			}))
		workers{hold: constant(100 * time.Millisecond)}.forAWhile(t, b, l, 30, 10*time.Second)
		if calls != 3 {
			t.Errorf("%d decisions, want 3: closed in the third", calls)
		}
	})
}

func TestEventHandlerThatExitsDoesNotEndDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exits := 0
		b := bulk.Must(bulk.New("x", 20, bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventResized && exits < 2 {
				exits++
				runtime.Goexit()
			}
		})))
		previous := adaptive.Decision{To: 20}
		l := mustLimit(t, b, 5, 100, adaptive.OnDecision(func(d adaptive.Decision) {
			if d.Seq != previous.Seq+1 || d.From != previous.To {
				t.Errorf("after %v\ncame  %v", previous, d)
			}
			previous = d
		}))
		w := workers{hold: constant(100 * time.Millisecond)}
		w.forAWhile(t, b, l, 60, 20*time.Second)
		if s := l.Status(); exits != 2 || s.Last.Seq < 5 || s.Ceiling != 100 || s.InFlight != 0 || b.Status().InFlight != 0 {
			t.Errorf("%d exits, %v", exits, s)
		}
		if err := hooks.Check(b); err != nil {
			t.Error(err)
		}
	})
}

func TestHoldsOfNanosecondsAndOfHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("hours", 4, bulk.WaitingRoom(100)))
		l := mustLimit(t, b, 2, 100)
		workers{hold: constant(3 * time.Hour)}.forAWhile(t, b, l, 20, 2000*time.Hour)
		if s := l.Status(); s.Last.Seq == 0 || s.Limit < 8 || s.Baseline < 2*time.Hour {
			t.Errorf("%v", s)
		}
	})
	b := bulk.Must(bulk.New("nanoseconds", 4))
	l := mustLimit(t, b, 2, 100)
	call := adaptive.MeasureDo(l, func(context.Context) error { return nil })
	for range 100_000 {
		if err := bulk.Do(t.Context(), b, call); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Status(); s.Limit != 4 || s.InFlight != 0 {
		t.Errorf("%v", s)
	}
}

func TestClockThatStandsStillDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 4))
		l := mustLimit(t, b, 2, 100)
		call := adaptive.MeasureDo(l, func(context.Context) error { return nil }) // takes no virtual time
		for range 10_000 {
			_ = bulk.Do(t.Context(), b, call)
		}
		time.Sleep(2 * time.Second)
		for range 10_000 { // one window ends, with latencies of 0
			_ = bulk.Do(t.Context(), b, call)
		}
		if s := l.Status(); s.Last.Seq > 1 || s.Limit != 4 {
			t.Errorf("%v", s)
		}
	})
}

func TestLimiterCanBeUsedInManyBubblesAndOutside(t *testing.T) {
	b := bulk.Must(bulk.New("x", 4))
	l := mustLimit(t, b, 2, 100)
	call := adaptive.MeasureDo(l, func(context.Context) error { return nil })
	for range 3 {
		_ = bulk.Do(t.Context(), b, call)
		synctest.Test(t, func(t *testing.T) {
			workers{hold: constant(100 * time.Millisecond)}.forAWhile(t, b, l, 3, 5*time.Second)
		})
	}
	if s := l.Status(); s.Limit != 4 || s.InFlight != 0 {
		t.Errorf("%v", s)
	}
}

func TestWeightsCountAsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 12, bulk.WaitingRoom(1000)))
		var last adaptive.Decision
		l := mustLimit(t, b, 4, 60, adaptive.OnDecision(func(d adaptive.Decision) { last = d }))
		call := adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
		end := time.Now().Add(time.Minute)
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				for time.Now().Before(end) {
					_ = bulk.DoN(t.Context(), b, 3, call)
				}
			})
		}
		all.Wait()
		if last.To != 60 || last.Load < 55 {
			t.Errorf("20 operations of 3 slots each: %v", last)
		}
	})
}

func TestDependencyThatHangsIsCutByThoseThatBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 100))
		var reasons []adaptive.Reason
		l := mustLimit(t, b, 2, 200, adaptive.OnDecision(func(d adaptive.Decision) { reasons = append(reasons, d.Reason) }))
		workers{hold: constant(100 * time.Millisecond)}.forAWhile(t, b, l, 20, 10*time.Second)
		before := l.Status()
		reasons = nil
		hang := make(chan struct{})
		call := adaptive.MeasureDo(l, func(context.Context) error { <-hang; return context.DeadlineExceeded })
		var all sync.WaitGroup
		var rejected atomic.Int64
		for range 100 { // three a second, and none ends
			all.Go(func() {
				if errors.Is(bulk.Do(t.Context(), b, call), bulk.ErrSaturated) {
					rejected.Add(1)
				}
			})
			time.Sleep(300 * time.Millisecond)
		}
		full := l.Status()
		if full.Limit >= before.Limit/2 || full.InFlight > 60 || rejected.Load() == 0 {
			t.Errorf("before %v\nthen %v, %d rejected", before, full, rejected.Load())
		}
		for _, r := range reasons {
			if r != adaptive.Stalled {
				t.Errorf("reasons %v", reasons)
				break
			}
		}
		// All slots are held, and nothing can begin: the limit stays until one ends.
		time.Sleep(time.Hour)
		if s := l.Status(); s.Limit != full.Limit {
			t.Errorf("limit %d, then %d", full.Limit, s.Limit)
		}
		close(hang)
		all.Wait()
		if s := l.Status(); s.InFlight != 0 || b.Status().InFlight != 0 {
			t.Errorf("%v", s)
		}
	})
}

func TestEndCountsOnce(t *testing.T) {
	b := bulk.Must(bulk.New("x", 4))
	l := mustLimit(t, b, 2, 100)
	end := l.Begin()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { end(nil) })
	}
	all.Wait()
	if n := l.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
	_ = l.Close()
	l.Begin()(nil) // not measured
	if n := l.Status().InFlight; n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestOneLongOperationAmongSparseOnesDoesNotLowerTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 40))
		l, err := adaptive.New(b, 1, 100)
		if err != nil {
			t.Fatal(err)
		}
		var g sync.WaitGroup
		call := func(d time.Duration) {
			_ = bulk.Do(t.Context(), b, adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(d); return nil }))
		}
		for range 2000 {
			g.Go(func() { call(50 * time.Millisecond) })
			time.Sleep(10 * time.Millisecond)
		}
		g.Wait()
		before := l.Status().Limit
		g.Go(func() { call(5 * time.Minute) })
		for range 60 {
			time.Sleep(4 * time.Second)
			call(50 * time.Millisecond)
		}
		if after := l.Status(); after.Limit < before {
			t.Errorf("the limit fell from %d: %v", before, after)
		}
		g.Wait()
	})
}

// A fleet pauses the bulkhead until it has a share.
func TestLimiterOfAPausedBulkheadBeginsWhenItIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("x", 10))
		if err := b.Resize(0); err != nil {
			t.Fatal(err)
		}
		l, err := adaptive.New(b, 1, 100)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Resize(10); err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			_ = bulk.Do(t.Context(), b, adaptive.MeasureDo(l, func(context.Context) error { time.Sleep(time.Millisecond); return nil }))
		}
		if s := l.Status(); s.Last.Seq == 0 || s.Ceiling != 100 {
			t.Errorf("ceiling %d of 100 after %d decisions", s.Ceiling, s.Last.Seq)
		}
	})
}

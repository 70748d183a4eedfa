package bulk_test

import (
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// incident makes 21 arrivals, of which 5 are rejected: 23.8 %.
func incident(t *testing.T, b *bulk.Bulkhead) {
	t.Helper()
	for range 15 {
		slot, ok := b.TryAcquire()
		if !ok {
			t.Fatal("a free slot was not granted")
		}
		slot.Release()
	}
	for _, slot := range fill(t, b) {
		for range 5 {
			b.TryAcquire()
		}
		slot.Release()
	}
}

func TestRecentJudgesAboutTheLastPeriod(t *testing.T) {
	const over = 80 * time.Second
	critical := func(t *testing.T, r bulk.Report, want bool) {
		t.Helper()
		if got := r.Severity() == bulk.SeverityCritical; got != want {
			t.Fatalf("critical: %v, want %v: %v over %v", got, want, r.Summary(), r.Interval.Duration)
		}
	}
	runScenarios(t, []scenario{
		{"an incident ages out", "a program that was overloaded becomes ready again", func(t *testing.T) {
			b := mustNew(t, 1)
			incident(t, b)
			recent := bulk.Recent(b, over)
			critical(t, b.Report(), true) // the whole life
			critical(t, recent(), false)  // the incident was before
			time.Sleep(time.Second)
			incident(t, b)
			// With a call each second: the last 80 s, and less than 11 s more.
			for second := range 100 {
				r := recent()
				if second <= 80 {
					critical(t, r, true)
				}
				if second >= 91 {
					critical(t, r, false)
				}
				if d := r.Interval.Duration; second >= 80 && (d < over || d >= over+11*time.Second) {
					t.Fatalf("judges %v, want about %v", d, over)
				}
				time.Sleep(time.Second)
			}
			critical(t, b.Report(), true)
		}},
		{"calls less often than the period", "each judges everything since the previous call", func(t *testing.T) {
			b := mustNew(t, 1)
			recent := bulk.Recent(b, over)
			time.Sleep(time.Hour)
			for _, d := range []time.Duration{over, over + 1, time.Hour, 1000 * time.Hour} {
				recent()
				incident(t, b)
				time.Sleep(d)
				r := recent()
				critical(t, r, true)
				if r.Interval.Duration != d {
					t.Fatalf("judges %v, the last call was %v ago", r.Interval.Duration, d)
				}
				time.Sleep(d)
				critical(t, recent(), false)
			}
		}},
		{"before the period has passed", "everything since Recent was called", func(t *testing.T) {
			b := mustNew(t, 1)
			recent := bulk.Recent(b, over)
			incident(t, b)
			for d := time.Duration(0); d <= over; d += over / 20 {
				if r := recent(); r.Interval.Duration != d || r.Severity() != bulk.SeverityCritical {
					t.Fatalf("after %v: %v over %v", d, r.Summary(), r.Interval.Duration)
				}
				time.Sleep(over / 20)
			}
		}},
		{"the current state", "it is that of the newest status", func(t *testing.T) {
			b := mustNew(t, 1)
			recent := bulk.Recent(b, over)
			slots := fill(t, b)
			if got := severities(recent()); got != "execution_full warning" {
				t.Errorf("found %q", got)
			}
			slots[0].Release()
			if got := severities(recent()); got != "" {
				t.Errorf("found %q", got)
			}
		}},
		{"the shortest and the longest period", "nothing overflows or divides by zero", func(t *testing.T) {
			b := mustNew(t, 1)
			shortest, longest := bulk.Recent(b, 1), bulk.Recent(b, math.MaxInt64)
			incident(t, b)
			critical(t, shortest(), true)
			critical(t, longest(), true)
			time.Sleep(time.Nanosecond)
			critical(t, shortest(), true)
			time.Sleep(time.Nanosecond)
			critical(t, shortest(), false)
			time.Sleep(100 * 365 * 24 * time.Hour)
			critical(t, longest(), true)
		}},
		{"from many goroutines", "no call gets the statuses in the wrong order", func(t *testing.T) {
			b := mustNew(t, 4)
			recent := bulk.Recent(b, time.Millisecond)
			var callers sync.WaitGroup
			for range 8 {
				callers.Go(func() {
					for range 500 {
						if slot, ok := b.TryAcquire(); ok {
							slot.Release()
						}
						if r := recent(); r.Interval.Start.Index >= r.Interval.End.Index {
							t.Errorf("judges from status %d to %d", r.Interval.Start.Index, r.Interval.End.Index)
						}
						time.Sleep(10 * time.Microsecond)
					}
				})
			}
			callers.Wait()
		}},
		{"in a handler", "it does not wait for the bulkhead", func(t *testing.T) {
			b := mustNew(t, 1)
			recent, calls := bulk.Recent(b, over), 0
			b.OnEvent(func(bulk.Event) { recent(); calls++ })
			incident(t, b)
			if calls != 37 {
				t.Errorf("%d calls", calls)
			}
		}},
	})
}

// 100,000 calls keep a few statuses, of half a kilobyte each if no operation has
// waited.
func TestRecentKeepsAFewStatuses(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		for _, over := range []time.Duration{1, 9, time.Minute, math.MaxInt64} {
			recent := bulk.Recent(b, over)
			before := heap()
			for range 100_000 / 4 {
				recent()
				time.Sleep(max(1, min(over, time.Hour)/100))
			}
			if after := heap(); after > before+1<<20 {
				t.Errorf("over %v: %d bytes are kept", over, after-before)
			}
			recent()
		}
	})
}

// A package-level bulkhead is used in one bubble after another, and outside: its
// clock goes back. Recent must neither panic nor report an incident forever.
func TestRecentWorksWhenTheClockGoesBack(t *testing.T) {
	b := mustNew(t, 1)
	recent := bulk.Recent(b, time.Minute)
	clean := func(t *testing.T) {
		t.Helper()
		if r := recent(); !r.Healthy() || r.Interval.Duration < 0 {
			t.Errorf("%v over %v", r.Summary(), r.Interval.Duration)
		}
	}
	for range 3 {
		recent()
		synctest.Test(t, func(t *testing.T) {
			recent()
			incident(t, b)
			if r := recent(); r.Severity() != bulk.SeverityCritical {
				t.Errorf("the incident is missing: %v", r.Summary())
			}
			for range 80 {
				time.Sleep(time.Second)
				recent()
			}
			clean(t)
			incident(t, b)
		})
		// Everything since the newest status that was kept is judged, whatever the
		// clock says.
		if r := recent(); r.Severity() != bulk.SeverityCritical {
			t.Errorf("the incident is missing: %v", r.Summary())
		}
		synctest.Test(t, func(t *testing.T) {
			recent()
			for range 80 {
				time.Sleep(time.Second)
				recent()
			}
			clean(t)
		})
	}
}

func TestRecentPanicsWithoutBulkheadOrPeriod(t *testing.T) {
	b := mustNew(t, 1)
	for _, c := range []struct {
		name string
		b    *bulk.Bulkhead
		over time.Duration
		want string
	}{
		{"no bulkhead", nil, time.Second, "bulk: Recent: nil bulkhead"},
		{"a period of 0", b, 0, "bulk: Recent: over 0s: must be more than 0"},
		{"a negative period", b, -time.Second, "bulk: Recent: over -1s: must be more than 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panic %v, want %v", got, c.want)
				}
			}()
			bulk.Recent(c.b, c.over)
		})
	}
}

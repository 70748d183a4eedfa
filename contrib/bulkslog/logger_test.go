package bulkslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkslog"
)

// record is a record as a test sees it.
type record struct {
	level    slog.Level
	message  string
	label    string
	kind     string
	left     uint64
	interval time.Duration
}

// sink is a slog.Handler that keeps the records.
type sink struct {
	level slog.Level

	mu      sync.Mutex
	records []record
	onWrite func() // called without the lock
}

func (s *sink) Enabled(_ context.Context, level slog.Level) bool { return level >= s.level }
func (s *sink) WithAttrs([]slog.Attr) slog.Handler               { panic("not used") }
func (s *sink) WithGroup(string) slog.Handler                    { panic("not used") }
func (s *sink) Handle(_ context.Context, r slog.Record) error {
	got := record{level: r.Level, message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "left_out":
			got.left = a.Value.Uint64()
		case "interval_ns":
			got.interval = time.Duration(a.Value.Int64())
		case "bulkhead":
			for _, a := range a.Value.Resolve().Group() {
				switch a.Key {
				case "label":
					got.label = a.Value.String()
				case "kind":
					got.kind = a.Value.String()
				}
			}
		}
		return true
	})
	s.mu.Lock()
	s.records = append(s.records, got)
	s.mu.Unlock()
	if s.onWrite != nil {
		s.onWrite()
	}
	return nil
}

// leveled is a sink whose level changes.
type leveled struct {
	*sink
	level slog.LevelVar
}

func (l *leveled) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level.Level() }

// take returns the records since the last call.
func (s *sink) take() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.records
	s.records = nil
	return taken
}

// full returns a bulkhead whose only slot is in use.
func full(t *testing.T, label string, h func(bulk.Event)) *bulk.Bulkhead {
	t.Helper()
	b := bulk.Must(bulk.New(label, 1, bulk.OnEvent(h)))
	slot, ok := b.TryAcquire()
	if !ok {
		t.Fatal("not admitted")
	}
	t.Cleanup(slot.Release)
	return b
}

func mustEqual(t *testing.T, got, want []record) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("records:\n%v\nwant:\n%v", got, want)
	}
}

func TestFirstEventsOfAnIntervalAreLoggedAndTheOthersCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := bulkslog.New(slog.New(out), bulkslog.First(2), bulkslog.Interval(time.Minute))
		b := full(t, "payments", l.Log)
		saturated := record{level: slog.LevelWarn, message: "bulkhead saturated", label: "payments", kind: "saturated"}
		reject := func(n int) {
			for range n {
				b.TryAcquire()
			}
		}
		reject(7)
		mustEqual(t, out.take(), []record{saturated, saturated})
		time.Sleep(time.Minute - 1)
		reject(1)
		mustEqual(t, out.take(), nil)
		time.Sleep(time.Nanosecond)
		reject(1)
		left := record{level: slog.LevelWarn, message: "bulkhead events left out", label: "payments", kind: "saturated", left: 6, interval: time.Minute}
		mustEqual(t, out.take(), []record{left, saturated})
		time.Sleep(time.Hour) // nothing was left out in that interval
		reject(3)
		mustEqual(t, out.take(), []record{saturated, saturated})
		left.left = 1
		l.Flush()
		mustEqual(t, out.take(), []record{left})
		l.Flush()
		mustEqual(t, out.take(), nil)
	})
}

func TestOneInMIsLoggedAfterTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Then(100))
		b := full(t, "payments", l.Log)
		for range 250 {
			b.TryAcquire()
		}
		l.Flush()
		saturated := record{level: slog.LevelWarn, message: "bulkhead saturated", label: "payments", kind: "saturated"}
		sampled := saturated
		sampled.left = 99
		mustEqual(t, out.take(), []record{saturated, sampled, sampled,
			{level: slog.LevelWarn, message: "bulkhead events left out", label: "payments", kind: "saturated", left: 49, interval: 10 * time.Second}})
	})
}

func TestMostBoundsTheRecordsOfAKindOverAllLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := bulkslog.New(slog.New(out), bulkslog.First(5), bulkslog.Most(5), bulkslog.Interval(time.Second))
		const labels, each = 3000, 4
		for second := range 3 {
			for i := range labels {
				for range each {
					l.Log(bulk.Event{Kind: bulk.EventSaturated, Label: fmt.Sprint("tenant ", i), At: time.Now()})
				}
			}
			l.Log(bulk.Event{Kind: bulk.EventExpired, Label: "tenant 0", At: time.Now()})
			l.Flush()
			var events, expired, summaries int
			var left, others uint64
			for _, r := range out.take() {
				left += r.left
				switch {
				case r.message != "bulkhead events left out":
					events++
					if r.kind == "expired" {
						expired++
					}
				case r.label == "(other labels)":
					others += r.left
				default:
					summaries++
				}
			}
			if events != 6 || expired != 1 || int(left)+events != labels*each+1 || summaries > 1000 || others < (labels-1000)*each {
				t.Errorf("second %d: %d events, %d expired, %d left out, %d of other labels, %d summaries", second, events, expired, left, others, summaries)
			}
			time.Sleep(time.Second)
		}
	})
}

// Pairs above the largest number are counted together, and a record of one of them does
// not say how many events of the others were left out.
func TestRecordOfAnUncountedLabelCountsNoOtherLabels(t *testing.T) {
	out := &sink{}
	l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Then(2), bulkslog.Most(5000), bulkslog.Interval(time.Hour))
	at := time.Now()
	for i := range 1010 {
		l.Log(bulk.Event{Kind: bulk.EventSaturated, Label: fmt.Sprint("tenant ", i), At: at})
	}
	records := out.take()
	if len(records) != 1000+5 { // the first of the others, and each second one after it
		t.Errorf("%d records", len(records))
	}
	for _, r := range records {
		if r.left != 0 {
			t.Errorf("%s: %d left out", r.label, r.left)
		}
	}
	l.Flush()
	mustEqual(t, out.take(), []record{{level: slog.LevelWarn, message: "bulkhead events left out", label: "(other labels)", kind: "saturated", left: 5, interval: time.Hour}})
}

func TestLateEventDoesNotEndTheInterval(t *testing.T) {
	out := &sink{}
	l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Interval(time.Minute))
	at := time.Now()
	for _, late := range []time.Duration{0, time.Nanosecond, time.Minute} {
		l.Log(bulk.Event{Kind: bulk.EventSaturated, Label: "payments", At: at.Add(-late)})
	}
	if n := len(out.take()); n != 1 {
		t.Errorf("%d records", n)
	}
	l.Log(bulk.Event{Kind: bulk.EventSaturated, Label: "payments", At: at.Add(-time.Hour)}) // the clock was set back
	if records := out.take(); len(records) != 2 || records[0].left != 2 {
		t.Errorf("after the clock was set back: %v", records)
	}
}

// An event of a disabled level ends the interval too, so that the count appears although
// no further event is logged.
func TestIntervalEndsWithAnEventThatIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := bulkslog.New(slog.New(out), bulkslog.First(1))
		b := bulk.Must(bulk.New("payments", 1, bulk.OnEvent(l.Log)))
		slot, _ := b.TryAcquire()
		for range 5 {
			b.TryAcquire()
		}
		slot.Release()
		out.take()
		time.Sleep(10 * time.Second)
		if err := bulk.Do(t.Context(), b, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		mustEqual(t, out.take(), []record{{level: slog.LevelWarn, message: "bulkhead events left out", label: "payments", kind: "saturated", left: 4, interval: 10 * time.Second}})
	})
}

// The level is raised after events were left out. Their count is kept until the level is
// lowered again.
func TestCountOfADisabledLevelIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &leveled{sink: &sink{}}
		l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Interval(time.Minute))
		b := full(t, "payments", l.Log)
		reject := func(n int) {
			for range n {
				b.TryAcquire()
			}
		}
		saturated := record{level: slog.LevelWarn, message: "bulkhead saturated", label: "payments", kind: "saturated"}
		left := record{level: slog.LevelWarn, message: "bulkhead events left out", label: "payments", kind: "saturated", left: 4} // in more than one interval
		resized := record{level: slog.LevelInfo, message: "bulkhead resized", label: "other", kind: "resized"}
		raise := func() {
			t.Helper()
			out.level.Set(slog.LevelError)
			time.Sleep(time.Minute)
			reject(3) // of a disabled level: neither logged nor counted
			l.Flush()
			mustEqual(t, out.take(), nil)
			out.level.Set(slog.LevelInfo)
		}

		reject(5)
		mustEqual(t, out.take(), []record{saturated})
		raise()
		l.Flush()
		mustEqual(t, out.take(), []record{left})

		reject(5)
		mustEqual(t, out.take(), []record{saturated})
		raise()
		raise()
		reject(3) // the record of an event has the count too, and two are left out
		withCount, ofOneInterval := saturated, left
		withCount.left = 4
		mustEqual(t, out.take(), []record{withCount})
		l.Flush()
		ofOneInterval.left, ofOneInterval.interval = 2, time.Minute
		mustEqual(t, out.take(), []record{ofOneInterval})

		reject(5)
		mustEqual(t, out.take(), []record{saturated})
		raise()
		l.Log(bulk.Event{Kind: bulk.EventResized, Label: "other", At: time.Now()}) // begins an interval
		mustEqual(t, out.take(), []record{resized})
		time.Sleep(time.Minute)
		l.Log(bulk.Event{Kind: bulk.EventResized, Label: "other", At: time.Now()})
		mustEqual(t, out.take(), []record{left, resized})
	})
}

// Kept counts are written at the end of an interval, also if the event that ends it is not
// logged, whether they were kept before the interval began or by the event that began it.
func TestIntervalOfKeptCountsEndsWithAnEventThatIsNotLogged(t *testing.T) {
	for name, early := range map[string]bool{"kept before": true, "kept by the first event": false} {
		synctest.Test(t, func(t *testing.T) {
			out := &leveled{sink: &sink{}}
			l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Interval(time.Minute), bulkslog.Levels(func(e bulk.Event) slog.Level {
				if e.Label == "critical" {
					return slog.LevelError
				}
				return bulkslog.Level(e)
			}))
			event := func(kind bulk.EventKind, label string) { l.Log(bulk.Event{Kind: kind, Label: label, At: time.Now()}) }
			event(bulk.EventSaturated, "payments")
			event(bulk.EventSaturated, "payments") // left out
			out.level.Set(slog.LevelError)
			time.Sleep(time.Minute)
			if early {
				l.Flush()
			}
			event(bulk.EventSaturated, "critical") // begins an interval
			out.take()
			out.level.Set(slog.LevelInfo)
			time.Sleep(time.Minute)
			event(bulk.EventAdmitted, "payments")
			if records := out.take(); len(records) != 1 || records[0].left != 1 {
				t.Errorf("%s: %v", name, records)
			}
		})
	}
}

// Counts are kept beside those of events that were logged in the meantime, with the bound
// that the counts of an interval have.
func TestKeptCountsAreBounded(t *testing.T) {
	out := &leveled{sink: &sink{}}
	l := bulkslog.New(slog.New(out), bulkslog.First(0), bulkslog.Interval(time.Hour), bulkslog.Levels(func(e bulk.Event) slog.Level {
		if e.Kind == bulk.EventQueued {
			return slog.LevelError
		}
		return slog.LevelWarn
	}))
	const labels = 1500
	leaveOut := func(kind bulk.EventKind) {
		for i := range labels {
			l.Log(bulk.Event{Kind: kind, Label: fmt.Sprint("tenant ", i), At: time.Now()})
		}
	}
	l.Log(bulk.Event{Kind: bulk.EventQueued, Label: "payments", At: time.Now()})
	leaveOut(bulk.EventSaturated)
	out.level.Set(slog.LevelError)
	out.onWrite = func() { leaveOut(bulk.EventQueued) } // before the counts of the saturated ones are kept
	l.Flush()
	out.onWrite = nil
	out.level.Set(slog.LevelInfo)
	l.Flush()
	records, sum := out.take(), uint64(0)
	for _, r := range records {
		sum += r.left
	}
	if len(records) > 1+1000+2 || sum != 1+2*labels { // 2: one more for each kind
		t.Errorf("%d records count %d events, want at most 1003 and %d", len(records), sum, 1+2*labels)
	}
}

// For random options, events and changes of the level, each event of an enabled level is
// logged or in exactly one count.
func TestEachEventIsLoggedOrCountedOnce(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			out := &leveled{sink: &sink{}}
			out.level.Set(slog.LevelDebug)
			first, then, most := random.IntN(4), random.IntN(4), random.IntN(8)
			l := bulkslog.New(slog.New(out), bulkslog.First(first), bulkslog.Then(then), bulkslog.Most(most), bulkslog.Interval(time.Second))
			type series struct{ kind, label string }
			want, got := map[series]uint64{}, map[series]uint64{}
			for range 500 {
				e := bulk.Event{Kind: bulk.EventKind(1 + random.IntN(12)), Label: string(rune('a' + random.IntN(3))), At: time.Now()}
				if random.IntN(10) == 0 {
					e.At = e.At.Add(-time.Duration(random.Int64N(int64(3 * time.Second)))) // late, or from a clock that was set back
				}
				if random.IntN(20) == 0 {
					out.level.Set(slog.Level(4 * (random.IntN(4) - 1)))
				}
				l.Log(e)
				if bulkslog.Level(e) >= out.level.Level() {
					want[series{e.Kind.String(), e.Label}]++
				}
				time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
			}
			out.level.Set(slog.LevelDebug)
			l.Flush()
			records := out.take()
			for _, r := range records {
				got[series{r.kind, r.label}] += r.left
				if r.message != "bulkhead events left out" {
					got[series{r.kind, r.label}]++
				} else if r.left == 0 {
					t.Errorf("seed %d: a record about no event", seed)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("seed %d: got %v, want %v", seed, got, want)
			}
		})
	}
}

// A logger whose handler uses the bulkhead makes events of its own. They are sampled too,
// so the recursion ends.
func TestLogThatUsesTheBulkheadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := bulkslog.New(slog.New(out), bulkslog.First(3))
		b := full(t, "log", l.Log)
		out.onWrite = func() { b.TryAcquire() }
		for range 5 {
			b.TryAcquire()
		}
		if n := len(out.take()); n != 3 {
			t.Errorf("%d records, want 3", n)
		}
	})
}

func TestConcurrentEventsAreLoggedOrCountedOnce(t *testing.T) {
	out := &sink{}
	l := bulkslog.New(slog.New(out), bulkslog.First(1), bulkslog.Interval(time.Millisecond))
	bulkheads := []*bulk.Bulkhead{full(t, "a", l.Log), full(t, "b", l.Log)}
	const workers, each = 4, 2000
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for range each {
				bulkheads[i%2].TryAcquire()
			}
		})
	}
	group.Wait()
	l.Flush()
	sum := uint64(0)
	for _, r := range out.take() {
		sum += r.left
		if r.message != "bulkhead events left out" {
			sum++
		}
	}
	if sum != workers*each {
		t.Errorf("%d events, want %d", sum, workers*each)
	}
}

func TestLevelsOfKinds(t *testing.T) {
	for kind, want := range map[bulk.EventKind]slog.Level{
		bulk.EventQueued: slog.LevelDebug, bulk.EventAdmitted: slog.LevelDebug, bulk.EventReleased: slog.LevelDebug,
		bulk.EventSaturated: slog.LevelWarn, bulk.EventExpired: slog.LevelWarn, bulk.EventOversized: slog.LevelWarn,
		bulk.EventAbandoned: slog.LevelInfo, bulk.EventCanceled: slog.LevelInfo, bulk.EventRejectedClosed: slog.LevelInfo,
		bulk.EventClosed: slog.LevelInfo, bulk.EventDrained: slog.LevelInfo, bulk.EventResized: slog.LevelInfo,
	} {
		if got := bulkslog.Level(bulk.Event{Kind: kind}); got != want {
			t.Errorf("%v: %v, want %v", kind, got, want)
		}
	}
	out := &sink{}
	l := bulkslog.New(slog.New(out), bulkslog.Levels(func(e bulk.Event) slog.Level {
		if e.Kind == bulk.EventAdmitted {
			return slog.LevelError
		}
		return slog.LevelDebug
	}))
	full(t, "payments", l.Log).TryAcquire()
	mustEqual(t, out.take(), []record{{level: slog.LevelError, message: "bulkhead admitted", label: "payments", kind: "admitted"}})
}

func TestUntrustedLabelsAreEscapedInSummaries(t *testing.T) {
	out := &sink{}
	l := bulkslog.New(slog.New(out), bulkslog.First(0))
	l.Log(bulk.Event{Kind: bulk.EventSaturated, Label: "a\nb\xff", At: time.Now()})
	l.Flush()
	if got := out.take()[0].label; got != `a\nb\xff` {
		t.Errorf("label %q", got)
	}
}

func TestBadArgumentsPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"bulkslog: New: nil logger":                   func() { bulkslog.New(nil) },
		"bulkslog: option: nil option":                func() { bulkslog.New(slog.Default(), nil) },
		"bulkslog: First(-1): must be at least 0":     func() { bulkslog.First(-1) },
		"bulkslog: Then(-1): must be at least 0":      func() { bulkslog.Then(-1) },
		"bulkslog: Most(-1): must be at least 0":      func() { bulkslog.Most(-1) },
		"bulkslog: Interval(0s): must be more than 0": func() { bulkslog.Interval(0) },
		"bulkslog: Levels: nil function":              func() { bulkslog.Levels(nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			f()
		}()
	}
}

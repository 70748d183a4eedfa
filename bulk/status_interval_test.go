package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"pgregory.net/rapid"
)

// mustSince returns the interval or fails the test.
func mustSince(t interface {
	Helper()
	Fatalf(string, ...any)
}, end, start bulk.Status) bulk.Interval {
	t.Helper()
	i, err := end.Since(start)
	if err != nil {
		t.Fatalf("since: %v", err)
	}
	return i
}

func TestSinceRejectsUnrelatedAndReversedStatuses(t *testing.T) {
	a, b := mustNew(t, 1), mustNew(t, 1) // the same label
	a1, a2, b1 := a.Status(), a.Status(), b.Status()
	var rows table
	for _, c := range []struct {
		name, why    string
		end, earlier bulk.Status
		want, not    error
		says         []string
	}{
		{"another bulkhead of the same label", "the ID decides, not the label", a1, b1, bulk.ErrUnrelated, bulk.ErrReversed,
			[]string{`"test"`, fmt.Sprintf("ID %d", a1.ID), fmt.Sprintf("ID %d", b1.ID)}},
		{"the zero Status as a start", "it is not the status of a bulkhead", a1, bulk.Status{}, bulk.ErrUnrelated, bulk.ErrReversed, []string{`"test"`, "ID 0"}},
		{"the later status first", "no count may be negative", a1, a2, bulk.ErrReversed, bulk.ErrUnrelated, []string{`"test"`, "status 1", "status 2"}},
		{"another bulkhead and the later status first", "statuses of two bulkheads have no order", bulk.Status{ID: 7, Index: 1}, bulk.Status{ID: 8, Index: 2}, bulk.ErrUnrelated, bulk.ErrReversed,
			[]string{"ID 7", "ID 8"}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			i, err := c.end.Since(c.earlier)
			if !errors.Is(err, c.want) || errors.Is(err, c.not) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if !containsAll(err.Error(), c.says) {
				t.Errorf("%q does not contain %q", err, c.says)
			}
			if !reflect.DeepEqual(i, bulk.Interval{}) {
				t.Errorf("beside the error: %+v", i)
			}
		})
	}
}

func TestSameStatusTwiceGivesAnEmptyInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		wait(b, time.Second, 2*time.Second)
		s := b.Status()
		i := mustSince(t, s, s)
		for name, n := range counts(i.Totals) {
			if n != 0 {
				t.Errorf("%s is %d", name, n)
			}
		}
		if i.Duration != 0 || i.Totals.Waits.Count() != 0 || i.Totals.Waits.Quantile(1) != 0 {
			t.Errorf("not empty: %v", i)
		}
		if i.Totals.Waits != (bulk.Waits{}) {
			t.Error("it keeps an empty histogram")
		}
		if i.Totals.LongestWait != 2*time.Second {
			t.Errorf("the longest wait is %v, want that of the whole life", i.Totals.LongestWait)
		}
		mustBeFinite(t, i)
	})
}

// counts returns everything in t that can be added: each field by its name, each
// bucket of Waits.
func counts(t bulk.Totals) map[string]uint64 {
	all := make(map[string]uint64)
	v := reflect.ValueOf(t)
	for i := range v.NumField() {
		switch name := v.Type().Field(i).Name; name {
		case "LongestWait":
		case "Waits":
			for bound, n := range t.Waits.Buckets() {
				all["waits up to "+bound.String()] = n
			}
		case "Holds":
			all["Holds.Samples"], all["Holds.Sum"] = t.Holds.Samples, uint64(t.Holds.Sum)
		case "Wait", "Queueing":
			all[name] = uint64(v.Field(i).Int())
		default:
			all[name] = v.Field(i).Uint()
		}
	}
	return all
}

// mustBeFinite checks that no method of i returns NaN, an infinity, or a share
// above 1.
func mustBeFinite(t interface {
	Helper()
	Errorf(string, ...any)
}, i bulk.Interval) {
	t.Helper()
	for name, x := range map[string]float64{"arrival rate": i.ArrivalRate(), "admission rate": i.AdmissionRate(),
		"rejection rate": i.RejectionRate(), "rejected share": i.RejectedShare(), "queued share": i.QueuedShare(), "queueing share": i.QueueingShare(),
		"offered load": i.OfferedLoad(), "mean wait": float64(i.MeanWait()), "mean hold": float64(i.MeanHold())} {
		if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 || strings.HasSuffix(name, "share") && x > 1 {
			t.Errorf("%s is %v", name, x)
		}
	}
}

// script is a random list of moves. It is drawn outside a bubble and played in
// one.
type script []move

type move struct {
	What  string
	Slots int
	For   time.Duration
}

var moves = rapid.Custom(func(t *rapid.T) move {
	return move{
		rapid.SampledFrom([]string{"arrive", "arrive", "arrive", "arrive for long", "arrive late", "try", "release", "release", "give up", "done", "sleep", "sleep", "resize", "close?"}).Draw(t, "what"),
		rapid.IntRange(1, 4).Draw(t, "slots"),
		time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "for")),
	}
})

// play plays the script and returns the statuses after each move.
func (s script) play(b *bulk.Bulkhead) []bulk.Status {
	ctx, stop := context.WithCancel(context.Background())
	var quit []context.CancelFunc
	held := make(chan bulk.Slot, 100)
	arrive := func(ctx context.Context, n int, limits ...deadline.Limit) {
		ctx, cancel := context.WithCancel(ctx)
		quit = append(quit, cancel)
		go func() {
			if slot, err := b.AcquireN(ctx, n, limits...); err == nil {
				held <- slot
			}
		}()
	}
	statuses := []bulk.Status{b.Status()}
	for k, m := range s {
		switch m.What {
		case "arrive":
			arrive(ctx, m.Slots, deadline.Within(m.For))
		case "arrive for long":
			arrive(ctx, m.Slots)
		case "arrive late":
			arrive(ctx, m.Slots, deadline.Before(time.Now()))
		case "try":
			if slot, ok := b.TryAcquireN(m.Slots); ok {
				held <- slot
			}
		case "release":
			if len(held) > 0 {
				slot := <-held
				slot.Release()
			}
		case "give up":
			if len(quit) > 0 {
				quit[len(quit)-1]()
			}
		case "done":
			arrive(done(nil), m.Slots)
		case "sleep":
			time.Sleep(m.For)
		case "resize":
			_ = b.Resize(m.Slots)
		case "close?":
			if k > 2*len(s)/3 {
				_ = b.Close()
			}
		}
		synctest.Wait()
		statuses = append(statuses, b.Status())
	}
	stop()
	_ = b.Close()
	synctest.Wait()
	for len(held) > 0 {
		slot := <-held
		slot.Release()
	}
	for _, cancel := range quit {
		cancel()
	}
	return append(statuses, b.Status())
}

func TestIntervalsAddUpAndAreNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := script(rapid.SliceOfN(moves, 0, 30).Draw(t, "script"))
		at := rapid.SliceOfN(rapid.IntRange(0, len(s)+1), 3, 3).Draw(t, "statuses")
		rapid.SyncTest(t, func(t *rapid.T) {
			statuses := s.play(bulk.Must(bulk.New("test", 3, bulk.WaitingRoom(4), bulk.WaitLimit(40*time.Second))))
			slices.Sort(at)
			a, b, c := statuses[at[0]], statuses[at[1]], statuses[at[2]]
			ab, bc, ac := mustSince(t, b, a), mustSince(t, c, b), mustSince(t, c, a)
			first, second, whole := counts(ab.Totals), counts(bc.Totals), counts(ac.Totals)
			from, to := counts(a.Totals), counts(c.Totals)
			for name := range to {
				if whole[name] != first[name]+second[name] {
					t.Errorf("%s: %d ≠ %d + %d", name, whole[name], first[name], second[name])
				}
				if whole[name] != to[name]-from[name] {
					t.Errorf("%s: %d, from %d to %d", name, whole[name], from[name], to[name])
				}
			}
			if ac.Duration != ab.Duration+bc.Duration || ac.Duration < 0 {
				t.Errorf("duration %v ≠ %v + %v", ac.Duration, ab.Duration, bc.Duration)
			}
			if ac.Totals.LongestWait != c.Totals.LongestWait {
				t.Error("the longest wait is not that of End")
			}
			if ac.Totals.Waits.Count() != ac.Totals.AdmittedFromQueue {
				t.Errorf("%d waits for %d admitted from the queue", ac.Totals.Waits.Count(), ac.Totals.AdmittedFromQueue)
			}
			mustBeFinite(t, ac)
			if _, err := a.Since(c); a.Index < c.Index && !errors.Is(err, bulk.ErrReversed) {
				t.Errorf("reversed: %v", err)
			}
			// Reports are pure: equal intervals have equal findings.
			if x, y := ac.Report(), mustSince(t, c, a).Report(); !reflect.DeepEqual(x.Findings, y.Findings) {
				t.Errorf("%v ≠ %v", x, y)
			}
		})
	})
}

func TestQuantilesOfAnIntervalIgnoreEarlierWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, during := durations().Draw(t, "before"), durations().Draw(t, "during")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := oneSlot()
			wait(b, before...)
			start := b.Status()
			wait(b, during...)
			i := mustSince(t, b.Status(), start)
			for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
				got, exact := i.Totals.Waits.Quantile(q), exactQuantile(during, q)
				if got < exact || got-exact > exact/8 {
					t.Errorf("quantile %v is %v, exactly %v", q, got, exact)
				}
			}
			var sum time.Duration
			for _, d := range during {
				sum += d
			}
			if n := len(during); n > 0 && i.MeanWait() != sum/time.Duration(n) || n == 0 && i.MeanWait() != 0 {
				t.Errorf("mean %v of %v", i.MeanWait(), during)
			}
		})
	})
}

func TestIntervalMethodsReturnRatesSharesAndMeans(t *testing.T) {
	origin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	start := bulk.Status{ID: 1, Index: 1, At: origin, Totals: bulk.Totals{Admitted: 100, Finished: 100, Saturated: 50,
		Holds: bulk.Holds{Samples: 2, Sum: time.Hour}}}
	end := func(at time.Time, t bulk.Totals) bulk.Status {
		t.Admitted += 100
		t.Saturated += 50
		t.Holds.Samples += 2
		t.Holds.Sum += time.Hour
		return bulk.Status{ID: 1, Index: 2, At: at, Totals: t}
	}
	type answers struct {
		Duration                                                 time.Duration
		Arrivals, Admissions, Rejections, Rejected, Queued, Load float64
		Wait, Hold                                               time.Duration
	}
	busy := bulk.Totals{Admitted: 80, AdmittedFromQueue: 20, Queued: 30, Saturated: 10, Expired: 6, Canceled: 4,
		Wait: 2 * time.Second, Holds: bulk.Holds{Samples: 4, Sum: time.Second}}
	others := busy
	others.ClosedAtArrival, others.CanceledAtArrival, others.ExpiredAtArrival, others.OversizedAtArrival = 1, 2, 3, 4
	var rows table
	for _, c := range []struct {
		name, why string
		at        time.Time
		totals    bulk.Totals
		want      answers
	}{
		{"busy", "no answer is 0", origin.Add(10 * time.Second), busy,
			answers{10 * time.Second, 10, 8, 1.6, 0.16, 0.3, 2.5, 100 * time.Millisecond, 250 * time.Millisecond}},
		{"others were rejected at arrival", "they are arrivals, but no load", origin.Add(10 * time.Second), others,
			answers{10 * time.Second, 11, 8, 2.4, 24.0 / 110, 0.3, 2.5, 100 * time.Millisecond, 250 * time.Millisecond}},
		{"nothing happened", "a share of nothing is 0", origin.Add(time.Second), bulk.Totals{}, answers{Duration: time.Second}},
		{"the clock stood still", "a rate without duration is 0", origin, busy,
			answers{0, 0, 0, 0, 0.16, 0.3, 0, 100 * time.Millisecond, 250 * time.Millisecond}},
		{"the clock went back", "no duration is negative", origin.Add(-time.Hour), busy,
			answers{0, 0, 0, 0, 0.16, 0.3, 0, 100 * time.Millisecond, 250 * time.Millisecond}},
		{"operations that waited at the start were rejected", "a share is never above 1", origin.Add(time.Second), bulk.Totals{Expired: 7},
			answers{Duration: time.Second, Rejections: 7, Rejected: 1}},
		{"no hold was sampled", "there is no mean of nothing", origin.Add(time.Second), bulk.Totals{Admitted: 5, Finished: 5},
			answers{Duration: time.Second, Arrivals: 5, Admissions: 5}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			i := mustSince(t, end(c.at, c.totals), start)
			got := answers{i.Duration, i.ArrivalRate(), i.AdmissionRate(), i.RejectionRate(), i.RejectedShare(), i.QueuedShare(),
				i.OfferedLoad(), i.MeanWait(), i.MeanHold()}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			mustBeFinite(t, i)
		})
	}
}

// Counts of statuses that were made by hand can decrease. No difference may become
// negative, and no rate infinite.
func TestDecreasingCountsGiveZero(t *testing.T) {
	full := bulk.Status{ID: 1, Index: 1}
	v := reflect.ValueOf(&full.Totals).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(math.MaxUint64)
		}
	}
	full.Totals.Wait, full.Totals.Holds = math.MaxInt64, bulk.Holds{Samples: math.MaxUint64, Sum: math.MaxInt64}
	full.Totals.Waits = readWaits(t, `[{"le_ns":5,"count":3},{"le_ns":8,"count":1}]`)
	i := mustSince(t, bulk.Status{ID: 1, Index: 2, Totals: bulk.Totals{Waits: readWaits(t, `[{"le_ns":5,"count":2},{"le_ns":9,"count":1}]`)}}, full)
	for name, n := range counts(i.Totals) {
		if want := map[string]uint64{"waits up to 9ns": 1}[name]; n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
	mustBeFinite(t, i)
	most := full
	most.Index, most.At = 2, time.Unix(0, 1)
	i = mustSince(t, most, bulk.Status{ID: 1, Index: 1, At: time.Unix(0, 0)})
	mustBeFinite(t, i)
	_ = i.Report().String() + i.String() + most.String()
}

// Sums that were made by hand can be negative.
func TestNegativeSumsGiveZeroMeans(t *testing.T) {
	n := bulk.Totals{Admitted: 100, AdmittedFromQueue: 7, Queued: 7, Wait: -10, LongestWait: -10, Holds: bulk.Holds{Samples: 30, Sum: -10}}
	if n.MeanWait() != 0 || n.Holds.Mean() != 0 {
		t.Errorf("mean wait %v, mean hold %v", n.MeanWait(), n.Holds.Mean())
	}
	for _, r := range []bulk.Report{
		bulk.Status{Capacity: has(10, 5), Totals: n}.Report(),
		bulk.Interval{End: bulk.Status{Capacity: has(10, 5)}, Duration: time.Second, Totals: n}.Report(),
	} {
		if len(r.Findings) > 0 {
			t.Errorf("found %v", r)
		}
	}
	mustBeFinite(t, bulk.Interval{Duration: time.Second, Totals: n})
}

func TestSinceSubtractsEveryFieldOfTotals(t *testing.T) {
	start, end := bulk.Status{ID: 1, Index: 1}, bulk.Status{ID: 1, Index: 2}
	from, to := reflect.ValueOf(&start.Totals).Elem(), reflect.ValueOf(&end.Totals).Elem()
	for i := range from.NumField() {
		if from.Field(i).Kind() == reflect.Uint64 {
			from.Field(i).SetUint(uint64(1000 * i))
			to.Field(i).SetUint(uint64(1000*i + i + 1))
		}
	}
	start.Totals.Wait, end.Totals.Wait = 5000, 5555
	start.Totals.Queueing, end.Totals.Queueing = 8000, 8888
	start.Totals.Holds, end.Totals.Holds = bulk.Holds{Samples: 6000, Sum: 7000}, bulk.Holds{Samples: 6666, Sum: 7777}
	got := counts(mustSince(t, end, start).Totals)
	before, after := counts(start.Totals), counts(end.Totals)
	for name := range after {
		if got[name] == 0 || got[name] != after[name]-before[name] {
			t.Errorf("%s: %d, from %d to %d", name, got[name], before[name], after[name])
		}
	}
}

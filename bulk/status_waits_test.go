package bulk_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wait lets one operation after the other wait on b, which has one slot, for
// exactly the given times. It runs in a bubble.
func wait(b *bulk.Bulkhead, waits ...time.Duration) {
	held, _ := b.TryAcquire()
	next := make(chan bulk.Slot)
	for _, d := range waits {
		go func() {
			s, _ := b.Acquire(context.Background())
			next <- s
		}()
		synctest.Wait()
		time.Sleep(d)
		held.Release()
		held = <-next
	}
	held.Release()
}

func oneSlot() *bulk.Bulkhead { return bulk.Must(bulk.New("test", 1, bulk.WaitingRoom(1))) }

// exactQuantile returns the exact quantile by nearest rank.
func exactQuantile(waits []time.Duration, q float64) time.Duration {
	if len(waits) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(waits))))
	return slices.Sorted(slices.Values(waits))[min(max(rank, 1), len(waits))-1]
}

// durations draws waits: ordinary, very short and very long ones, and waits next to
// a power of two, where buckets begin.
func durations() *rapid.Generator[[]time.Duration] {
	ordinary := rapid.Map(rapid.Int64Range(int64(time.Microsecond), int64(time.Hour)), func(n int64) time.Duration { return time.Duration(n) })
	short := rapid.Map(rapid.Int64Range(0, 40), func(n int64) time.Duration { return time.Duration(n) })
	edge := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(1)<<rapid.IntRange(1, 55).Draw(t, "power") + time.Duration(rapid.IntRange(-1, 1).Draw(t, "beside"))
	})
	return rapid.SliceOfN(rapid.OneOf(ordinary, ordinary, short, edge), 0, 60)
}

func TestQuantilesAreAtMostAnEighthAboveTheExactOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		waits := durations().Draw(t, "waits")
		qs := append(rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 8).Draw(t, "qs"), 0, 0.5, 0.9, 0.95, 0.99, 1)
		rapid.SyncTest(t, func(t *rapid.T) {
			b := oneSlot()
			wait(b, waits...)
			totals := b.Status().Totals
			if totals.Waits.Count() != uint64(len(waits)) || totals.AdmittedFromQueue != uint64(len(waits)) {
				t.Errorf("count %d of %d", totals.Waits.Count(), len(waits))
			}
			for _, q := range qs {
				got, exact := totals.Waits.Quantile(q), exactQuantile(waits, q)
				if got < exact || got-exact > exact/8 {
					t.Errorf("quantile %v is %v (%d), exactly %v (%d)", q, got, got, exact, exact)
				}
			}
			var sum, longest time.Duration
			for _, d := range waits {
				sum, longest = sum+d, max(longest, d)
			}
			if totals.Wait != sum || totals.LongestWait != longest {
				t.Errorf("sum %v, longest %v, want %v, %v", totals.Wait, totals.LongestWait, sum, longest)
			}
		})
	})
}

// Each wait is in the first bucket whose bound it does not exceed.
func TestBucketsAreOrderedAndHoldEveryWaitOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		waits := durations().Draw(t, "waits")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := oneSlot()
			wait(b, waits...)
			w := b.Status().Totals.Waits
			last := time.Duration(-1)
			var sum uint64
			for bound, n := range w.Buckets() {
				if n == 0 || bound <= last {
					t.Errorf("bucket %v (after %v) has %d", bound, last, n)
				}
				var want uint64
				for _, d := range waits {
					if last < d && d <= bound {
						want++
					}
				}
				if n != want {
					t.Errorf("bucket %v has %d, want %d", bound, n, want)
				}
				sum += n
				last = bound
			}
			if sum != w.Count() || sum != uint64(len(waits)) {
				t.Errorf("the buckets have %d, Count returns %d, there were %d", sum, w.Count(), len(waits))
			}
		})
	})
}

// Each wait from 0 to 319 occurs once. Each bound is the longest wait in its bucket.
func TestBucketsHaveNoGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		var waits []time.Duration
		for d := range time.Duration(320) { // where a bucket ends
			waits = append(waits, d)
		}
		wait(b, waits...)
		first := time.Duration(0)
		for bound, n := range b.Status().Totals.Waits.Buckets() {
			if time.Duration(n) != bound-first+1 || (bound-first)*8 > first {
				t.Errorf("bucket from %d to %d has %d", first, bound, n)
			}
			first = bound + 1
		}
		if first != 320 {
			t.Errorf("the last bucket ends at %d", first-1)
		}
	})
}

func TestWaitsAreEqualIfTheirCountsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		waits := durations().Draw(t, "waits")
		mixed := rapid.Permutation(waits).Draw(t, "mixed")
		rapid.SyncTest(t, func(t *rapid.T) {
			a, b := oneSlot(), oneSlot()
			wait(a, waits...)
			wait(b, mixed...)
			v, w := a.Status().Totals.Waits, b.Status().Totals.Waits
			if !v.Equal(w) || !w.Equal(v) || !v.Equal(v) {
				t.Error("the same waits in another order are not equal")
			}
			if (v.Equal(bulk.Waits{})) != (len(waits) == 0) || (bulk.Waits{}).Equal(v) != (len(waits) == 0) {
				t.Errorf("%d waits are equal to none, or none are not", len(waits))
			}
			wait(b, time.Hour+1)
			x := b.Status().Totals.Waits
			if v.Equal(x) || x.Equal(v) {
				t.Error("waits with one more are equal")
			}
			wait(a, time.Microsecond)
			if y := a.Status().Totals.Waits; y.Equal(x) || y.Count() != x.Count() {
				t.Error("other waits of the same number are equal")
			}
		})
	})
}

// Up to 15 ns each bucket is one nanosecond, so that the rank can be checked exactly.
func TestQuantileIsByNearestRank(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why string
		q         float64
		want      time.Duration
	}{
		{"the lowest", "rank 1", 0, 1},
		{"the lowest but not 0", "every share has at least one wait", math.SmallestNonzeroFloat64, 1},
		{"a tenth", "the first of ten", 0.1, 1},
		{"more than a tenth", "the second of ten", 0.11, 2},
		{"a quarter", "rank 2.5 is rounded up", 0.25, 3},
		{"the median", "the fifth of ten, no mean of two", 0.5, 5},
		{"more than the median", "the sixth", math.Nextafter(0.5, 1) + 1e-9, 6},
		{"0.9", "the ninth of ten", 0.9, 9},
		{"0.99", "rank 9.9 is rounded up", 0.99, 10},
		{"the highest", "rank 10", 1, 10},
		{"below 0", "taken as 0", -1, 1},
		{"far below 0", "taken as 0", math.Inf(-1), 1},
		{"above 1", "taken as 1", 2, 10},
		{"far above 1", "taken as 1", math.Inf(1), 10},
		{"NaN", "taken as 0, without a panic", math.NaN(), 1},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := oneSlot()
			wait(b, 3, 1, 10, 2, 9, 8, 4, 7, 6, 5)
			if got := b.Status().Totals.Waits.Quantile(c.q); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			if got := (bulk.Waits{}).Quantile(c.q); got != 0 {
				t.Errorf("without waits: %d", got)
			}
		})
	}
}

// A count above 2⁵³ may have no exact float64.
func TestQuantileOneIsTheLongestOfAnyNumberOfWaits(t *testing.T) {
	w := readWaits(t, fmt.Sprintf(`[{"le_ns":1,"count":%d},{"le_ns":9,"count":1}]`, uint64(1)<<53))
	if got := w.Quantile(1); got != 9 {
		t.Errorf("got %v, want the only one of 9ns", got)
	}
}

func TestZeroWaitsAreEmpty(t *testing.T) {
	var w bulk.Waits
	for bound, n := range w.Buckets() {
		t.Errorf("bucket %v has %d", bound, n)
	}
	fresh := mustNew(t, 1).Status().Totals.Waits
	if w.Count() != 0 || w.Quantile(0.5) != 0 || !w.Equal(w) || !w.Equal(fresh) || !fresh.Equal(w) {
		t.Error("the zero Waits is not empty")
	}
}

func TestWaitsOfZeroAndOfACenturyAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		wait(b, 0, years(100), 0, years(140))
		n := b.Status().Totals
		if n.Waits.Count() != 4 || n.Waits.Quantile(0.5) != 0 || n.LongestWait != years(140) || n.Wait != years(240) || n.MeanWait() != years(60) {
			t.Errorf("%+v, median %v", n, n.Waits.Quantile(0.5))
		}
		for q, exact := range map[float64]time.Duration{0.75: years(100), 1: years(140)} {
			if got := n.Waits.Quantile(q); got < exact || got-exact > exact/8 {
				t.Errorf("quantile %v is %v, exactly %v", q, got, exact)
			}
		}
	})
}

func TestBucketsStopsWhenTheLoopBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		wait(b, 1, 2, 2, 3)
		var got []time.Duration
		for bound := range b.Status().Totals.Waits.Buckets() {
			if got = append(got, bound); len(got) == 2 {
				break
			}
		}
		if !slices.Equal(got, []time.Duration{1, 2}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestWaitsOfAStatusNeverChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := oneSlot()
		content := func(w bulk.Waits) map[time.Duration]uint64 {
			m := make(map[time.Duration]uint64)
			for bound, n := range w.Buckets() {
				m[bound] = n
			}
			return m
		}
		var statuses []bulk.Status
		var contents []map[time.Duration]uint64
		keep := func() {
			s := b.Status()
			statuses, contents = append(statuses, s), append(contents, content(s.Totals.Waits))
		}
		keep()
		for i := range 10 {
			wait(b, time.Duration(i), 7)
			keep()
		}
		for i, s := range statuses {
			if diff := cmp.Diff(contents[i], content(s.Totals.Waits)); diff != "" {
				t.Errorf("status %d has changed (-before +after):\n%s", i, diff)
			}
			if s.Totals.Waits.Count() != uint64(2*i) || s.Totals.Waits.Count() != s.Totals.AdmittedFromQueue {
				t.Errorf("status %d: %d waits", i, s.Totals.Waits.Count())
			}
		}
	})
}

// An abandoned operation counts, because it was admitted from the queue.
func TestOnlyAdmittedFromTheQueueCountAsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(5))
		held := fill(t, b)
		gaveUp, abandoned := park(t, b, 1), park(t, b, 1)
		time.Sleep(5 * time.Nanosecond)
		gaveUp.cancel(nil)
		gaveUp.mustFail(t, bulk.ErrCanceled)
		if n := b.Status().Totals; n.Waits.Count() != 0 || n.Wait != 0 || n.LongestWait != 0 {
			t.Errorf("canceled: %+v", n)
		}
		time.Sleep(2 * time.Nanosecond)
		abandoned.endQuietly()
		held[0].Release()
		abandoned.mustFail(t, bulk.ErrCanceled)
		n := b.Status().Totals
		if n.Abandoned != 1 || n.Waits.Count() != 1 || n.Waits.Quantile(1) != 7 || n.Wait != 7 || n.LongestWait != 7 {
			t.Errorf("abandoned: %+v", n)
		}
	})
}

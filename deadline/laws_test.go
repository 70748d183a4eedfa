package deadline_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/deadline"
)

// durations generates any duration, and often one near an edge or near 0.
func durations() *rapid.Generator[time.Duration] {
	return rapid.OneOf(
		rapid.SampledFrom([]time.Duration{shortest, shortest + 1, -1, 0, 1, longest - 1, longest}),
		rapid.Map(rapid.Int64Range(-3, 3), func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }),
		rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) }),
	)
}

// instants generates times in any location, with and without a monotonic clock
// reading.
func instants() *rapid.Generator[time.Time] {
	now := time.Now()
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := rapid.OneOf(
			rapid.SampledFrom([]time.Time{{}, time.Unix(0, 0), instant, now, now.Round(0)}),
			rapid.Map(rapid.Int64Range(-3, 3), func(n int64) time.Time { return now.Add(time.Duration(n)) }),
			rapid.Map(rapid.Int64Range(-3, 3), func(n int64) time.Time { return time.Time{}.Add(time.Duration(n)) }),
			rapid.Map(rapid.Int64Range(-1<<60, 1<<60), func(sec int64) time.Time { return time.Unix(sec, 0) }),
		).Draw(t, "at")
		switch rapid.SampledFrom([]string{"as is", "utc", "local", "tokyo"}).Draw(t, "location") {
		case "utc":
			return at.UTC()
		case "local":
			return at.Local()
		case "tokyo":
			return at.In(tokyo)
		}
		return at
	})
}

func limits() *rapid.Generator[deadline.Limit] {
	one := rapid.OneOf(
		rapid.Just(deadline.Limit{}),
		rapid.Just(deadline.NoWait()),
		rapid.Map(durations(), deadline.Within),
		rapid.Map(instants(), deadline.Before),
		rapid.Map(durations(), deadline.Reserve),
	)
	several := rapid.Map(rapid.SliceOfN(one, 2, 4), func(ls []deadline.Limit) deadline.Limit {
		return deadline.Tightest(ls...)
	})
	return rapid.OneOf(one, several)
}

func TestLawTightestIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := limits().Draw(t, "a"), limits().Draw(t, "b"), limits().Draw(t, "c")
		left := deadline.Tightest(deadline.Tightest(a, b), c)
		right := deadline.Tightest(a, deadline.Tightest(b, c))
		flat := deadline.Tightest(a, b, c)
		if left != right || left != flat {
			t.Errorf("(a b) c = %v, a (b c) = %v, a b c = %v", left, right, flat)
		}
	})
}

func TestLawTightestIsCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := rapid.SliceOf(limits()).Draw(t, "limits")
		shuffled := rapid.Permutation(ls).Draw(t, "shuffled")
		if got, want := deadline.Tightest(shuffled...), deadline.Tightest(ls...); got != want {
			t.Errorf("shuffled: %v, in order: %v", got, want)
		}
	})
}

func TestLawTightestIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		n := rapid.IntRange(1, 5).Draw(t, "times")
		if got := deadline.Tightest(slices.Repeat([]deadline.Limit{l}, n)...); got != l {
			t.Errorf("%d times %v is %v", n, l, got)
		}
	})
}

func TestLawTheZeroLimitIsNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		if got := deadline.Tightest(l, deadline.Limit{}); got != l {
			t.Errorf("l and zero: %v, want %v", got, l)
		}
		if got := deadline.Tightest(deadline.Limit{}, l); got != l {
			t.Errorf("zero and l: %v, want %v", got, l)
		}
	})
}

// Each bound of the result is the strictest one of its kind. It does not depend
// on the bounds of the other kinds.
func TestLawTightestTreatsEachKindByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := rapid.SliceOf(limits()).Draw(t, "limits")
		var waits, reserves []time.Duration
		var befores []time.Time
		for _, l := range ls {
			if d, ok := l.Within(); ok {
				waits = append(waits, d)
			}
			if at, ok := l.Before(); ok {
				befores = append(befores, at)
			}
			if d, ok := l.Reserve(); ok {
				reserves = append(reserves, d)
			}
		}
		var want bounds
		if len(waits) > 0 {
			want.within, want.hasWithin = slices.Min(waits), true
		}
		if len(befores) > 0 {
			want.before, want.hasBefore = slices.MinFunc(befores, time.Time.Compare), true
		}
		if len(reserves) > 0 {
			want.reserve, want.reserves = slices.Max(reserves), true
		}
		if got := boundsOf(deadline.Tightest(ls...)); got != want {
			t.Errorf("has the bounds %+v, want %+v", got, want)
		}
	})
}

// The tightest limit allows the admission of an operation if and only if each
// limit allows it. The operation has waited for some time; it is admitted at some
// instant, with some time left before ctx's deadline.
func TestLawTightestAllowsWhatEachLimitAllows(t *testing.T) {
	allows := func(l deadline.Limit, waited time.Duration, at time.Time, left time.Duration) bool {
		if d, ok := l.Within(); ok && waited > d {
			return false
		}
		if end, ok := l.Before(); ok && !at.Before(end) {
			return false
		}
		d, ok := l.Reserve()
		return !ok || left >= d
	}
	rapid.Check(t, func(t *rapid.T) {
		ls := rapid.SliceOfN(limits(), 0, 4).Draw(t, "limits")
		waited := max(durations().Draw(t, "waited"), 0)
		at := instants().Draw(t, "at")
		left := durations().Draw(t, "left")
		all := !slices.ContainsFunc(ls, func(l deadline.Limit) bool { return !allows(l, waited, at, left) })
		if got := allows(deadline.Tightest(ls...), waited, at, left); got != all {
			t.Errorf("%v allows it: %v; all of %v do: %v", deadline.Tightest(ls...), got, ls, all)
		}
	})
}

func TestLawMethodsReturnTheBoundOfTheConstructor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := durations().Draw(t, "d")
		at := instants().Draw(t, "at")
		if got, want := boundsOf(deadline.Within(d)), (bounds{within: max(d, 0), hasWithin: true}); got != want {
			t.Errorf("Within(%d) has %+v, want %+v", d, got, want)
		}
		if got, want := boundsOf(deadline.Reserve(d)), (bounds{reserve: max(d, 0), reserves: d > 0}); got != want {
			t.Errorf("Reserve(%d) has %+v, want %+v", d, got, want)
		}
		if got, want := boundsOf(deadline.Before(at)), (bounds{before: at.Round(0).UTC(), hasBefore: true}); got != want {
			t.Errorf("Before(%v) has %+v, want %+v", at, got, want)
		}
	})
}

func TestLawLimitsAreEqualIfAndOnlyIfTheirBoundsAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := durations().Draw(t, "d"), durations().Draw(t, "e")
		if got, want := deadline.Within(d) == deadline.Within(e), max(d, 0) == max(e, 0); got != want {
			t.Errorf("Within(%d) == Within(%d): %v, want %v", d, e, got, want)
		}
		if got, want := deadline.Reserve(d) == deadline.Reserve(e), max(d, 0) == max(e, 0); got != want {
			t.Errorf("Reserve(%d) == Reserve(%d): %v, want %v", d, e, got, want)
		}
		at, bt := instants().Draw(t, "at"), instants().Draw(t, "bt")
		if got, want := deadline.Before(at) == deadline.Before(bt), at.Round(0).Equal(bt.Round(0)); got != want {
			t.Errorf("Before(%v) == Before(%v): %v, want %v", at, bt, got, want)
		}
		a, b := limits().Draw(t, "a"), limits().Draw(t, "b")
		if got, want := a == b, boundsOf(a) == boundsOf(b); got != want {
			t.Errorf("(%v) == (%v): %v, but equal bounds: %v", a, b, got, want)
		}
		if (a == b) != (a.String() == b.String()) {
			t.Errorf("(%v) == (%v): %v, but their texts are %q and %q", a, b, a == b, a.String(), b.String())
		}
	})
}

package deadline_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

const (
	longest  = time.Duration(math.MaxInt64)
	shortest = time.Duration(math.MinInt64)
)

var (
	instant = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tokyo   = time.FixedZone("tokyo", 9*60*60)
)

// bounds is all that a Limit says.
type bounds struct {
	within    time.Duration
	hasWithin bool
	before    time.Time
	hasBefore bool
	reserve   time.Duration
	reserves  bool
}

func boundsOf(l deadline.Limit) bounds {
	var b bounds
	b.within, b.hasWithin = l.Within()
	b.before, b.hasBefore = l.Before()
	b.reserve, b.reserves = l.Reserve()
	return b
}

func TestLimitSaysWhatItWasMadeOf(t *testing.T) {
	for _, c := range []struct {
		why   string
		limit deadline.Limit
		want  bounds
		text  string
	}{
		{"the zero Limit bounds nothing", deadline.Limit{}, bounds{}, "no limit"},
		{"Now is a wait of nothing, not the lack of a bound", deadline.NoWait(), bounds{hasWithin: true}, "no wait"},
		{"Within bounds the wait", deadline.Within(250 * time.Millisecond), bounds{within: 250 * time.Millisecond, hasWithin: true}, "within 250ms"},
		{"the smallest wait is not NoWait", deadline.Within(1), bounds{within: 1, hasWithin: true}, "within 1ns"},
		{"the longest wait is kept, not taken for endless", deadline.Within(longest), bounds{within: longest, hasWithin: true}, "within 2562047h47m16.854775807s"},
		{"no time is no wait", deadline.Within(0), bounds{hasWithin: true}, "no wait"},
		{"less than no time is no wait", deadline.Within(-1), bounds{hasWithin: true}, "no wait"},
		{"the most negative wait does not turn positive", deadline.Within(shortest), bounds{hasWithin: true}, "no wait"},

		{"Before bounds the instant", deadline.Before(instant), bounds{before: instant, hasBefore: true}, "before 2026-01-02T03:04:05Z"},
		{"an instant is kept to the nanosecond", deadline.Before(instant.Add(1)), bounds{before: instant.Add(1), hasBefore: true}, "before 2026-01-02T03:04:05.000000001Z"},
		{"an instant comes back in UTC", deadline.Before(instant.In(tokyo)), bounds{before: instant, hasBefore: true}, "before 2026-01-02T03:04:05Z"},
		{"the zero time is an instant long past, not the lack of a bound", deadline.Before(time.Time{}), bounds{hasBefore: true}, "before 0001-01-01T00:00:00Z"},
		{"years beyond four digits are instants too", deadline.Before(time.Date(12026, 1, 2, 3, 4, 5, 0, time.UTC)), bounds{before: time.Date(12026, 1, 2, 3, 4, 5, 0, time.UTC), hasBefore: true}, "before 12026-01-02T03:04:05Z"},
		{"years before the first are instants too", deadline.Before(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), bounds{before: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), hasBefore: true}, "before -0001-01-01T00:00:00Z"},

		{"Reserve bounds the life of ctx", deadline.Reserve(50 * time.Millisecond), bounds{reserve: 50 * time.Millisecond, reserves: true}, "reserve 50ms"},
		{"the smallest reserve is one", deadline.Reserve(1), bounds{reserve: 1, reserves: true}, "reserve 1ns"},
		{"the largest reserve is kept", deadline.Reserve(longest), bounds{reserve: longest, reserves: true}, "reserve 2562047h47m16.854775807s"},
		{"a reserve of nothing bounds nothing", deadline.Reserve(0), bounds{}, "no limit"},
		{"a reserve of less than nothing bounds nothing", deadline.Reserve(-1), bounds{}, "no limit"},
		{"the most negative reserve does not turn positive", deadline.Reserve(shortest), bounds{}, "no limit"},

		{
			"bounds of all kinds go together",
			deadline.Tightest(deadline.Reserve(50*time.Millisecond), deadline.Before(instant), deadline.Within(time.Second)),
			bounds{within: time.Second, hasWithin: true, before: instant, hasBefore: true, reserve: 50 * time.Millisecond, reserves: true},
			"within 1s, before 2026-01-02T03:04:05Z, reserve 50ms",
		},
		{
			"some kinds go without the others",
			deadline.Tightest(deadline.Before(instant), deadline.Reserve(50*time.Millisecond)),
			bounds{before: instant, hasBefore: true, reserve: 50 * time.Millisecond, reserves: true},
			"before 2026-01-02T03:04:05Z, reserve 50ms",
		},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := boundsOf(c.limit); got != c.want {
				t.Errorf("says %+v, want %+v", got, c.want)
			}
			if got := c.limit.String(); got != c.text {
				t.Errorf("String() = %q, want %q", got, c.text)
			}
		})
	}
}

func TestLimitsThatSayTheSameAreEqual(t *testing.T) {
	now := time.Now()
	if !strings.Contains(now.String(), "m=") {
		t.Fatal("the time under test has no monotonic clock reading")
	}
	for _, c := range []struct {
		why   string
		a, b  deadline.Limit
		equal bool
	}{
		{"no wait is Now", deadline.Within(0), deadline.NoWait(), true},
		{"a negative wait is Now", deadline.Within(-time.Hour), deadline.NoWait(), true},
		{"the most negative wait is Now", deadline.Within(shortest), deadline.NoWait(), true},
		{"a reserve of nothing is the zero Limit", deadline.Reserve(0), deadline.Limit{}, true},
		{"a negative reserve is the zero Limit", deadline.Reserve(shortest), deadline.Limit{}, true},
		{"the location of an instant does not count", deadline.Before(instant), deadline.Before(instant.In(tokyo)), true},
		{"the local zone does not count", deadline.Before(instant), deadline.Before(instant.Local()), true},
		{"the monotonic clock reading does not count", deadline.Before(now), deadline.Before(now.Round(0)), true},
		{"the order does not count", deadline.Tightest(deadline.NoWait(), deadline.Reserve(1)), deadline.Tightest(deadline.Reserve(1), deadline.NoWait()), true},

		{"Now bounds something", deadline.NoWait(), deadline.Limit{}, false},
		{"the longest wait is a bound", deadline.Within(longest), deadline.Limit{}, false},
		{"the zero time is a bound", deadline.Before(time.Time{}), deadline.Limit{}, false},
		{"waits differ by a nanosecond", deadline.Within(1), deadline.Within(2), false},
		{"instants differ by a nanosecond", deadline.Before(instant), deadline.Before(instant.Add(1)), false},
		{"reserves differ by a nanosecond", deadline.Reserve(1), deadline.Reserve(2), false},
		{"a wait is not a reserve", deadline.Within(1), deadline.Reserve(1), false},
		{"long past and no wait turn away for different reasons", deadline.Before(time.Time{}), deadline.NoWait(), false},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := c.a == c.b; got != c.equal {
				t.Errorf("(%v) == (%v) is %v, want %v", c.a, c.b, got, c.equal)
			}
			if seen := map[deadline.Limit]bool{c.a: true}; seen[c.b] != c.equal {
				t.Errorf("as a map key, %v finds %v: %v, want %v", c.b, c.a, seen[c.b], c.equal)
			}
		})
	}
}

func TestTightestKeepsTheStrictestOfEachKind(t *testing.T) {
	list := func(limits ...deadline.Limit) []deadline.Limit { return limits }
	for _, c := range []struct {
		why    string
		limits []deadline.Limit
		want   deadline.Limit
	}{
		{"without limits there is no bound", nil, deadline.Limit{}},
		{"zero Limits add no bound", list(deadline.Limit{}, deadline.Limit{}), deadline.Limit{}},
		{"one limit stays as it is", list(deadline.Within(1)), deadline.Within(1)},
		{"the smaller wait holds, given first", list(deadline.Within(1), deadline.Within(2)), deadline.Within(1)},
		{"the smaller wait holds, given last", list(deadline.Within(2), deadline.Within(1)), deadline.Within(1)},
		{"Now beats any wait, given first", list(deadline.NoWait(), deadline.Within(1)), deadline.NoWait()},
		{"Now beats any wait, given last", list(deadline.Within(1), deadline.NoWait()), deadline.NoWait()},
		{"the longest wait loosens nothing", list(deadline.Within(1), deadline.Within(longest)), deadline.Within(1)},
		{"the earlier instant holds, given first", list(deadline.Before(instant), deadline.Before(instant.Add(1))), deadline.Before(instant)},
		{"the earlier instant holds, given last", list(deadline.Before(instant.Add(1)), deadline.Before(instant)), deadline.Before(instant)},
		{"instants compare as instants, not as clock faces", list(deadline.Before(instant.In(tokyo)), deadline.Before(instant.Add(time.Hour))), deadline.Before(instant)},
		{"the zero time is earlier than what came after it, given first", list(deadline.Before(time.Time{}), deadline.Before(instant)), deadline.Before(time.Time{})},
		{"the zero time is earlier than what came after it, given last", list(deadline.Before(instant), deadline.Before(time.Time{})), deadline.Before(time.Time{})},
		{"an instant before the zero time is earlier still", list(deadline.Before(time.Time{}), deadline.Before(time.Time{}.Add(-1))), deadline.Before(time.Time{}.Add(-1))},
		{"the larger reserve holds, given first", list(deadline.Reserve(2), deadline.Reserve(1)), deadline.Reserve(2)},
		{"the larger reserve holds, given last", list(deadline.Reserve(1), deadline.Reserve(2)), deadline.Reserve(2)},
		{"a negative reserve loosens nothing", list(deadline.Reserve(1), deadline.Reserve(shortest)), deadline.Reserve(1)},
		{"a kind that is not bounded does not undo one that is", list(deadline.Within(1), deadline.Reserve(2), deadline.Before(instant), deadline.Limit{}), deadline.Tightest(deadline.Before(instant), deadline.Reserve(2), deadline.Within(1))},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := deadline.Tightest(c.limits...); got != c.want {
				t.Errorf("Tightest%v = %v, want %v", c.limits, got, c.want)
			}
		})
	}
}

func TestTightestLeavesTheSliceAlone(t *testing.T) {
	limits := []deadline.Limit{deadline.Within(2), deadline.Within(1)}
	got := deadline.Tightest(limits...)
	if limits[0] != deadline.Within(2) || limits[1] != deadline.Within(1) {
		t.Errorf("the slice became %v", limits)
	}
	limits[1] = deadline.Limit{}
	if want := deadline.Within(1); got != want {
		t.Errorf("after a change of the slice the limit is %v, want %v", got, want)
	}
}

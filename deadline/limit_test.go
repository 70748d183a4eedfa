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

// bounds holds the bounds of a Limit, as its methods return them.
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

func TestLimitHasTheBoundsItWasCreatedWith(t *testing.T) {
	for _, c := range []struct {
		why   string
		limit deadline.Limit
		want  bounds
		text  string
	}{
		{"the zero Limit has no bound", deadline.Limit{}, bounds{}, "no limit"},
		{"NoWait is a bound of 0, not the absence of a bound", deadline.NoWait(), bounds{hasWithin: true}, "no wait"},
		{"Within bounds the wait", deadline.Within(250 * time.Millisecond), bounds{within: 250 * time.Millisecond, hasWithin: true}, "within 250ms"},
		{"the smallest wait differs from NoWait", deadline.Within(1), bounds{within: 1, hasWithin: true}, "within 1ns"},
		{"the longest wait is kept as a bound", deadline.Within(longest), bounds{within: longest, hasWithin: true}, "within 2562047h47m16.854775807s"},
		{"Within(0) allows no wait", deadline.Within(0), bounds{hasWithin: true}, "no wait"},
		{"a negative wait allows no wait", deadline.Within(-1), bounds{hasWithin: true}, "no wait"},
		{"the most negative wait does not become positive", deadline.Within(shortest), bounds{hasWithin: true}, "no wait"},

		{"Before bounds the instant", deadline.Before(instant), bounds{before: instant, hasBefore: true}, "before 2026-01-02T03:04:05Z"},
		{"an instant is kept to the nanosecond", deadline.Before(instant.Add(1)), bounds{before: instant.Add(1), hasBefore: true}, "before 2026-01-02T03:04:05.000000001Z"},
		{"an instant is returned in UTC", deadline.Before(instant.In(tokyo)), bounds{before: instant, hasBefore: true}, "before 2026-01-02T03:04:05Z"},
		{"the zero time is an instant long past, not the absence of a bound", deadline.Before(time.Time{}), bounds{hasBefore: true}, "before 0001-01-01T00:00:00Z"},
		{"an instant with a year of five digits is valid", deadline.Before(time.Date(12026, 1, 2, 3, 4, 5, 0, time.UTC)), bounds{before: time.Date(12026, 1, 2, 3, 4, 5, 0, time.UTC), hasBefore: true}, "before 12026-01-02T03:04:05Z"},
		{"an instant with a negative year is valid", deadline.Before(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)), bounds{before: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), hasBefore: true}, "before -0001-01-01T00:00:00Z"},

		{"Reserve bounds the time before ctx's deadline", deadline.Reserve(50 * time.Millisecond), bounds{reserve: 50 * time.Millisecond, reserves: true}, "reserve 50ms"},
		{"the smallest reserve is a bound", deadline.Reserve(1), bounds{reserve: 1, reserves: true}, "reserve 1ns"},
		{"the largest reserve is kept", deadline.Reserve(longest), bounds{reserve: longest, reserves: true}, "reserve 2562047h47m16.854775807s"},
		{"Reserve(0) adds no bound", deadline.Reserve(0), bounds{}, "no limit"},
		{"a negative reserve adds no bound", deadline.Reserve(-1), bounds{}, "no limit"},
		{"the most negative reserve does not become positive", deadline.Reserve(shortest), bounds{}, "no limit"},

		{
			"one Limit can have bounds of all kinds",
			deadline.Tightest(deadline.Reserve(50*time.Millisecond), deadline.Before(instant), deadline.Within(time.Second)),
			bounds{within: time.Second, hasWithin: true, before: instant, hasBefore: true, reserve: 50 * time.Millisecond, reserves: true},
			"within 1s, before 2026-01-02T03:04:05Z, reserve 50ms",
		},
		{
			"one Limit can have bounds of some kinds",
			deadline.Tightest(deadline.Before(instant), deadline.Reserve(50*time.Millisecond)),
			bounds{before: instant, hasBefore: true, reserve: 50 * time.Millisecond, reserves: true},
			"before 2026-01-02T03:04:05Z, reserve 50ms",
		},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := boundsOf(c.limit); got != c.want {
				t.Errorf("has the bounds %+v, want %+v", got, c.want)
			}
			if got := c.limit.String(); got != c.text {
				t.Errorf("String() = %q, want %q", got, c.text)
			}
		})
	}
}

func TestLimitsWithTheSameBoundsAreEqual(t *testing.T) {
	now := time.Now()
	if !strings.Contains(now.String(), "m=") {
		t.Fatal("the time under test has no monotonic clock reading")
	}
	for _, c := range []struct {
		why   string
		a, b  deadline.Limit
		equal bool
	}{
		{"Within(0) equals NoWait", deadline.Within(0), deadline.NoWait(), true},
		{"a negative wait equals NoWait", deadline.Within(-time.Hour), deadline.NoWait(), true},
		{"the most negative wait equals NoWait", deadline.Within(shortest), deadline.NoWait(), true},
		{"Reserve(0) equals the zero Limit", deadline.Reserve(0), deadline.Limit{}, true},
		{"a negative reserve equals the zero Limit", deadline.Reserve(shortest), deadline.Limit{}, true},
		{"the location of an instant does not matter", deadline.Before(instant), deadline.Before(instant.In(tokyo)), true},
		{"the local time zone does not matter", deadline.Before(instant), deadline.Before(instant.Local()), true},
		{"the monotonic clock reading does not matter", deadline.Before(now), deadline.Before(now.Round(0)), true},
		{"the order of limits does not matter", deadline.Tightest(deadline.NoWait(), deadline.Reserve(1)), deadline.Tightest(deadline.Reserve(1), deadline.NoWait()), true},

		{"NoWait is a bound", deadline.NoWait(), deadline.Limit{}, false},
		{"the longest wait is a bound", deadline.Within(longest), deadline.Limit{}, false},
		{"the zero time is a bound", deadline.Before(time.Time{}), deadline.Limit{}, false},
		{"waits differ by a nanosecond", deadline.Within(1), deadline.Within(2), false},
		{"instants differ by a nanosecond", deadline.Before(instant), deadline.Before(instant.Add(1)), false},
		{"reserves differ by a nanosecond", deadline.Reserve(1), deadline.Reserve(2), false},
		{"a wait is not a reserve", deadline.Within(1), deadline.Reserve(1), false},
		{"a bound long past differs from NoWait, because the reasons of rejection differ", deadline.Before(time.Time{}), deadline.NoWait(), false},
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

func TestTightestKeepsTheStrictestBoundOfEachKind(t *testing.T) {
	list := func(limits ...deadline.Limit) []deadline.Limit { return limits }
	for _, c := range []struct {
		why    string
		limits []deadline.Limit
		want   deadline.Limit
	}{
		{"no limits give no bound", nil, deadline.Limit{}},
		{"zero Limits add no bound", list(deadline.Limit{}, deadline.Limit{}), deadline.Limit{}},
		{"one limit is unchanged", list(deadline.Within(1)), deadline.Within(1)},
		{"the smaller wait is kept, given first", list(deadline.Within(1), deadline.Within(2)), deadline.Within(1)},
		{"the smaller wait is kept, given last", list(deadline.Within(2), deadline.Within(1)), deadline.Within(1)},
		{"NoWait is stricter than any wait, given first", list(deadline.NoWait(), deadline.Within(1)), deadline.NoWait()},
		{"NoWait is stricter than any wait, given last", list(deadline.Within(1), deadline.NoWait()), deadline.NoWait()},
		{"the longest wait loosens no other wait", list(deadline.Within(1), deadline.Within(longest)), deadline.Within(1)},
		{"the earlier instant is kept, given first", list(deadline.Before(instant), deadline.Before(instant.Add(1))), deadline.Before(instant)},
		{"the earlier instant is kept, given last", list(deadline.Before(instant.Add(1)), deadline.Before(instant)), deadline.Before(instant)},
		{"instants in different locations are compared as instants", list(deadline.Before(instant.In(tokyo)), deadline.Before(instant.Add(time.Hour))), deadline.Before(instant)},
		{"the zero time is earlier than a later instant, given first", list(deadline.Before(time.Time{}), deadline.Before(instant)), deadline.Before(time.Time{})},
		{"the zero time is earlier than a later instant, given last", list(deadline.Before(instant), deadline.Before(time.Time{})), deadline.Before(time.Time{})},
		{"an instant before the zero time is earlier than the zero time", list(deadline.Before(time.Time{}), deadline.Before(time.Time{}.Add(-1))), deadline.Before(time.Time{}.Add(-1))},
		{"the larger reserve is kept, given first", list(deadline.Reserve(2), deadline.Reserve(1)), deadline.Reserve(2)},
		{"the larger reserve is kept, given last", list(deadline.Reserve(1), deadline.Reserve(2)), deadline.Reserve(2)},
		{"a negative reserve loosens no other reserve", list(deadline.Reserve(1), deadline.Reserve(shortest)), deadline.Reserve(1)},
		{"a limit without a bound of one kind keeps the bound of another limit", list(deadline.Within(1), deadline.Reserve(2), deadline.Before(instant), deadline.Limit{}), deadline.Tightest(deadline.Before(instant), deadline.Reserve(2), deadline.Within(1))},
	} {
		row(t, c.why, func(t *testing.T) {
			if got := deadline.Tightest(c.limits...); got != c.want {
				t.Errorf("Tightest%v = %v, want %v", c.limits, got, c.want)
			}
		})
	}
}

func TestTightestNeitherChangesNorKeepsTheSlice(t *testing.T) {
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

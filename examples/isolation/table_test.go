package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestReportIsComputedFromThePhases(t *testing.T) {
	ms := func(d ...time.Duration) (all []time.Duration) {
		for _, d := range d {
			all = append(all, d*time.Millisecond)
		}
		return all
	}
	without := phase{mostInside: [targets]int{7, 48}, tallies: [targets]tally{
		fast: {sent: 8, succeeded: 2, shed: 5, timedOut: 1, latencies: ms(1900, 300)},
		slow: {sent: 4, timedOut: 3, failed: 1},
	}}
	with := phase{isolated: true, mostInside: [targets]int{6, 4}, tallies: [targets]tally{
		fast: {sent: 8, succeeded: 7, canceled: 1, latencies: ms(5, 5, 5, 5, 5, 6, 12)},
		slow: {sent: 4, succeeded: 1, saturated: 2, expired: 1, latencies: ms(100)},
	}}
	with.statuses = []bulk.Status{bulk.Must(bulk.New("fast", 3)).Status()}

	const want = `
                           without bulkheads           with bulkheads
                            fast        slow         fast        slow
sent                           8           4            8           4
succeeded                      2           0            7           1
                          25.0 %       0.0 %       87.5 %      25.0 %
p50                       300 ms           –       5.0 ms      100 ms
p99                       1.90 s           –        12 ms      100 ms
shed                           5           0            0           0
rejected: saturated            0           0            0           2
rejected: expired              0           0            0           1
rejected: canceled             0           0            1           0
timed out                      1           3            0           0
failed                         0           1            0           0
p50 and p99: latency of successful requests, counted from when they were due.
Shed: the inbox was full. Rejected: never started. Timed out: the user gave up.

What isolation saved
  fast: 25.0 % → 87.5 % succeeded, p99 1.90 s → 12 ms,
        at most 7 → 6 calls inside the server concurrently
  slow: 0.0 % → 25.0 % succeeded, p99 – → 100 ms,
        at most 48 → 4 calls inside the server concurrently
The fast dependency was healthy all the time. Without bulkheads, 6 of
8 requests for it got no answer (5 of them were shed), because calls to the
slow one occupied the workers. With bulkheads, 1 of 8 got no answer.

Bulkhead "fast": 3 slots, 0 can wait
  0 arrived: 0 admitted (0 of them from the waiting room),
    0 saturated, 0 expired, 0 canceled
  at most 0 in flight and 0 waiting; now 0 and 0
`
	var out bytes.Buffer
	if err := report(&out, []phase{without, with}); err != nil {
		t.Fatal(err)
	}
	if out.String() != want[1:] {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}

	out.Reset()
	if err := report(&out, []phase{without}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "saved") || strings.Contains(out.String(), "   with bulkheads") {
		t.Errorf("output compares a single phase:\n%s", &out)
	}
}

func TestVerdictFollowsFromTheFigures(t *testing.T) {
	for _, tt := range []struct {
		why           string
		without, with tally
		want          string
	}{
		{"interrupted before anything was sent", tally{}, tally{}, "cannot be compared"},
		{"interrupted in the second phase", tally{sent: 100}, tally{}, "cannot be compared"},
		{"all succeeded without", tally{sent: 100, succeeded: 100}, tally{sent: 100, succeeded: 100}, "little to save"},
		{"less than one in a hundred", tally{sent: 1000, succeeded: 991}, tally{sent: 1000, succeeded: 1000}, "little to save"},
		{"one in a hundred", tally{sent: 100, succeeded: 99}, tally{sent: 100, succeeded: 100}, "1 of 100 requests"},
		{"too little for both", tally{sent: 100, succeeded: 10}, tally{sent: 100, succeeded: 10}, "Nothing was saved"},
		{"a shorter second phase that was worse", tally{sent: 100, succeeded: 90}, tally{sent: 10, succeeded: 8}, "Nothing was saved"},
		{"a shorter second phase that was better", tally{sent: 100, succeeded: 50}, tally{sent: 10, succeeded: 8}, "50 of 100 requests"},
	} {
		if got := strings.ReplaceAll(verdict(tt.without, tt.with), "\n", " "); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q in it", tt.why, got, tt.want)
		}
	}
}

func TestPercentIs100OnlyForAll(t *testing.T) {
	for _, tt := range []struct {
		part, all int
		want      string
	}{
		{0, 0, "–"}, {0, 3, "0.0 %"}, {1, 3, "33.3 %"}, {2, 3, "66.6 %"}, {9_999, 10_000, "99.9 %"}, {5, 5, "100 %"},
	} {
		if got := percent(tt.part, tt.all); got != tt.want {
			t.Errorf("%d of %d: %q, want %q", tt.part, tt.all, got, tt.want)
		}
	}
}

func TestDurationsHaveTwoOrThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "0s",
		1234 * time.Nanosecond:  "1 µs",
		5678 * time.Microsecond: "5.7 ms",
		12 * time.Millisecond:   "12 ms",
		1900 * time.Millisecond: "1.90 s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

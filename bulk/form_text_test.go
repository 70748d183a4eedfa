package bulk_test

import (
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestTextMatchesGoldenFiles(t *testing.T) {
	goldenText(t, "status.txt", morning(t).String())
	goldenText(t, "interval.txt", minute(t).String())
	goldenText(t, "report.txt", minute(t).Report().String())
}

func TestTextOmitsWhatIsZeroOrAbsent(t *testing.T) {
	ten := bulk.Capacity{Parallelism: 10, WaitingRoom: 50, WaitLimit: 250 * time.Millisecond}
	slow := bulk.Totals{Admitted: 2, AdmittedFromQueue: 2, Queued: 2, Wait: 2 * time.Second, LongestWait: time.Second,
		Waits: readWaits(t, `[{"le_ns":1006632959,"count":2}]`)}
	var rows table
	for _, c := range []struct {
		name, why string
		form      interface{ String() string }
		want      string
	}{
		{"a new bulkhead", "counts of 0 are omitted", bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     0\n  admitted     0"},
		{"closed", "the first line says so", bulk.Status{Label: "new", Closed: true, InFlight: 1, InUse: 1, Capacity: bulk.Capacity{Parallelism: 1}},
			"bulkhead \"new\", closed\n  slots        1 of 1 in use, 1 operation in flight\n  arrivals     0\n  admitted     0"},
		{"operations wait after the room was removed", "they are shown", bulk.Status{Label: "new", Waiting: 2, Capacity: bulk.Capacity{Parallelism: 1}},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  waiting      2 of 0\n  arrivals     0\n  admitted     0"},
		{"a wait limit without a room", "it has no effect", bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: time.Second}},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  waiting      0 of 0: without a waiting room the wait limit of 1s has no effect\n  arrivals     0\n  admitted     0"},
		{"operations wait with a limit after the room was removed", "their limit still holds", bulk.Status{Label: "new", Waiting: 2, Capacity: bulk.Capacity{Parallelism: 1, WaitLimit: time.Second}},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  waiting      2 of 0, each at most 1s\n  arrivals     0\n  admitted     0"},
		{"waits just above the bound of a bucket", "no quantile is above the longest wait", bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}, Totals: slow},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     2\n  admitted     2, 2 of them from the queue\n  waits        mean 1s, p50 1s, p95 1s, p99 1s, longest 1s"},
		{"an interval with such waits", "the longest wait of the whole life bounds them too", bulk.Interval{End: bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}}, Totals: slow},
			"bulkhead \"new\" over 0s\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     2\n  admitted     2, 2 of them from the queue\n  waits        mean 1s, p50 1s, p95 1s, p99 1s"},
		{"totals without a longest wait", "it is unknown", bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}, Totals: bulk.Totals{Admitted: 1, AdmittedFromQueue: 1, Queued: 1, Waits: slow.Waits}},
			"bulkhead \"new\"\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     1\n  admitted     1, 1 of them from the queue\n  waits        mean 0s, p50 1.01s, p95 1.01s, p99 1.01s"},
		{"an empty interval", "a count of 0 has no rate", bulk.Interval{End: bulk.Status{Label: "new", Closed: true, Capacity: bulk.Capacity{Parallelism: 1}}},
			"bulkhead \"new\" over 0s, closed\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     0\n  admitted     0"},
		{"an interval without duration", "there are no rates", bulk.Interval{End: bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}}, Totals: bulk.Totals{Admitted: 3, Saturated: 2}},
			"bulkhead \"new\" over 0s\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     5\n  admitted     3\n  rejected     2: 2 saturated"},
		{"an interval in which none was admitted", "a count of 0 has no rate", bulk.Interval{Duration: time.Second, End: bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}}, Totals: bulk.Totals{Queued: 1, Saturated: 3}},
			"bulkhead \"new\" over 1s\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     4, 4/s\n  admitted     0\n  rejected     3, 3/s: 3 saturated"},
		{"nearly 1000 per second", "no exponent", bulk.Interval{Duration: 10 * time.Second, End: bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}}, Totals: bulk.Totals{Admitted: 9998}},
			"bulkhead \"new\" over 10s\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     9998, 1000/s\n  admitted     9998, 1000/s"},
		{"rejected as closed", "while waiting and at arrival", bulk.Status{Label: "new", Closed: true, Capacity: bulk.Capacity{Parallelism: 1}, Totals: bulk.Totals{Queued: 2, Closed: 2, ClosedAtArrival: 3}},
			"bulkhead \"new\", closed\n  slots        0 of 1 in use, 0 operations in flight\n  arrivals     5\n  admitted     0\n  rejected     5: 5 closed"},
		{"a report without findings", "one line", bulk.Status{Label: "new", Capacity: bulk.Capacity{Parallelism: 1}}.Report(),
			`bulkhead "new": ok (0/1 slots in use, 0/0 waiting)`},
		{"a finding", "one line", bulk.Finding{Code: "code", Severity: bulk.SeverityNotice, Message: "Message.", Advice: "Advice."}, "notice: code: Message. Advice."},
		{"admitted immediately", "no wait is shown", bulk.Event{Label: "x", Seq: 1, Kind: bulk.EventAdmitted, Slots: 1, Capacity: ten, InFlight: 1, InUse: 1},
			`bulkhead "x": event 1: admitted: 1/10 slots in use, 0/50 waiting`},
		{"admitted from the queue", "with its wait, rounded", bulk.Event{Label: "x", Seq: 2, Kind: bulk.EventAdmitted, Slots: 3, Queued: true, Waited: 12345678, Capacity: ten, InUse: 3},
			`bulkhead "x": event 2: admitted 3 slots after 12.3ms: 3/10 slots in use, 0/50 waiting`},
		{"admitted after a little more than 10 µs", "rounded to three digits, not four", bulk.Event{Label: "x", Seq: 2, Kind: bulk.EventAdmitted, Queued: true, Waited: 10_006, Capacity: ten},
			`bulkhead "x": event 2: admitted after 10µs: 0/10 slots in use, 0/50 waiting`},
		{"admitted after a wait of 0", "it did wait", bulk.Event{Label: "x", Seq: 2, Kind: bulk.EventAdmitted, Queued: true, Capacity: ten},
			`bulkhead "x": event 2: admitted after 0s: 0/10 slots in use, 0/50 waiting`},
		{"released", "the admitted event has the wait", bulk.Event{Label: "x", Seq: 3, Kind: bulk.EventReleased, Slots: 1, Queued: true, Capacity: ten},
			`bulkhead "x": event 3: released: 0/10 slots in use, 0/50 waiting`},
		{"abandoned", "the admitted event has the wait", bulk.Event{Label: "x", Seq: 3, Kind: bulk.EventAbandoned, Slots: 1, Queued: true, Capacity: ten},
			`bulkhead "x": event 3: abandoned: 0/10 slots in use, 0/50 waiting`},
		{"resized", "both capacities are shown", bulk.Event{Label: "x", Seq: 4, Kind: bulk.EventResized, Previous: bulk.Capacity{Parallelism: 5}, Capacity: ten},
			`bulkhead "x": event 4: resized from 5 slots, 0 places to 10 slots, 50 places, 250ms: 0/10 slots in use, 0/50 waiting`},
		{"the zero event", "it has no kind", bulk.Event{}, `bulkhead "": event 0: event kind(0): 0/0 slots in use, 0/0 waiting`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			if got := c.form.String(); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestSharesAreCutOffNotRounded(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why string
		rejected  uint64
		all       uint64
		want      string
	}{
		{"a third", "one decimal", 1, 3, "(33.3 %)"},
		{"nearly all", "cut off, not rounded", 9999, 10_000, "(99.9 %)"},
		{"all", "no decimal", 20, 20, "(100 %)"},
		{"5 %", "no decimal", 1, 20, "(5 %)"},
		{"huge counts", "nothing overflows", 1 << 62, 1 << 63, "(50 %)"},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			r := bulk.Status{Capacity: bulk.Capacity{Parallelism: 1}, Totals: bulk.Totals{Admitted: c.all - c.rejected, Saturated: c.rejected}}.Report()
			if len(r.Findings) == 0 {
				r = bulk.Status{Capacity: bulk.Capacity{Parallelism: 1}, Totals: bulk.Totals{Admitted: 20*c.all - 20*c.rejected, Saturated: 20 * c.rejected}}.Report()
			}
			if !containsAll(r.String(), []string{c.want}) {
				t.Errorf("%v does not contain %s", r, c.want)
			}
		})
	}
}

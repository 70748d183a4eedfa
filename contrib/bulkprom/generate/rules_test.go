package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

const repository = "../../.."

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(repository, f.name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.ReplaceAll(string(text), "\r\n", "\n") != string(f.text) {
			t.Errorf("%s is not current: call go run . in contrib/bulkprom/generate", f.name)
		}
	}
}

// Prometheus itself reads a file of rules with rulefmt, as promtool does.
func TestPrometheusAcceptsTheRules(t *testing.T) {
	names := map[string]bool{}
	for _, file := range []string{"alerts.yml", "notices.yml"} {
		groups, errs := rulefmt.ParseFile(filepath.Join("../rules", file), false, model.UTF8Validation, promQL, nil)
		for _, err := range errs {
			t.Error(err)
		}
		if groups == nil || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) < 5 {
			t.Fatalf("%s: %+v", file, groups)
		}
		for _, r := range groups.Groups[0].Rules {
			if name := r.Alert + r.Labels["severity"]; names[name] {
				t.Errorf("%s is there twice", name)
			} else {
				names[name] = true
			}
			for _, text := range []string{"summary", "description", "advice"} {
				if r.Annotations[text] == "" {
					t.Errorf("%s has no %s", r.Alert, text)
				}
			}
		}
	}
	if len(names) != len(rules) {
		t.Errorf("the files have %d alerts, want %d", len(names), len(rules))
	}
}

// finding is a code with its severity.
type finding struct {
	code     bulk.Code
	severity bulk.Severity
}

// For random statuses, the alerts that an engine of Prometheus finds in two scrapes are
// the findings of the report of the interval between them.
func TestAlertsAreTheFindingsOfTheReport(t *testing.T) {
	const cases = 1500
	random := rand.New(rand.NewPCG(1, 2))
	var start, end []bulk.Status
	for len(start) < cases {
		s, e := randomInterval(t, random, fmt.Sprint("case ", len(start)))
		e.ID, s.ID = uint64(len(start)+1), uint64(len(start)+1)
		if i := mustSince(t, e, s); !onThreshold(i.Totals) {
			start, end = append(start, s), append(end, e)
		}
	}
	for _, e := range edges() {
		e.ID, e.Label = uint64(len(start)+1), fmt.Sprint("edge ", len(start))
		s := e
		e.Index, e.At = 2, s.At.Add(lastScrape*time.Millisecond)
		start, end = append(start, s), append(end, e)
	}
	for name, opts := range map[string][]bulkprom.Option{"classic": nil, "native": {bulkprom.NativeHistogram()}} {
		fired := firing(t, scraped(t, start, end, opts...))
		check := newComparison(t, name, fired)
		for i := range start {
			want := map[finding]bool{}
			for _, f := range mustSince(t, end[i], start[i]).Report().Findings {
				if f.Code != bulk.CodeLongHold {
					want[finding{f.Code, f.Severity}] = true
				}
			}
			for _, f := range end[i].Report().Findings { // these two judge the whole life
				if f.Code == bulk.CodeLongHold || f.Code == bulk.CodeOverprovisioned {
					want[finding{f.Code, f.Severity}] = true
				}
			}
			check.is(end[i].Label, want, fmt.Sprintf("start %v\nend   %v", start[i], end[i]))
		}
		for _, r := range rules {
			other := slices.ContainsFunc(others, func(o row) bool { return o.code == r.code })
			if n := check.fired[finding{r.code, r.severity}]; !other && (n < 10 || n > cases-10) {
				t.Errorf("%s: %s (%s) fires in %d of %d cases: the cases do not test it", name, r.code, r.severity, n, cases)
			}
		}
	}
}

// The same for Keyeds.
func TestAlertsAreTheFindingsOfTheReportOfAKeyed(t *testing.T) {
	const cases = 500
	random := rand.New(rand.NewPCG(3, 4))
	var start, end []registry.KeyedStatus
	for len(start) < cases {
		s, e := randomInterval(t, random, fmt.Sprint("case ", len(start)))
		e.ID, s.ID = uint64(len(start)+1), uint64(len(start)+1)
		if i := mustSince(t, e, s); onThreshold(i.Totals) {
			continue
		}
		before, after := keyedOf(s), keyedOf(e)
		before.TooManyKeys = uint64(random.IntN(3))
		after.TooManyKeys = before.TooManyKeys + uint64(random.IntN(2))*uint64(random.IntN(100_000))
		start, end = append(start, before), append(end, after)
	}
	statuses := func(s []registry.KeyedStatus) bulkprom.Option {
		return bulkprom.KeyedStatuses(func() []registry.KeyedStatus { return s })
	}
	check := newComparison(t, "classic", firing(t, scrapedOf(t, statuses(start), statuses(end))))
	for i := range start {
		interval, err := end[i].Since(start[i])
		if err != nil {
			t.Fatal(err)
		}
		want := map[finding]bool{}
		for _, f := range interval.Report().Findings {
			if f.Code != bulk.CodeLongHold {
				want[finding{f.Code, f.Severity}] = true
			}
		}
		for _, f := range end[i].Report().Findings { // it judges the whole life
			if f.Code == bulk.CodeLongHold {
				want[finding{f.Code, f.Severity}] = true
			}
		}
		check.is(end[i].Label, want, fmt.Sprintf("start %v\nend   %v", start[i], end[i]))
	}
	for _, code := range []bulk.Code{
		bulk.CodeDraining, bulk.CodePaused, bulk.CodeStandingQueue, bulk.CodeLongHold, bulk.CodeUnboundedWait, bulk.CodeWaitLimitUnused, bulk.CodeLargeWaitingRoom,
		bulk.CodeFrequentQueueing, bulk.CodeRejections, bulk.CodeExpirations, bulk.CodeWaitsNearLimit, bulk.CodeOversizedOperations, registry.CodeTooManyKeys,
	} {
		for _, r := range rules {
			if n := check.fired[finding{r.code, r.severity}]; r.code == code && (n < 3 || n > cases-3) {
				t.Errorf("%s (%s) fires in %d of %d cases: the cases do not test it", r.code, r.severity, n, cases)
			}
		}
	}
}

// keyedOf returns the status of a Keyed over all its keys.
func keyedOf(s bulk.Status) registry.KeyedStatus {
	return registry.KeyedStatus{
		ID: s.ID, Index: s.Index, Label: s.Label, At: s.At, Capacity: s.Capacity, Slots: s.Capacity.Parallelism, Places: s.Capacity.WaitingRoom,
		Keys: 1, MaxKeys: 1, InFlight: s.InFlight, InUse: s.InUse, Waiting: s.Waiting, Closed: s.Closed,
		Queueing: s.Queueing, OldestWait: s.OldestWait, OldestHold: s.OldestHold, Created: 1, Totals: s.Totals,
	}
}

// firing returns the alerts that fire, by the label of the bulkhead.
func firing(t *testing.T, stored *scrapes) map[string]map[finding]bool {
	t.Helper()
	fired := map[string]map[finding]bool{}
	for _, r := range rules {
		for label := range stored.query(t, pretty(r.expr)) {
			if fired[label] == nil {
				fired[label] = map[finding]bool{}
			}
			fired[label][finding{r.code, r.severity}] = true
		}
	}
	return fired
}

// comparison compares alerts with findings.
type comparison struct {
	t       *testing.T
	name    string
	byLabel map[string]map[finding]bool
	fired   map[finding]int // in how many cases
	wrong   int
}

func newComparison(t *testing.T, name string, byLabel map[string]map[finding]bool) *comparison {
	return &comparison{t, name, byLabel, map[finding]int{}, 0}
}

func (c *comparison) is(label string, want map[finding]bool, about string) {
	c.t.Helper()
	for _, r := range rules {
		f := finding{r.code, r.severity}
		got := c.byLabel[label][f]
		if got {
			c.fired[f]++
		}
		if got != want[f] {
			if c.wrong++; c.wrong < 4 {
				c.t.Errorf("%s: %s (%s): the alert fires: %v, the report has the finding: %v\n%s", c.name, f.code, f.severity, got, want[f], about)
			}
		}
	}
}

func mustSince(t *testing.T, end, start bulk.Status) bulk.Interval {
	t.Helper()
	i, err := end.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// randomInterval returns two statuses of a bulkhead, five minutes apart. Waits are
// either short or longer than all before, see docs/metrics.md.
func randomInterval(t *testing.T, random *rand.Rand, label string) (start, end bulk.Status) {
	chance := func(n int) bool { return random.IntN(n) == 0 }
	upTo := func(n int) int { return random.IntN(n + 1) }
	count := func() uint64 {
		switch random.IntN(3) {
		case 0:
			return 0
		case 1:
			return uint64(upTo(30))
		default:
			return uint64(upTo(100_000))
		}
	}
	c := bulk.Capacity{Parallelism: 1 + upTo(40), WaitingRoom: upTo(20)}
	switch random.IntN(10) {
	case 0:
		c.Parallelism = 0
	case 1:
		c.Parallelism = bulk.Unlimited
	case 2:
		c.WaitingRoom = upTo(1000)
	case 3, 4, 5:
		c.WaitingRoom = 0
	}
	if chance(2) {
		c.WaitLimit = time.Duration(1+upTo(10)) * time.Second
	}
	s := bulk.Status{Label: label, At: time.Unix(0, 0), Capacity: c, Index: 1, InUse: upTo(50), Closed: chance(8)}
	if chance(3) && c.Parallelism < 100 {
		s.InUse = c.Parallelism
	}
	s.InFlight = s.InUse
	if chance(2) && c.WaitingRoom > 0 {
		s.Waiting = upTo(c.WaitingRoom)
		s.Queueing = time.Duration(upTo(20_000_000)) * time.Microsecond
		if chance(3) {
			s.Waiting = c.WaitingRoom
		}
	}
	s.OldestHold = time.Duration(upTo(60_000_000)) * time.Microsecond
	s.Peak.InUse = upTo(12)

	calm := chance(3) // neither queued nor rejected
	life := func() bulk.Totals {
		n := bulk.Totals{Admitted: count(), Finished: count(), Holds: bulk.Holds{Samples: uint64(upTo(100))}}
		n.Holds.Sum = time.Duration(n.Holds.Samples) * time.Duration(upTo(1_000_000_000))
		if calm {
			return n
		}
		n.AdmittedFromQueue = min(n.Admitted, count())
		n.Queued, n.Saturated, n.Expired, n.ExpiredAtArrival = count(), count(), count(), count()
		n.Canceled, n.ClosedAtArrival, n.CanceledAtArrival = count(), count(), count()
		if chance(2) {
			n.Oversized, n.OversizedAtArrival = count(), count()
		}
		n.Wait = time.Duration(n.AdmittedFromQueue) * time.Duration(upTo(10_000)) * time.Millisecond
		n.Waits = waitsOf(t, n.AdmittedFromQueue)
		return n
	}
	start, end = s, s
	end.Index, end.At = 2, s.At.Add(lastScrape*time.Millisecond)
	start.Totals = life().Plus(bulk.Totals{Admitted: 1})
	start.Totals.LongestWait = time.Duration(upTo(10_000_000)) * time.Microsecond
	end.Totals = start.Totals.Plus(life())
	end.Totals.LongestWait = start.Totals.LongestWait
	if chance(2) {
		end.Totals.LongestWait += time.Duration(upTo(3_000_000)) * time.Microsecond
	}
	return start, end
}

// edges returns statuses on both sides of thresholds that random ones seldom meet.
func edges() []bulk.Status {
	full := func(waiting, places int) bulk.Status {
		return bulk.Status{Capacity: bulk.Capacity{Parallelism: 2, WaitingRoom: places}, InUse: 2, Waiting: waiting}
	}
	spare := func(arrivals uint64, peak int) bulk.Status {
		return bulk.Status{Capacity: bulk.Capacity{Parallelism: 8}, Peak: bulk.Peak{InUse: peak}, Totals: bulk.Totals{Admitted: arrivals}}
	}
	return []bulk.Status{
		full(79, 100), full(80, 100), full(99, 100), full(100, 100), full(4, 5),
		full(0, 99), full(0, 100), full(0, 101),
		spare(999, 2), spare(1000, 2), spare(1000, 3),
		{Capacity: bulk.Capacity{Parallelism: 1}, Queueing: 10*time.Second - 1}, {Capacity: bulk.Capacity{Parallelism: 1}, Queueing: 10 * time.Second},
		{OldestHold: 20 * time.Second, Totals: bulk.Totals{Holds: bulk.Holds{Samples: 20, Sum: 20 * time.Second}}},
		{OldestHold: 20 * time.Second, Totals: bulk.Totals{Holds: bulk.Holds{Samples: 19, Sum: 19 * time.Second}}},
		{OldestHold: 10 * time.Second, Totals: bulk.Totals{Holds: bulk.Holds{Samples: 20}}},
	}
}

// onThreshold reports whether a share is exactly a threshold. Prometheus extrapolates
// counts, so it may be on either side.
func onThreshold(n bulk.Totals) bool {
	exactly := func(part, percent, whole uint64) bool { return part > 0 && part*100 == percent*whole }
	rejected := n.Saturated + n.Expired
	demand := n.Admitted - n.AdmittedFromQueue + n.Queued + n.Saturated
	return exactly(rejected, 5, n.Admitted+rejected) || exactly(rejected, 20, n.Admitted+rejected) ||
		exactly(n.Expired, 10, n.Queued) || exactly(n.Expired, 30, n.Queued) || exactly(n.Queued, 50, demand)
}

// The advice of a finding is tested with its report, in package bulk.
func TestAdviceThatIsInNoReport(t *testing.T) {
	for code, advice := range adviceBeyond {
		if !slices.ContainsFunc(others, func(r row) bool { return r.code == code }) {
			t.Errorf("%s has advice and no row", code)
		}
		if !strings.HasPrefix(advice, "Check ") || !strings.HasSuffix(advice, ".") {
			t.Errorf("%q does not say what to check", advice)
		}
		for _, sentence := range strings.SplitAfter(advice, ". ") {
			if n := len(strings.Fields(sentence)); n > 20 {
				t.Errorf("%q has %d words: advice has one action in each sentence", sentence, n)
			}
		}
	}
}

func TestTableAndRulesMustMatch(t *testing.T) {
	table, err := readTable(filepath.Join(repository, "bulk/report.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != 18+len(others) {
		t.Errorf("%d rows", len(table))
	}
	for _, r := range table {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(string(r.code)) || r.when == "" || strings.Contains(r.when, "  ") {
			t.Errorf("a row is %+v", r)
		}
	}
	for name, change := range map[string]func([]row) []row{
		"without a row": func(rows []row) []row { return rows[1:] },
		"a new row":     func(rows []row) []row { return append(rows, row{"new", "warning", "always"}) },
		"no last row":   func(rows []row) []row { return rows[:len(rows)-1] },
		"a severity":    func(rows []row) []row { rows[0].severity = "critical"; return rows },
	} {
		changed := change(append([]row(nil), table...))
		if _, err := newAlerts(changed); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

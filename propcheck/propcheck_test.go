package propcheck

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

// The default is a fifth of the standard budget of 20,000, so that go test ./...
// stays short. Only with the standard budget must every corner be reached.
var sequences = flag.Int("propcheck.sequences", 4_000, "how many sequences of actions to run; the standard budget has 20000")

// slower is by how much the budget is cut.
var slower = 1

func TestMain(m *testing.M) {
	flag.Parse()
	// A failure prints all that is needed to run it again; a repository is no
	// place for it.
	_ = flag.Set("rapid.nofailfile", "true")
	os.Exit(m.Run())
}

// checks sets how many sequences each rapid.Check of this test makes.
func checks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	_ = f.Value.Set(strconv.Itoa(n))
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

func newBulkhead(label string, parallelism int, opts ...bulk.Option) (Subject, error) {
	return bulk.New(label, parallelism, opts...)
}

// The whole machine against the real thing, on all cores. The standard budget,
// and a longer one:
//
//	go test ./propcheck -v -propcheck.sequences 20000
//	go test ./propcheck -run AgainstModel -v -propcheck.sequences 1000000 -timeout 2h
func TestBulkheadAgainstModel(t *testing.T) {
	workers := runtime.GOMAXPROCS(0)
	parts := 2 * workers // half of them calm
	checks(t, (*sequences/slower+parts-1)/parts)
	var counts coverage
	t.Run("sequences", func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				check(t, newBulkhead, &counts)
			})
		}
	})
	counts.mustHave(t, 20_000, corners)
}

// mustHave fails the test if one of the corners was never reached in so many
// sequences. Less than that says nothing.
func (c *coverage) mustHave(t *testing.T, sequences int, corners []string) {
	t.Helper()
	t.Log(c.String())
	if c.sequences < sequences || testing.Short() {
		return
	}
	for _, corner := range c.missing(corners) {
		t.Errorf("never reached: %s", corner)
	}
}

// corners are what the standard budget must reach, each many times on average.
var corners = []string{
	"rule 1", "rule 2", "rule 3", "rule 4: Before", "rule 4: Reserve", "rule 5",
	"rule 6: no wait allowed", "rule 6: waiting room full", "rule 6: no time left to wait", "rule 7",

	"at arrival: saturated", "at arrival: expired", "at arrival: canceled", "at arrival: oversized", "at arrival: rejected_closed",
	"while waiting: expired", "while waiting: canceled", "while waiting: oversized", "while waiting: rejected_closed",

	"event queued", "event admitted", "event released", "event abandoned", "event saturated", "event expired", "event canceled",
	"event oversized", "event rejected_closed", "event closed", "event drained", "event resized",

	"exit: returned", "exit: returned an error", "exit: panicked", "exit: ended its goroutine", "exit: released",
	"exit: drained", "exit: gave up",

	"verb Run", "verb RunN", "verb Do", "verb Guard", "verb Guard1", "verb GuardDo",
	"verb Acquire", "verb AcquireN", "verb TryAcquire", "verb TryAcquireN",

	"handler calls: Close", "handler calls: SetCapacity", "handler calls: Status", "handler calls: TryAcquire, Release",
	"handler calls: remove", "handler panics",
	"handler ends its goroutine: arrival", "handler ends its goroutine: release", "handler ends its goroutine: cancel",
	"handler ends its goroutine: expiry", "handler ends its goroutine: resize", "handler ends its goroutine: close",
	"double release at once", "stale release", "a second hold sample", "a measured operation that waited", "misuse", "several worlds",
	"inside an operation", "operation inside an operation",

	"tie: expiry & release: expired", "tie: expiry & release: in flight",
	"tie: cancel & release: canceled", "tie: cancel & release: abandoned", "tie: cancel & release: in flight",
	"tie: deadline & release: canceled", "tie: deadline & release: abandoned", "tie: deadline & release: in flight",
	"tie: close & expiry: closed", "tie: close & expiry: expired",
	"tie: close & deadline: closed", "tie: close & deadline: canceled",
	"tie: close & release: closed", "tie: close & release: in flight",
	"tie: cancel & close: canceled", "tie: cancel & close: closed",
	"tie: cancel & resize: canceled", "tie: cancel & resize: abandoned", "tie: cancel & resize: in flight",
	"tie: expiry & resize: expired", "tie: expiry & resize: in flight",
	"tie: deadline & expiry: canceled", "tie: cancel & expiry: canceled", "tie: cancel & expiry: expired",
	"tie: arrival & release: in flight", "tie: arrival & release: waiting",
}

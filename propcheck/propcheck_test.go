package propcheck

import (
	"flag"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
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
	counts := newCounts()
	t.Run("sequences", func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				checkBulkhead(t, newBulkhead, counts.hit)
			})
		}
	})
	counts.mustReach(t, corners)
}

// counts counts how often each corner was reached.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func newCounts() *counts { return &counts{of: make(map[string]int)} }

func (c *counts) hit(corner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[corner]++
}

// mustReach fails the test if the standard budget never reached one of the
// corners. Less than that says nothing.
func (c *counts) mustReach(t *testing.T, corners []string) {
	t.Helper()
	for _, corner := range slices.Sorted(maps.Keys(c.of)) {
		t.Logf("%9d  %s", c.of[corner], corner)
	}
	if *sequences/slower < 20_000 || testing.Short() {
		return
	}
	for _, corner := range corners {
		if c.of[corner] == 0 {
			t.Errorf("never reached: %s", corner)
		}
	}
}

// corners are what the standard budget must reach, each many times on average.
var corners = []string{
	"a change: <nil>", "a change: bulk: bad configuration", "a change: bulk: closed", "a handler ends its goroutine: admitted", "a handler ends its goroutine: canceled",
	"a handler ends its goroutine: closed", "a handler ends its goroutine: expired", "a handler ends its goroutine: oversized",
	"a handler ends its goroutine: queued", "a handler ends its goroutine: rejected_closed", "a handler ends its goroutine: released",
	"a handler ends its goroutine: resized", "a handler ends its goroutine: saturated", "event abandoned, queued false",
	"event abandoned, queued true", "event admitted, queued false", "event admitted, queued true", "event canceled, queued false",
	"event canceled, queued true", "event closed, queued false", "event drained, queued false", "event expired, queued false",
	"event expired, queued true", "event oversized, queued false", "event oversized, queued true", "event queued, queued false",
	"event rejected_closed, queued false", "event rejected_closed, queued true", "event released, queued false", "event released, queued true",
	"event resized, queued false", "event saturated, queued false", "misuse", "over: fn panics", "over: fn returns", "over: fn returns an error",
	"over: rejected", "over: the goroutine ends", "over: told that all is drained", "over: told that not all is drained",
	"paused: event canceled, queued false", "paused: event canceled, queued true", "paused: event closed, queued false",
	"paused: event drained, queued false", "paused: event expired, queued false", "paused: event expired, queued true",
	"paused: event queued, queued false", "paused: event rejected_closed, queued false", "paused: event rejected_closed, queued true",
	"paused: event released, queued false", "paused: event released, queued true", "paused: event resized, queued false",
	"paused: event saturated, queued false", "rule 1: canceled, NoWait false, a bound passed false",
	"rule 1: canceled, NoWait false, a bound passed true", "rule 1: canceled, NoWait true, a bound passed false",
	"rule 1: canceled, NoWait true, a bound passed true", "rule 2: closed, NoWait false, a bound passed false",
	"rule 2: closed, NoWait false, a bound passed true", "rule 2: closed, NoWait true, a bound passed false",
	"rule 2: closed, NoWait true, a bound passed true", "rule 3: oversized, NoWait false, a bound passed false",
	"rule 3: oversized, NoWait false, a bound passed true", "rule 3: oversized, NoWait true, a bound passed false",
	"rule 3: oversized, NoWait true, a bound passed true", "rule 4: expired, NoWait false, a bound passed true",
	"rule 4: expired, NoWait true, a bound passed true", "rule 5: reason(0), NoWait false, a bound passed false",
	"rule 5: reason(0), NoWait true, a bound passed false", "rule 6: expired, NoWait false, a bound passed false",
	"rule 6: saturated, NoWait false, a bound passed false", "rule 6: saturated, NoWait true, a bound passed false",
	"rule 7: reason(0), NoWait false, a bound passed false", "several states", "tie: arrival & arrival: waiting",
	"tie: arrival & cancel: canceled", "tie: arrival & cancel: waiting", "tie: arrival & expiry: expired", "tie: arrival & release: in flight",
	"tie: arrival & release: waiting", "tie: arrival & resize: waiting", "tie: cancel & cancel: canceled", "tie: cancel & close: canceled",
	"tie: cancel & close: closed", "tie: cancel & expiry: canceled", "tie: cancel & expiry: expired", "tie: cancel & release: abandoned",
	"tie: cancel & release: canceled", "tie: cancel & release: in flight", "tie: cancel & release: waiting", "tie: cancel & resize: abandoned",
	"tie: cancel & resize: canceled", "tie: cancel & resize: in flight", "tie: cancel & resize: waiting", "tie: close & deadline: canceled",
	"tie: close & deadline: closed", "tie: close & expiry: closed", "tie: close & expiry: expired", "tie: close & release: closed",
	"tie: close & release: in flight", "tie: close & resize: closed", "tie: deadline & expiry: canceled", "tie: deadline & expiry: expired",
	"tie: deadline & release: abandoned", "tie: deadline & release: canceled", "tie: deadline & release: in flight",
	"tie: deadline & release: waiting", "tie: deadline & resize: canceled", "tie: deadline & resize: in flight", "tie: deadline & resize: waiting",
	"tie: expiry & expiry: expired", "tie: expiry & release: expired", "tie: expiry & release: in flight", "tie: expiry & resize: expired",
	"tie: release & resize: in flight", "tie: release & resize: waiting", "unlimited: event abandoned, queued false",
	"unlimited: event abandoned, queued true", "unlimited: event admitted, queued false", "unlimited: event admitted, queued true",
	"unlimited: event canceled, queued false", "unlimited: event canceled, queued true", "unlimited: event closed, queued false",
	"unlimited: event drained, queued false", "unlimited: event expired, queued false", "unlimited: event expired, queued true",
	"unlimited: event queued, queued false", "unlimited: event rejected_closed, queued false", "unlimited: event rejected_closed, queued true",
	"unlimited: event released, queued false", "unlimited: event released, queued true", "unlimited: event resized, queued false",
	"unlimited: event saturated, queued false", "verb Acquire", "verb AcquireN", "verb Do", "verb DoN", "verb Guard", "verb Guard1", "verb GuardDo",
	"verb GuardDo1", "verb Run", "verb RunN", "verb Shutdown", "verb TryAcquire", "verb TryAcquireN", "verb Wait",
}

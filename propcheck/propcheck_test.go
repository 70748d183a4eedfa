package propcheck

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/bulkheads"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
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
	var counts kit.Coverage
	t.Run("sequences", func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				bulkheads.Check(t, toBulkheads(newBulkhead), &counts)
			})
		}
	})
	mustReach(t, &counts, bulkheads.Corners)
}

// mustReach fails the test if the standard budget never reached one of the
// corners. Less than that says nothing.
func mustReach(t *testing.T, counts *kit.Coverage, corners []string) {
	t.Helper()
	t.Log("\n" + counts.String())
	if *sequences/slower < 20_000 || testing.Short() {
		return
	}
	for _, corner := range counts.Missing(corners) {
		t.Errorf("never reached: %s", corner)
	}
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

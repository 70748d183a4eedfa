package propcheck

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/internal/kit"
	"github.com/bulklink/bulklink-go/propcheck/internal/registries"
	"github.com/bulklink/bulklink-go/registry"
)

func newRegistry(defaults ...bulk.Option) (RegistrySubject, error) {
	return registry.New(defaults...), nil
}

// A registry itself against the model.
func TestRegistryAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	counts := newCounts()
	kit.Check(t, registries.New(newRegistry, counts.hit))
	counts.mustReach(t, registryCorners)
}

// registryCorners are what the standard budget must reach.
var registryCorners = []string{
	"Apply to a Keyed: key known false, not allowed for it false: []",
	"Apply to a Keyed: key known false, not allowed for it false: [bulk: bad configuration]",
	"Apply to a Keyed: key known true, not allowed for it false: []",
	"Apply to a Keyed: key known true, not allowed for it false: [bulk: bad configuration]",
	"Apply to a Keyed: key known true, not allowed for it false: [bulk: closed]",
	"Apply to a Keyed: key known true, not allowed for it true: [bulk: bad configuration]", "Apply, some are set false: []",
	"Apply, some are set false: [bulk: bad configuration]", "Apply, some are set false: [bulk: closed]",
	"Apply, some are set false: [registry: no such label]", "Apply, some are set true: []", "Apply, some are set true: [bulk: bad configuration]",
	"Apply, some are set true: [bulk: closed]", "Apply, some are set true: [registry: no such label]",
	"ApplyJSON to a Keyed: key known false, not allowed for it false: []", "ApplyJSON to a Keyed: key known true, not allowed for it false: []",
	"ApplyJSON to a Keyed: key known true, not allowed for it false: [bulk: bad configuration]",
	"ApplyJSON to a Keyed: key known true, not allowed for it false: [bulk: closed]",
	"ApplyJSON to a Keyed: key known true, not allowed for it true: [bulk: bad configuration]", "ApplyJSON, some are set false: []",
	"ApplyJSON, some are set false: [bulk: bad configuration]", "ApplyJSON, some are set false: [bulk: closed]",
	"ApplyJSON, some are set false: [registry: no such label]", "ApplyJSON, some are set true: []",
	"ApplyJSON, some are set true: [bulk: bad configuration]", "ApplyJSON, some are set true: [bulk: closed]",
	"ApplyJSON, some are set true: [registry: no such label]", "Close", "Close: while one is being made",
	"Create: known false, closed false, comes again false: <nil>", "Create: known false, closed false, comes again false: bulk: bad configuration",
	"Create: known false, closed false, comes again false: registry: closed", "Create: known false, closed false, comes again true: <nil>",
	"Create: known false, closed false, comes again true: bulk: bad configuration",
	"Create: known false, closed false, comes again true: registry: closed",
	"Create: known true, closed false, comes again false: registry: label is taken",
	"Create: known true, closed false, comes again true: registry: label is taken",
	"Create: known true, closed true, comes again false: registry: label is taken",
	"Create: known true, closed true, comes again true: registry: label is taken",
	"CreateKeyed: known false, closed false, comes again false: <nil>",
	"CreateKeyed: known false, closed false, comes again false: bulk: bad configuration",
	"CreateKeyed: known false, closed false, comes again false: registry: closed",
	"CreateKeyed: known false, closed false, comes again true: <nil>",
	"CreateKeyed: known false, closed false, comes again true: bulk: bad configuration",
	"CreateKeyed: known false, closed false, comes again true: registry: closed",
	"CreateKeyed: known true, closed false, comes again false: registry: label is taken",
	"CreateKeyed: known true, closed false, comes again true: registry: label is taken",
	"CreateKeyed: known true, closed true, comes again false: registry: label is taken",
	"CreateKeyed: known true, closed true, comes again true: registry: label is taken",
	"GetOrCreate: known false, closed false, comes again false: <nil>",
	"GetOrCreate: known false, closed false, comes again false: bulk: bad configuration",
	"GetOrCreate: known false, closed false, comes again false: registry: closed", "GetOrCreate: known false, closed false, comes again true: <nil>",
	"GetOrCreate: known false, closed false, comes again true: bulk: bad configuration",
	"GetOrCreate: known false, closed false, comes again true: registry: closed", "GetOrCreate: known true, closed false, comes again false: <nil>",
	"GetOrCreate: known true, closed false, comes again true: <nil>", "GetOrCreate: known true, closed true, comes again false: <nil>",
	"GetOrCreate: known true, closed true, comes again true: <nil>", "Remove: known false, in use false, again false, gives up false",
	"Remove: known true, in use false, again false, gives up false", "Remove: known true, in use true, again false, gives up false",
	"Remove: known true, in use true, again false, gives up true", "Remove: known true, in use true, again true, gives up false",
	"Remove: known true, in use true, again true, gives up true", "a slot: closed false, free -1", "a slot: closed false, free 0",
	"a slot: closed false, free 1", "a slot: closed true, free -1", "a slot: closed true, free 0", "a slot: closed true, free 1",
	"loop: one is removed", "release: last false, being removed false", "release: last false, being removed true",
	"release: last true, being removed false", "release: last true, being removed true",
	"several GetOrCreate: known false, closed false, comes again false: <nil>",
	"several GetOrCreate: known false, closed false, comes again false: bulk: bad configuration",
	"several GetOrCreate: known false, closed false, comes again false: registry: closed",
	"several GetOrCreate: known false, closed false, comes again true: <nil>",
	"several GetOrCreate: known false, closed false, comes again true: bulk: bad configuration",
	"several GetOrCreate: known false, closed false, comes again true: registry: closed",
	"several GetOrCreate: known true, closed false, comes again false: <nil>",
	"several GetOrCreate: known true, closed false, comes again true: <nil>",
	"several GetOrCreate: known true, closed true, comes again false: <nil>",
	"several GetOrCreate: known true, closed true, comes again true: <nil>",
}

// resizes gives a member that exists the parallelism that was asked for.
type resizes struct{ RegistrySubject }

func (o resizes) GetOrCreate(label string, parallelism int, opts ...bulk.Option) (*bulk.Bulkhead, error) {
	if b, ok := o.Get(label); ok {
		if b.Resize(parallelism) == nil {
			return b, nil
		}
	}
	return o.RegistrySubject.GetOrCreate(label, parallelism, opts...)
}

// TestPlantedRegistryBug fails: see TestPlantedRegistryBugIsCaught.
func TestPlantedRegistryBug(t *testing.T) {
	if os.Getenv(plantedEnv) != t.Name() {
		t.Skip("run by TestPlantedRegistryBugIsCaught")
	}
	TestRegistry(t, func(defaults ...bulk.Option) (RegistrySubject, error) {
		return resizes{registry.New(defaults...)}, nil
	})
}

func TestPlantedRegistryBugIsCaught(t *testing.T) {
	mustBeCaught(t, "TestPlantedRegistryBug", `GetOrCreate\(`, `by the contract`)
}

// mustBeCaught runs a test in a process of its own, and expects it to fail and to
// say what the patterns say.
func mustBeCaught(t *testing.T, test string, patterns ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-rapid.checks=2000", "-rapid.shrinktime=1s")
	cmd.Env = append(os.Environ(), plantedEnv+"="+test)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("not caught:\n%s", out)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).Match(out) {
			t.Errorf("the report does not say %s:\n%s", p, out)
		}
	}
}

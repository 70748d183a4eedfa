package propcheck

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func newRegistry(defaults ...bulk.Option) (RegistrySubject, error) {
	return registry.New(defaults...), nil
}

// A registry itself against the model.
func TestRegistryAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	var counts coverage
	rapid.Check(t, registryProperty(newRegistry, &counts))
	counts.mustHave(t, 2_000, registryCorners)
}

// registryCorners are what the standard budget must reach.
var registryCorners = []string{
	"Apply: all are closed", "Apply: bad values", "Apply: one is closed, another is set", "Apply: one is set",
	"Apply: several are set", "Apply: unknown labels", "Apply: unknown labels and bad values",
	"ApplyJSON: all are closed", "ApplyJSON: bad values", "ApplyJSON: one is closed, another is set", "ApplyJSON: one is set",
	"ApplyJSON: several are set", "ApplyJSON: unknown labels", "ApplyJSON: unknown labels and bad values",
	"Create: a label comes again", "Create: a new one", "Create: bad values", "Create: taken", "Create: the registry is closed",
	"GetOrCreate: a label comes again", "GetOrCreate: a new one", "GetOrCreate: bad values", "GetOrCreate: the registry is closed",
	"GetOrCreate: there is one", "GetOrCreate: there is one, closed",
	"Remove: after Close", "Remove: another one waits already", "Remove: at once", "Remove: gives up", "Remove: in use",
	"Remove: unknown",
	"Shutdown: drained", "Shutdown: no patience", "Shutdown: one holds", "Shutdown: several hold",
	"a slot: closed", "a slot: free", "a slot: full", "a slot: full, and more than full",
	"loop: one is created", "loop: one is removed",
	"race: a label comes again", "race: a new one", "race: the registry is closed", "race: there is one",
	"race: there is one, closed",
	"Close", "Close: while one is being made", "the last slot of one that is being removed",
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
	mustBeCaught(t, "TestPlantedRegistryBug", `GetOrCreate\(`, `by the model`)
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

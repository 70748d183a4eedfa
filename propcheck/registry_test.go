package propcheck

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func newRegistry(defaults ...bulk.Option) (RegistrySubject, error) {
	return registry.New(defaults...), nil
}

// The standard budget: a registry itself against the model.
func TestRegistryAgainstModel(t *testing.T) {
	checks(t, *sequences/slower/10)
	TestRegistry(t, newRegistry)
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

package registry_test

import (
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// Labels can be untrusted.
func TestErrorsEscapeAndTruncateLabels(t *testing.T) {
	long := "\n\u202e" + strings.Repeat("x", 1<<16)
	r := registry.New()
	mustCreate(t, r, long, 1)
	k, err := registry.NewKeyed[string](long, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, k, "a")
	_, duplicate := r.Create(long, 1)
	_, tooMany := k.Acquire(t.Context(), "b")
	for what, err := range map[string]error{
		"Create":    duplicate,
		"Remove":    r.Remove(t.Context(), long+"y"),
		"Apply":     r.Apply(map[string]bulk.Capacity{long: {Parallelism: -1}}),
		"ApplyJSON": r.ApplyJSON([]byte(`{"` + long[4:] + `":{},"` + long[4:] + `":{}}`)),
		"Acquire":   tooMany,
	} {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if len(line) > 400 || strings.Contains(line, "\u202e") || !strings.HasPrefix(line, "registry: ") {
				t.Errorf("%s: %.500s", what, line)
			}
		}
	}
}

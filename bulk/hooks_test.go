package bulk_test

import (
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// The hook of package registry runs once for each released Slot, after the events of
// the release. It does not run for Run.
func TestOnReleaseHookRunsOnceForEachReleasedSlot(t *testing.T) {
	var calls []string
	b := mustNew(t, 1,
		func(c *bulk.Config) error {
			hooks.OnRelease(c, func() { calls = append(calls, "hook") })
			return nil
		},
		bulk.OnEvent(func(e bulk.Event) { calls = append(calls, e.Kind.String()) }))
	s, _ := b.TryAcquire()
	s.Release()
	s.Release()
	if _, err := bulk.Run(t.Context(), b, one); err != nil {
		t.Fatal(err)
	}
	b.Close()
	want := []string{"admitted", "released", "hook", "admitted", "released", "closed", "drained"}
	if len(calls) != len(want) {
		t.Fatalf("calls %v, want %v", calls, want)
	}
	for i := range want {
		if calls[i] != want[i] {
			t.Fatalf("calls %v, want %v", calls, want)
		}
	}
}

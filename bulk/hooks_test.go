package bulk_test

import (
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/hooks"
)

// What package registry is told: each slot that is released, once, after the
// events of its release; and nothing of Run.
func TestOnReleaseHookRunsOnceForEachReleasedSlot(t *testing.T) {
	var told []string
	b := mustNew(t, 1,
		func(c *bulk.Config) error {
			hooks.OnRelease(c, func() { told = append(told, "told") })
			return nil
		},
		bulk.OnEvent(func(e bulk.Event) { told = append(told, e.Kind.String()) }))
	s, _ := b.TryAcquire()
	s.Release()
	s.Release()
	if _, err := bulk.Run(t.Context(), b, one); err != nil {
		t.Fatal(err)
	}
	b.Close()
	want := []string{"admitted", "released", "told", "admitted", "released", "closed", "drained"}
	if len(told) != len(want) {
		t.Fatalf("told %v, want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Fatalf("told %v, want %v", told, want)
		}
	}
}

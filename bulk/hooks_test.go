package bulk_test

import (
	"io"
	"testing"
	"time"

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

// What package sizing counts is what a bulkhead would count.
func TestHistogramHookCountsWaits(t *testing.T) {
	count, snapshot := hooks.Histogram[bulk.Waits]()
	empty := snapshot()
	count(5)
	once := snapshot()
	count(5)
	count(time.Hour)
	twice := snapshot()
	if empty != (bulk.Waits{}) || once.Count() != 1 || once.Quantile(1) != 5 || twice.Count() != 3 || twice.Quantile(1) < time.Hour {
		t.Errorf("%d, %d and %d waits, the longest of %v and %v", empty.Count(), once.Count(), twice.Count(), once.Quantile(1), twice.Quantile(1))
	}
}

// What package bulkhttp asks: the error of a request that was sent while it held a slot.
func TestRanHookSaysNothingOfAnOperationThatWasNotStarted(t *testing.T) {
	b := mustNew(t, 1)
	s, _ := b.TryAcquire()
	_, rejected := b.Acquire(t.Context())
	if err := hooks.Ran(t.Context(), s, io.EOF); err != io.EOF {
		t.Errorf("another error becomes %v", err)
	}
	s.Release()
	mustHaveRun(t, hooks.Ran(t.Context(), s, rejected), b)
}

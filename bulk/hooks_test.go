package bulk_test

import (
	"fmt"
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

// What package adaptive is told: nothing but operations that are rejected as oversized at
// their arrival, after their event and without the lock.
func TestOnOversizedHookHasTheSlotsOfEachOversizedArrival(t *testing.T) {
	var calls []string
	b := mustNew(t, 2, bulk.OnEvent(func(e bulk.Event) { calls = append(calls, e.Kind.String()) }))
	hooks.OnOversized(b, func(slots int) { calls = append(calls, fmt.Sprint(slots, b.Capacity().Parallelism)) })
	for _, n := range []int{2, 3, 1, 4} {
		b.TryAcquireN(n)
	}
	if err := b.Resize(0); err != nil { // a paused bulkhead rejects no size
		t.Fatal(err)
	}
	b.TryAcquireN(3)
	if err := b.Resize(2); err != nil {
		t.Fatal(err)
	}
	hooks.OnOversized(b, nil)
	b.TryAcquireN(3)
	want := "[admitted oversized 3 2 saturated oversized 4 2 resized saturated resized oversized]"
	if got := fmt.Sprint(calls); got != want {
		t.Errorf("calls %s\nwant  %s", got, want)
	}
}

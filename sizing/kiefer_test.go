package sizing

import (
	"slices"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

// The recursion as Kiefer and Wolfowitz wrote it: w has for each slot, in ascending order,
// how much work is left for it at an arrival.
func kieferWolfowitz(arrivals, holds []time.Duration, slots int) (waits []time.Duration) {
	w := make([]time.Duration, slots)
	previous := time.Duration(0)
	for n, at := range arrivals {
		for i := range w {
			w[i] = max(0, w[i]-(at-previous))
		}
		slices.Sort(w)
		waits = append(waits, w[0])
		w[0] += holds[n]
		previous = at
	}
	return waits
}

func TestReplayIsTheRecursionOfKieferAndWolfowitz(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 6).Draw(t, "slots")
		durations := rapid.SliceOfN(rapid.Int64Range(0, 20), 0, 60)
		trace, at := Trace{Start: start}, time.Duration(0)
		var arrivals, holds []time.Duration
		for _, d := range durations.Draw(t, "gaps and holds") {
			at += time.Duration(d % 4)
			arrivals, holds = append(arrivals, at), append(holds, time.Duration(d))
			trace.Operations = append(trace.Operations, Operation{Arrived: at, Slots: 1, Hold: time.Duration(d), Outcome: Finished})
		}
		trace.End = start.Add(time.Hour)
		got, err := trace.Replay(bulk.Capacity{Parallelism: slots, WaitingRoom: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var sum, longest time.Duration
		waited := map[time.Duration]uint64{}
		for _, wait := range kieferWolfowitz(arrivals, holds, slots) {
			sum, longest = sum+wait, max(longest, wait)
			waited[wait]++
		}
		for bound, n := range got.Totals.Waits.Buckets() {
			if bound < 16 && waited[bound] != n && bound > 0 { // an operation without a wait was not queued
				t.Fatalf("%d waits of %v, want %d", n, bound, waited[bound])
			}
		}
		if got.Totals.Wait != sum || got.Totals.LongestWait != longest || got.Totals.Finished != uint64(len(arrivals)) {
			t.Fatalf("waits %v, longest %v, want %v, %v", got.Totals.Wait, got.Totals.LongestWait, sum, longest)
		}
	})
}

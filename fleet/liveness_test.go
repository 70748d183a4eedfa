package fleet

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// calm is a fleet without faults: members that differ in load, clocks and phase, and a
// store that answers after at most 50 ms.
func calm(t *rapid.T, w *world, members, most int) []*process {
	w.network.delay = 50 * time.Millisecond
	if err := Create(t.Context(), engineOf(w), "budget"); err != nil {
		t.Fatal(err)
	}
	var procs []*process
	for i := range members {
		hold := time.Duration(rapid.IntRange(100, 400).Draw(t, "hold")) * time.Millisecond
		procs = append(procs, w.start(t.Context(), fmt.Sprintf("p%02d", i), most, hold, 1))
		time.Sleep(w.upTo(w.refresh / time.Duration(members)))
	}
	return procs
}

// TestNothingIsIdleForTwoRefreshesWhileAnOperationWaits moves the load of a fleet, waits
// for two refreshes, and looks for slots that are idle although operations wait. A
// member may keep its headroom and its minimum.
func TestNothingIsIdleForTwoRefreshesWhileAnOperationWaits(t *testing.T) {
	check(t, 25, func(t *rapid.T) {
		members := rapid.IntRange(1, 8).Draw(t, "members")
		total := rapid.IntRange(members, 40).Draw(t, "total")
		w := newWorld(total, rapid.Uint64().Draw(t, "seed"))
		defer w.end()
		procs := calm(t, w, members, 50)
		time.Sleep(2*w.refresh + time.Second)
		for range rapid.IntRange(1, 4).Draw(t, "moves") {
			for _, p := range procs {
				p.load(rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 50)).Draw(t, "load"))
				w.tell("%s has load %d", p.name, p.want.Load())
			}
			time.Sleep(2*w.refresh + time.Second) // operations end, and the store answers
			for range 8 {
				if problem := idle(w, procs, 1); problem != "" {
					t.Fatalf("after %v: %s\n%s\n%s", time.Since(w.began), problem, w.engine.record, w.story)
				}
				time.Sleep(w.upTo(w.refresh))
			}
		}
		if text := w.result(); text != "" {
			t.Fatal(text)
		}
	})
}

// idle says which slots are idle while operations wait, or returns an empty text. A
// member may keep the minimum and twice its headroom.
func idle(w *world, procs []*process, minimum int) string {
	inUse, waiting, allowance := 0, 0, 0
	for _, p := range procs {
		s := p.bulkhead.Status()
		inUse += s.InUse
		if s.Waiting > 0 {
			waiting += s.Waiting
			continue
		}
		allowance += max(minimum, 2*headroom(int(p.want.Load())))
	}
	if waiting > 0 && inUse+allowance < w.budget {
		return fmt.Sprintf("%d operations wait, but only %d of %d slots are in use", waiting, inUse, w.budget)
	}
	return ""
}

// TestMembersTakeTurnsIfThereAreFewerSlotsThanMembers: with operations that end within a
// quarter of a refresh, every member gets a slot again and again, and the slots are used
// most of the time.
func TestMembersTakeTurnsIfThereAreFewerSlotsThanMembers(t *testing.T) {
	check(t, 15, func(t *rapid.T) {
		members := rapid.IntRange(2, 10).Draw(t, "members")
		total := rapid.IntRange(1, members-1).Draw(t, "total")
		w := newWorld(total, rapid.Uint64().Draw(t, "seed"))
		defer w.end()
		procs := calm(t, w, members, 2)
		for _, p := range procs {
			p.load(2)
		}
		round := time.Duration(members/total+2) * 3 * w.refresh // every turn is three refreshes at most
		time.Sleep(round)
		for range 3 {
			before := make([]uint64, members)
			for i, p := range procs {
				before[i] = p.bulkhead.Status().Totals.Finished
			}
			busy, samples := 0, 200
			for range samples {
				for _, p := range procs {
					busy += p.bulkhead.Status().InUse
				}
				time.Sleep(round / time.Duration(samples))
			}
			for i, p := range procs {
				if p.bulkhead.Status().Totals.Finished == before[i] {
					t.Fatalf("%s had no slot for %v\n%s", p.name, round, w.engine.record)
				}
			}
			if share := float64(busy) / float64(samples*total); share < 0.7 {
				t.Fatalf("%.2f of the slots were in use\n%s", share, w.engine.record)
			}
		}
		if text := w.result(); text != "" {
			t.Fatal(text)
		}
	})
}

// TestEachRefreshIsOneWrite: without faults the store sees at most one write of a member
// in 0.9 refreshes, apart from the second one, which comes early, and conflicts are rare.
func TestEachRefreshIsOneWrite(t *testing.T) {
	check(t, 10, func(t *rapid.T) {
		members := rapid.IntRange(1, 20).Draw(t, "members")
		w := newWorld(rapid.IntRange(1, 60).Draw(t, "total"), rapid.Uint64().Draw(t, "seed"))
		w.engine.times = make(map[string][]time.Time)
		defer w.end()
		procs := calm(t, w, members, 20)
		for range 5 {
			for _, p := range procs {
				p.load(rapid.IntRange(0, 20).Draw(t, "load"))
			}
			time.Sleep(3 * w.refresh)
		}
		w.engine.mu.Lock()
		defer w.engine.mu.Unlock()
		writes := 0
		for name, times := range w.engine.times {
			writes += len(times)
			for i := 2; i < len(times); i++ {
				if d := times[i].Sub(times[i-1]); d < w.refresh*85/100 { // the delays of two requests differ
					t.Errorf("%s wrote after %v, want a refresh of %v", name, d, w.refresh)
				}
			}
		}
		t.Logf("%d members: %d writes, %d conflicts", members, writes, w.engine.refused)
		if w.engine.refused > writes/2+members {
			t.Errorf("%d writes, %d conflicts", writes, w.engine.refused)
		}
	})
}

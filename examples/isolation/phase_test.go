package main

import (
	"context"
	"testing"
	"time"
)

func TestEveryRequestIsAccountedForExactlyOnce(t *testing.T) {
	t.Parallel()
	for name, isolated := range map[string]bool{"without bulkheads": false, "with bulkheads": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config{duration: 500 * time.Millisecond, rate: 1000, seed: 7, patience: time.Second}
			ph, err := runPhase(t.Context(), cfg, isolated, loopback, progress{})
			if err != nil {
				t.Fatal(err)
			}
			var due [targets]int
			for a := range schedule(cfg) {
				due[a.target]++
			}
			for i, tl := range ph.tallies {
				if tl.sent != due[i] {
					t.Errorf("%s: %v: %d sent, the schedule has %d", ph.name(), target(i), tl.sent, due[i])
				}
				verifyTally(t, ph, target(i))
			}
			if !isolated && len(ph.statuses) > 0 {
				t.Errorf("%s: there are bulkheads: %v", ph.name(), ph.statuses)
			}
			if isolated {
				verifyStatuses(t, ph)
			}
		})
	}
}

// Time can't run out in this test, so each call ends with the answer, and the
// server's count is exact.
func TestNoMoreCallsAreInsideTheServersThanThereAreSlots(t *testing.T) {
	t.Parallel()
	cfg := config{duration: 500 * time.Millisecond, rate: 2000, seed: 1, patience: time.Hour}
	ph, err := runPhase(t.Context(), cfg, true, loopback, progress{})
	if err != nil {
		t.Fatal(err)
	}
	verifyStatuses(t, ph)
	for i, s := range ph.statuses {
		if ph.tallies[i].timedOut+ph.tallies[i].failed > 0 {
			t.Fatalf("%v: calls ended without an answer: %+v", target(i), ph.tallies[i])
		}
		if ph.mostInside[i] < 1 || ph.mostInside[i] > s.Capacity.Parallelism {
			t.Errorf("%v: %d calls inside the server at once, parallelism %d", target(i), ph.mostInside[i], s.Capacity.Parallelism)
		}
	}
	if ph.tallies[slow].saturated == 0 {
		t.Error("the slow dependency was never saturated: this test tests nothing")
	}
}

func TestInterruptedPhaseServesThoseWhoHaveArrived(t *testing.T) {
	for _, isolated := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ports := &portsInUse{cancelAt: 1, cancel: cancel}
		cfg := config{duration: time.Hour, rate: 1000, seed: 1, patience: time.Second}
		ph, err := runPhase(ctx, cfg, isolated, ports.listen, progress{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range ph.tallies {
			verifyTally(t, ph, target(i))
		}
		if ph.tallies[fast].sent == 0 {
			t.Errorf("%s: nothing was sent before the interruption", ph.name())
		}
		if isolated {
			verifyStatuses(t, ph)
		}
	}
}

func verifyTally(t *testing.T, ph phase, tg target) {
	t.Helper()
	tl := ph.tallies[tg]
	if tl.sent != tl.settled() {
		t.Errorf("%s: %v: %d sent, %d settled: %+v", ph.name(), tg, tl.sent, tl.settled(), tl)
	}
	if len(tl.latencies) != tl.succeeded {
		t.Errorf("%s: %v: %d latencies of %d successes", ph.name(), tg, len(tl.latencies), tl.succeeded)
	}
	if tl.failed > 0 {
		t.Errorf("%s: %v: %d failed, but a healthy server can only be too slow", ph.name(), tg, tl.failed)
	}
	if away := tl.saturated + tl.expired + tl.canceled; !ph.isolated && away > 0 {
		t.Errorf("%s: %v: %d turned away, by whom?", ph.name(), tg, away)
	}
}

// verifyStatuses checks what holds for every Status, that nothing is left in
// the bulkheads, and that they and the program agree.
func verifyStatuses(t *testing.T, ph phase) {
	t.Helper()
	if len(ph.statuses) != targets {
		t.Fatalf("%d statuses, want %d", len(ph.statuses), targets)
	}
	for i, s := range ph.statuses {
		tt, tl := s.Totals, ph.tallies[i]
		if s.Label != target(i).String() {
			t.Errorf("status %d is that of %q", i, s.Label)
		}
		if s.InFlight != 0 || s.InUse != 0 || s.Waiting != 0 || !s.Drained() {
			t.Errorf("%s: not empty: %+v", s.Label, s)
		}
		if s.Peak.InFlight > s.Capacity.Parallelism || s.Peak.InUse > s.Capacity.Parallelism || s.Peak.Waiting > s.Capacity.WaitingRoom {
			t.Errorf("%s: peak %+v is above the capacity %+v", s.Label, s.Peak, s.Capacity)
		}
		for _, eq := range []struct {
			what      string
			got, want uint64
		}{
			{"Admitted", tt.Admitted, tt.Finished + tt.Abandoned + uint64(s.InFlight)},
			{"Queued", tt.Queued, tt.AdmittedFromQueue + tt.Expired + tt.Canceled + tt.Closed + tt.Oversized + uint64(s.Waiting)},
			{"Arrivals", tt.Arrivals(), tt.Admitted - tt.AdmittedFromQueue + tt.Queued + tt.Saturated +
				tt.ExpiredAtArrival + tt.CanceledAtArrival + tt.ClosedAtArrival + tt.OversizedAtArrival},
			{"Waits", tt.Waits.Count(), tt.AdmittedFromQueue},
			{"closed and oversized", tt.Closed + tt.ClosedAtArrival + tt.Oversized + tt.OversizedAtArrival, 0},
			{"the program: arrivals", uint64(tl.sent - tl.shed), tt.Arrivals()},
			{"the program: started", uint64(tl.succeeded + tl.timedOut + tl.failed), tt.Finished},
			{"the program: saturated", uint64(tl.saturated), tt.Saturated},
			{"the program: expired", uint64(tl.expired), tt.Expired + tt.ExpiredAtArrival},
			{"the program: canceled", uint64(tl.canceled), tt.Canceled + tt.CanceledAtArrival + tt.Abandoned},
		} {
			if eq.got != eq.want {
				t.Errorf("%s: %s: %d, want %d, in %+v and %+v", s.Label, eq.what, eq.got, eq.want, tt, tl)
			}
		}
	}
}

package main

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
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
				t.Errorf("%s: unexpected bulkheads: %v", ph.name(), ph.statuses)
			}
			if isolated {
				verifyStatuses(t, ph)
			}
		})
	}
}

// The patience is so long that each call ends with an answer, so the count of the
// server is exact.
func TestConcurrentCallsInAServerNeverExceedItsSlots(t *testing.T) {
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
			t.Errorf("%v: %d concurrent calls in the server, parallelism %d", target(i), ph.mostInside[i], s.Capacity.Parallelism)
		}
	}
	if ph.tallies[slow].saturated == 0 {
		t.Error("the slow bulkhead never saturated, so the test checks nothing")
	}
}

func TestInterruptedPhaseServesTheRequestsThatHaveArrived(t *testing.T) {
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
	if tl.sent != tl.ended() {
		t.Errorf("%s: %v: %d sent, %d ended: %+v", ph.name(), tg, tl.sent, tl.ended(), tl)
	}
	if len(tl.latencies) != tl.succeeded {
		t.Errorf("%s: %v: %d latencies of %d successes", ph.name(), tg, len(tl.latencies), tl.succeeded)
	}
	if tl.failed > 0 {
		t.Errorf("%s: %v: %d failed, want 0: a healthy server can only be too slow", ph.name(), tg, tl.failed)
	}
	if rejected := tl.saturated + tl.expired + tl.canceled; !ph.isolated && rejected > 0 {
		t.Errorf("%s: %v: %d rejected without bulkheads", ph.name(), tg, rejected)
	}
}

// verifyStatuses checks the equations that hold for every Status, that the
// bulkheads are empty, and that their counts agree with those of the program.
func verifyStatuses(t *testing.T, ph phase) {
	t.Helper()
	if len(ph.statuses) != targets {
		t.Fatalf("%d statuses, want %d", len(ph.statuses), targets)
	}
	for i, s := range ph.statuses {
		tt, tl := s.Totals, ph.tallies[i]
		if s.Label != target(i).String() {
			t.Errorf("status %d has the label %q", i, s.Label)
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

func TestScheduleDependsOnItsConfigAlone(t *testing.T) {
	cfg := config{duration: 10 * time.Second, rate: 1000, seed: 3}
	first := slices.Collect(schedule(cfg))
	if !slices.Equal(first, slices.Collect(schedule(cfg))) {
		t.Error("two schedules of the same config differ")
	}
	other := cfg
	other.seed = 4
	if slices.Equal(first, slices.Collect(schedule(other))) {
		t.Error("another seed has the same schedule")
	}
}

func TestScheduleKeepsToRateDurationAndShare(t *testing.T) {
	cfg := config{duration: 100 * time.Second, rate: 1000, seed: 1}
	var n, toSlow int
	var last time.Duration
	for a := range schedule(cfg) {
		if a.after < last || a.after >= cfg.duration {
			t.Fatalf("arrival at %v after one at %v, in a phase of %v", a.after, last, cfg.duration)
		}
		last = a.after
		n++
		if a.target == slow {
			toSlow++
		}
	}
	// Ten standard deviations, and the seed is fixed.
	if want := 100_000.0; math.Abs(float64(n)-want) > 10*math.Sqrt(want) {
		t.Errorf("%d arrivals, want about %.0f", n, want)
	}
	if share := float64(toSlow) / float64(n); math.Abs(share-slowShare) > 0.015 {
		t.Errorf("a share of %.3f to the slow dependency, want about %.3f", share, slowShare)
	}
}

func TestOfferPassesOnEachArrivalWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config{duration: time.Hour, rate: 1, seed: 1}
		start := time.Now()
		want := slices.Collect(schedule(cfg))
		var got []arrival
		offer(t.Context(), cfg, func(r request) {
			if !r.arrived.Equal(time.Now()) {
				t.Fatalf("due %v, passed on %v", r.arrived.Sub(start), time.Since(start))
			}
			got = append(got, arrival{after: time.Since(start), target: r.target})
		})
		if !slices.Equal(got, want) {
			t.Errorf("got %d arrivals that differ from the %d of the schedule", len(got), len(want))
		}
		if d := time.Since(start); d != cfg.duration {
			t.Errorf("the phase took %v, want %v", d, cfg.duration)
		}
	})
}

func TestLateArrivalsKeepTheirDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config{duration: time.Minute, rate: 10, seed: 1}
		start := time.Now()
		var got []time.Duration
		offer(t.Context(), cfg, func(r request) {
			if len(got) == 0 {
				time.Sleep(30 * time.Second) // as on a busy machine
			}
			got = append(got, r.arrived.Sub(start))
		})
		var want []time.Duration
		for a := range schedule(cfg) {
			want = append(want, a.after)
		}
		if !slices.Equal(got, want) {
			t.Error("a late arrival delayed the due times of later ones")
		}
		if d := time.Since(start); d != cfg.duration {
			t.Errorf("the phase took %v, want %v", d, cfg.duration)
		}
	})
}

func TestOfferEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config{duration: time.Hour, rate: 10, seed: 1}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		offer(ctx, cfg, func(request) {})
		if d := time.Since(start); d != time.Minute {
			t.Errorf("offer returned after %v, want one minute", d)
		}
		offer(ctx, cfg, func(request) { t.Fatal("sent after ctx ended") })
	})
}

package main

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestScheduleIsMadeOfItsConfigAlone(t *testing.T) {
	cfg := config{duration: 10 * time.Second, rate: 1000, seed: 3}
	first := slices.Collect(schedule(cfg))
	if !slices.Equal(first, slices.Collect(schedule(cfg))) {
		t.Error("the same config has two schedules")
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
			t.Fatalf("arrival at %v, after one at %v, of %v", a.after, last, cfg.duration)
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
		t.Errorf("%.3f of them to the slow one, want about %.3f", share, slowShare)
	}
}

func TestOfferHandsOverEachArrivalWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config{duration: time.Hour, rate: 1, seed: 1}
		start := time.Now()
		want := slices.Collect(schedule(cfg))
		var got []arrival
		offer(t.Context(), cfg, func(r request) {
			if !r.arrived.Equal(time.Now()) {
				t.Fatalf("due %v, handed over %v", r.arrived.Sub(start), time.Since(start))
			}
			got = append(got, arrival{after: time.Since(start), target: r.target})
		})
		if !slices.Equal(got, want) {
			t.Errorf("%d arrivals are not the %d of the schedule", len(got), len(want))
		}
		if d := time.Since(start); d != cfg.duration {
			t.Errorf("the phase took %v, want %v", d, cfg.duration)
		}
	})
}

func TestLateArrivalsKeepTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config{duration: time.Minute, rate: 10, seed: 1}
		start := time.Now()
		var got []time.Duration
		offer(t.Context(), cfg, func(r request) {
			if len(got) == 0 {
				time.Sleep(30 * time.Second) // the machine is busy
			}
			got = append(got, r.arrived.Sub(start))
		})
		var want []time.Duration
		for a := range schedule(cfg) {
			want = append(want, a.after)
		}
		if !slices.Equal(got, want) {
			t.Error("a late arrival moved those after it")
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
			t.Errorf("it went on for %v, want one minute", d)
		}
		offer(ctx, cfg, func(request) { t.Fatal("sent after the end") })
	})
}

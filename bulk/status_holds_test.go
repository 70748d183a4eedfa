package bulk_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestSampledAdmissionsFollowTheDocumentedRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		want := uint64(0)
		for n := range uint64(64 * 1000) {
			slot, _ := b.TryAcquire()
			slot.Release()
			if sampled(n) {
				want++
			}
			if got := b.Status().Totals.Holds.Samples; got != want {
				t.Fatalf("after %d admissions: %d samples, want %d", n+1, got, want)
			}
		}
		if want != 1000 {
			t.Errorf("%d samples of 1000 blocks of 64", want)
		}
	})
}

// The periods go up to four times the distance of the samples. Random sampling of
// one in 64 would need the same limits: the estimate of a rare slow call rests on
// few samples.
func TestSamplingFavorsNoPeriodAndPhaseOfTheWork(t *testing.T) {
	rhythms := []struct {
		name  string
		hold  func(i, period int) float64 // of the i-th call of a period
		after map[uint64]float64          // how far off the mean may be after a number of operations
	}{
		{"slow and fast alternately", func(i, _ int) float64 { return slowIf(i%2 == 0) }, map[uint64]float64{60_000: 0.15, 1_000_000: 0.05}},
		{"half slow, then half fast", func(i, period int) float64 { return slowIf(2*i < period) }, map[uint64]float64{60_000: 0.15, 1_000_000: 0.05}},
		{"rising slowly", func(i, period int) float64 { return 0.5 + float64(i)/float64(period) }, map[uint64]float64{60_000: 0.05, 1_000_000: 0.02}},
		{"one slow in each period", func(i, _ int) float64 { return slowIf(i == 0) }, map[uint64]float64{60_000: 0.25, 1_000_000: 0.05}},
	}
	for _, operations := range []uint64{60_000, 1_000_000} {
		var samples []uint64
		for n := range operations {
			if sampled(n) {
				samples = append(samples, n)
			}
		}
		for period := 1; period <= 256; period++ {
			hits := make([]float64, 2*period) // of each phase, twice
			for _, n := range samples {
				phase := n % uint64(period)
				hits[phase]++
				hits[phase+uint64(period)]++
			}
			for _, r := range rhythms {
				mean := 0.0
				holds := make([]float64, period)
				for i := range holds {
					holds[i] = r.hold(i, period)
					mean += holds[i] / float64(period)
				}
				for phase := range period {
					measured := 0.0
					for i, hold := range holds {
						measured += hold * hits[phase+i] / float64(len(samples))
					}
					if off := math.Abs(measured/mean - 1); off > r.after[operations] {
						t.Errorf("%s, period %d, phase %d, %d operations: %.1f %% off", r.name, period, phase, operations, 100*off)
					}
				}
			}
		}
	}
}

// slowIf returns how long a call takes: 20 if it is slow, 1 if it is fast.
func slowIf(slow bool) float64 {
	if slow {
		return 20
	}
	return 1
}

// One worker is always in flight, so the load is 1, in whatever order its calls are
// slow and fast.
func TestOfferedLoadOfPeriodicWorkIsCorrect(t *testing.T) {
	const operations = 60_000
	call := func(_ context.Context, slow bool) (struct{}, error) {
		time.Sleep(time.Duration(slowIf(slow)) * time.Millisecond)
		return struct{}{}, nil
	}
	for _, c := range []struct {
		name string
		slow func(i int) bool
	}{
		{"slow, fast", func(i int) bool { return i%2 == 0 }},
		{"fast, slow", func(i int) bool { return i%2 == 1 }},
		{"slow and three fast", func(i int) bool { return i%4 == 0 }},
		{"seven fast and a slow one", func(i int) bool { return i%8 == 7 }},
		{"a slow one at the head of each 64", func(i int) bool { return i%64 == 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, 2)
				start := b.Status()
				guarded := bulk.Guard1(b, call)
				for i := range operations {
					if _, err := guarded(t.Context(), c.slow(i)); err != nil {
						t.Fatal(err)
					}
				}
				i, err := b.Status().Since(start)
				if err != nil {
					t.Fatal(err)
				}
				if load := i.OfferedLoad(); math.Abs(load-1) > 0.25 || !i.Report().Healthy() {
					t.Errorf("offered load %.2f, want 1:\n%v", load, i.Report())
				}
			})
		})
	}
}

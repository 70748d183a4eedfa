package bulk_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// The formulas against the real bulkhead, in virtual time: random arrivals,
// exponential holds. The share of each of several batches is one sample of the
// chance; their mean must be within four of its standard errors, and one part in
// a thousand. Seeds are fixed: what passes once passes always.
func TestErlangAgainstTheBulkhead(t *testing.T) {
	if testing.Short() {
		t.Skip("many thousands of operations")
	}
	const batches, perBatch = 24, 700
	for i, c := range []struct {
		slots int
		load  float64
		room  bool
	}{
		{1, 0.5, false}, {2, 2, false}, {5, 3, false}, {5, 8, false}, {10, 5, false}, {10, 10, false}, {20, 22, false},
		{1, 0.5, true}, {2, 1, true}, {2, 1.4, true}, {5, 3, true}, {10, 5, true}, {10, 8, true}, {20, 15, true},
	} {
		t.Run(fmt.Sprintf("%d slots, load %v, room %t", c.slots, c.load, c.room), func(t *testing.T) {
			chance := bulk.ErlangB(c.slots, c.load)
			var opts []bulk.Option
			if c.room {
				chance = bulk.ErlangC(c.slots, c.load)
				opts = append(opts, bulk.WaitingRoom(math.MaxInt))
			}
			var shares []float64
			var load float64
			synctest.Test(t, func(t *testing.T) {
				b := mustNew(t, c.slots, opts...)
				r := rand.New(rand.NewPCG(uint64(i), 17))
				offer(b, r, c.load, perBatch) // until it has settled
				first := b.Status()
				for range batches {
					start := b.Status()
					offer(b, r, c.load, perBatch)
					n := mustSince(t, b.Status(), start).Totals
					shares = append(shares, float64(n.Queued+n.Saturated)/float64(n.Arrivals()))
				}
				whole := mustSince(t, b.Status(), first)
				load = whole.OfferedLoad()
				time.Sleep(time.Hour) // all are over
			})
			mean, deviation := spread(shares)
			if tolerance := 4*deviation/math.Sqrt(batches) + 0.001; math.Abs(mean-chance) > tolerance {
				t.Errorf("the bulkhead says %.4f, the formula %.4f: more than %.4f apart", mean, chance, tolerance)
			}
			// Holds are sampled 1 in 64: the load is off by what so few
			// exponential ones are off.
			samples := float64(batches*perBatch) / 64
			if tolerance := 4 * c.load / math.Sqrt(samples) * 1.2; math.Abs(load-c.load) > tolerance {
				t.Errorf("the offered load is measured as %.2f, want %.2f ± %.2f", load, c.load, tolerance)
			}
		})
	}
}

// offer sends n operations to b at random instants, each of which holds its
// slot for an exponential time of one second on average.
func offer(b *bulk.Bulkhead, r *rand.Rand, load float64, n int) {
	for range n {
		time.Sleep(time.Duration(r.ExpFloat64() / load * float64(time.Second)))
		hold := time.Duration(r.ExpFloat64() * float64(time.Second))
		go func() {
			_ = bulk.Do(context.Background(), b, func(context.Context) error {
				time.Sleep(hold)
				return nil
			})
		}()
	}
}

func spread(xs []float64) (mean, deviation float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		deviation += (x - mean) * (x - mean) / float64(len(xs)-1)
	}
	return mean, math.Sqrt(deviation)
}

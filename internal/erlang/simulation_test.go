package erlang_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/erlang"
)

// The formulas are compared with a real bulkhead in virtual time: random
// arrivals, exponential times in flight. The share of each of several batches is
// one sample of the probability. Their mean must be within four of its standard
// errors plus one part in a thousand. The seeds are fixed: a test that passes
// once passes always.
func TestFormulasPredictWhatABulkheadDoes(t *testing.T) {
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
			want := at(c.slots, erlang.B(c.load))
			var opts []bulk.Option
			if c.room {
				want = at(c.slots, erlang.C(c.load))
				opts = append(opts, bulk.WaitingRoom(math.MaxInt))
			}
			var shares []float64
			var load float64
			synctest.Test(t, func(t *testing.T) {
				b := bulk.Must(bulk.New("test", c.slots, opts...))
				r := rand.New(rand.NewPCG(uint64(i), 17))
				offer(b, r, c.load, perBatch) // until the queue is in equilibrium
				first := b.Status()
				for range batches {
					start := b.Status()
					offer(b, r, c.load, perBatch)
					n := since(t, b, start).Totals
					shares = append(shares, float64(n.Queued+n.Saturated)/float64(n.Arrivals()))
				}
				load = since(t, b, first).OfferedLoad()
				time.Sleep(time.Hour) // until every operation has finished
			})
			mean, deviation := spread(shares)
			if tolerance := 4*deviation/math.Sqrt(batches) + 0.001; math.Abs(mean-want) > tolerance {
				t.Errorf("the bulkhead has %.4f, the formula %.4f: more than %.4f apart", mean, want, tolerance)
			}
			// One time in flight in 64 is sampled: the load is off by as much as the
			// mean of so few exponential times is.
			samples := float64(batches*perBatch) / 64
			if tolerance := 4 * c.load / math.Sqrt(samples) * 1.2; math.Abs(load-c.load) > tolerance {
				t.Errorf("the offered load is measured as %.2f, want %.2f ± %.2f", load, c.load, tolerance)
			}
		})
	}
}

func since(t *testing.T, b *bulk.Bulkhead, start bulk.Status) bulk.Interval {
	t.Helper()
	i, err := b.Status().Since(start)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// offer sends n operations to b at random instants. Each holds its slot for an
// exponential time of one second on average.
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

package bulk_test

import (
	"math"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"pgregory.net/rapid"
)

// Values that are printed in the tables of telephone engineers.
func TestErlangByTheTables(t *testing.T) {
	for _, c := range []struct {
		name    string
		formula func(int, float64) float64
		slots   int
		load    float64
		want    float64
		within  float64
	}{
		{"B", bulk.ErlangB, 0, 3, 1, 0},            // no slot: everybody is turned away
		{"B", bulk.ErlangB, 1, 1, 0.5, 1e-15},      // load / (1+load)
		{"B", bulk.ErlangB, 2, 1, 0.2, 1e-15},      // ½ / (1+1+½)
		{"B", bulk.ErlangB, 5, 0, 0, 0},            // nobody comes
		{"B", bulk.ErlangB, 10, 5, 0.0184, 5e-5},   // to four digits
		{"B", bulk.ErlangB, 10, 10, 0.2146, 5e-5},  // to four digits
		{"B", bulk.ErlangB, 10, 4.461, 0.01, 5e-6}, // the load that 1 % allows
		{"B", bulk.ErlangB, 20, 12.03, 0.01, 5e-5},
		{"B", bulk.ErlangB, 50, 37.90, 0.01, 5e-5},
		{"B", bulk.ErlangB, 100, 84.06, 0.01, 5e-5},
		{"C", bulk.ErlangC, 1, 0.5, 0.5, 1e-15},   // one slot: the chance that it is in use
		{"C", bulk.ErlangC, 2, 1, 1.0 / 3, 1e-15}, // M/M/2 half loaded
		{"C", bulk.ErlangC, 10, 8, 0.4092, 5e-5},
		{"C", bulk.ErlangC, 5, 5, 1, 0}, // the queue grows without end
		{"C", bulk.ErlangC, 3, 3, 1, 0}, // which the formula itself misses by rounding
		{"C", bulk.ErlangC, 5, 6, 1, 0},
		{"C", bulk.ErlangC, 5, 0, 0, 0},
	} {
		if got := c.formula(c.slots, c.load); !(math.Abs(got-c.want) <= c.within) {
			t.Errorf("%s(%d slots, load %v) is %v, the tables say %v", c.name, c.slots, c.load, got, c.want)
		}
	}
}

// byDefinition is Erlang's B as it is written: loadⁿ/n! over the sum of those up
// to n.
func byDefinition(n int, load float64) float64 {
	term, sum := 1.0, 1.0
	for k := 1; k <= n; k++ {
		term *= load / float64(k)
		sum += term
	}
	return term / sum
}

func TestErlangLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, load := rapid.IntRange(1, 120).Draw(t, "slots"), rapid.Float64Range(0, 120).Draw(t, "load")
		b, c := bulk.ErlangB(n, load), bulk.ErlangC(n, load)
		if want := byDefinition(n, load); math.Abs(b-want) > 1e-9 {
			t.Errorf("B is %v, by definition %v", b, want)
		}
		if !(b >= 0 && b <= 1 && c >= b && c <= 1) {
			t.Errorf("B %v, C %v: who may wait finds all in use more often", b, c)
		}
		if bulk.ErlangB(n+1, load) > b || bulk.ErlangC(n+1, load) > c {
			t.Error("another slot makes it worse")
		}
		for name, f := range map[string]struct {
			slots  func(load, target float64) (int, bool)
			chance func(int, float64) float64
		}{"B": {bulk.SlotsForB, bulk.ErlangB}, "C": {bulk.SlotsForC, bulk.ErlangC}} {
			target := rapid.Float64Range(0.001, 0.5).Draw(t, "target")
			least, ok := f.slots(load, target)
			if !ok || f.chance(least, load) > target {
				t.Errorf("%s: %d slots are not enough for %v", name, least, target)
			}
			if least > 1 && f.chance(least-1, load) <= target {
				t.Errorf("%s: %d slots are more than %v needs", name, least, target)
			}
		}
	})
}

func TestFewestSlotsForATarget(t *testing.T) {
	if n, ok := bulk.SlotsForB(1, 0.5); n != 1 || !ok {
		t.Errorf("B(1 slot, load 1) is ½, which is enough for ½: got %d, %t", n, ok)
	}
	if n, ok := bulk.SlotsForB(1, math.Nextafter(0.5, 0)); n != 2 || !ok {
		t.Errorf("½ is not enough for less: got %d, %t", n, ok)
	}
}

func TestTooMuchToEstimate(t *testing.T) {
	for _, load := range []float64{1e7, 1e300, math.MaxFloat64} {
		if n, ok := bulk.SlotsForC(load, 0.05); ok {
			t.Errorf("load %v: %d slots", load, n)
		}
	}
	if n, ok := bulk.SlotsForB(1_059_068, 0.01); !ok || n != 1<<20 {
		t.Errorf("the largest load that can be estimated: %d, %t", n, ok)
	}
	if n, ok := bulk.SlotsForB(1_059_069, 0.01); ok {
		t.Errorf("a slot more is too much: %d", n)
	}
	if n, ok := bulk.SlotsForB(100_000, 0.01); !ok || n < 98_000 || n > 101_000 {
		t.Errorf("a large load that can be estimated: %d, %t", n, ok)
	}
}

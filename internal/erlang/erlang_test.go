package erlang_test

import (
	"iter"
	"math"
	"testing"

	"github.com/bulklink/bulklink-go/internal/erlang"
	"pgregory.net/rapid"
)

// at returns the probability for n slots.
func at(slots int, probabilities iter.Seq2[int, float64]) float64 {
	for n, p := range probabilities {
		if n == slots {
			return p
		}
	}
	return math.NaN()
}

func TestFormulasAgreeWithPublishedTables(t *testing.T) {
	for _, c := range []struct {
		name    string
		formula func(float64) iter.Seq2[int, float64]
		slots   int
		load    float64
		want    float64
		within  float64
	}{
		{"B", erlang.B, 0, 3, 1, 0},            // no slot: every arrival is rejected
		{"B", erlang.B, 1, 1, 0.5, 1e-15},      // load / (1+load)
		{"B", erlang.B, 2, 1, 0.2, 1e-15},      // ½ / (1+1+½)
		{"B", erlang.B, 5, 0, 0, 0},            // no arrivals
		{"B", erlang.B, 10, 5, 0.0184, 5e-5},   // to four digits
		{"B", erlang.B, 10, 10, 0.2146, 5e-5},  // to four digits
		{"B", erlang.B, 10, 4.461, 0.01, 5e-6}, // the load at which 1 % is rejected
		{"B", erlang.B, 20, 12.03, 0.01, 5e-5},
		{"B", erlang.B, 50, 37.90, 0.01, 5e-5},
		{"B", erlang.B, 100, 84.06, 0.01, 5e-5},
		{"C", erlang.C, 1, 0.5, 0.5, 1e-15},   // one slot: the probability that it is in use
		{"C", erlang.C, 2, 1, 1.0 / 3, 1e-15}, // M/M/2 at half load
		{"C", erlang.C, 10, 8, 0.4092, 5e-5},
		{"C", erlang.C, 5, 5, 1, 0}, // the queue grows without end
		{"C", erlang.C, 3, 3, 1, 0}, // the formula itself would be off by rounding
		{"C", erlang.C, 5, 6, 1, 0},
		{"C", erlang.C, 5, 0, 0, 0},
	} {
		if got := at(c.slots, c.formula(c.load)); !(math.Abs(got-c.want) <= c.within) {
			t.Errorf("%s(%d slots, load %v) is %v, the tables have %v", c.name, c.slots, c.load, got, c.want)
		}
	}
}

// byDefinition is B as Erlang wrote it: loadⁿ/n! divided by the sum of these
// terms from 0 to n.
func byDefinition(n int, load float64) float64 {
	term, sum := 1.0, 1.0
	for k := 1; k <= n; k++ {
		term *= load / float64(k)
		sum += term
	}
	return term / sum
}

func TestFormulasAgreeWithTheDefinitionAndEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, load := rapid.IntRange(1, 120).Draw(t, "slots"), rapid.Float64Range(0, 120).Draw(t, "load")
		b, c := at(n, erlang.B(load)), at(n, erlang.C(load))
		if want := byDefinition(n, load); math.Abs(b-want) > 1e-9 {
			t.Errorf("B is %v, by definition %v", b, want)
		}
		if !(b >= 0 && b <= 1 && c >= b && c <= 1) {
			t.Errorf("B %v, C %v: C must be at least B, both between 0 and 1", b, c)
		}
		if at(n+1, erlang.B(load)) > b || at(n+1, erlang.C(load)) > c {
			t.Error("one more slot increases the probability")
		}
	})
}

func TestSlotsIsTheSmallestNumberThatReachesTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load, target := rapid.Float64Range(0, 120).Draw(t, "load"), rapid.Float64Range(0.001, 0.5).Draw(t, "target")
		for name, probabilities := range map[string]iter.Seq2[int, float64]{"B": erlang.B(load), "C": erlang.C(load)} {
			n, ok := erlang.Slots(probabilities, target)
			if !ok || at(n, probabilities) > target {
				t.Errorf("%s: %d slots do not reach %v", name, n, target)
			}
			if at(n-1, probabilities) <= target {
				t.Errorf("%s: %d slots already reach %v", name, n-1, target)
			}
		}
	})
}

func TestTargetIsInclusive(t *testing.T) {
	if n, ok := erlang.Slots(erlang.B(1), 0.5); n != 1 || !ok {
		t.Errorf("B(1 slot, load 1) is ½: got %d slots, %t", n, ok)
	}
	if n, ok := erlang.Slots(erlang.B(1), math.Nextafter(0.5, 0)); n != 2 || !ok {
		t.Errorf("one slot does not reach less than ½: got %d slots, %t", n, ok)
	}
}

func TestSlotsGivesUpAboveAMillion(t *testing.T) {
	for _, load := range []float64{1e7, 1e300, math.MaxFloat64} {
		if n, ok := erlang.Slots(erlang.C(load), 0.05); ok {
			t.Errorf("load %v: %d slots", load, n)
		}
	}
	if n, ok := erlang.Slots(erlang.B(1_059_068), 0.01); !ok || n != 1<<20 {
		t.Errorf("the highest load that can be estimated: %d, %t", n, ok)
	}
	if n, ok := erlang.Slots(erlang.B(1_059_069), 0.01); ok {
		t.Errorf("a load that needs one more slot: %d", n)
	}
	if n, ok := erlang.Slots(erlang.B(100_000), 0.01); !ok || n < 98_000 || n > 101_000 {
		t.Errorf("a high load that can be estimated: %d, %t", n, ok)
	}
}

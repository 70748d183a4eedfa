package linear

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/bulklink/bulklink-go/bulk"
)

var histories = flag.Int("histories", 0, "how many histories to record with events, and how many without; 0: 400, with -short 50")

// patience is how long the search for an order may take. It nearly always takes
// milliseconds. One that is given up says nothing about the bulkhead.
const patience = 2 * time.Second

// TestLinearizable records histories and finds an order for each. It fails if
// one has none, or if more than one search in fifty was given up.
func TestLinearizable(t *testing.T) {
	for _, watched := range []bool{true, false} {
		name := "no handler"
		if watched {
			name = "with events"
		}
		t.Run(name, func(t *testing.T) {
			n := *histories
			switch {
			case n > 0:
			case testing.Short():
				n = 50
			default:
				n = 400
			}
			seen := make(map[string]int)
			unknown := 0
			var slowest time.Duration
			for seed := range uint64(n) {
				h := record(seed, watched, nil)
				count(seen, h)
				if h.broken != nil {
					t.Fatalf("history %d: the bulkhead breaks its invariants: %v", seed, h.broken)
				}
				began := time.Now()
				switch h.check(patience) {
				case porcupine.Illegal:
					tell(t, h)
					t.Fatalf("history %d: no order explains it", seed)
				case porcupine.Unknown:
					unknown++
				}
				slowest = max(slowest, time.Since(began))
				if last := lastStatus(h); watched && uint64(len(h.events)) != last.LastEvent {
					t.Fatalf("history %d: %d events heard, %d happened", seed, len(h.events), last.LastEvent)
				}
			}
			t.Logf("%d histories, %d searches given up, the longest took %v; steps: %v", n, unknown, slowest, seen)
			if unknown*50 > n {
				t.Errorf("%d of %d searches were given up", unknown, n)
			}
			for _, what := range []string{
				"try", "ask", "arrive", "wake", "release", "resize", "change", "close", "status", "drained", "cancel",
				"saturated", "expired", "closed", "oversized", "canceled", "abandoned", "queued",
			} {
				if seen[what] == 0 {
					t.Errorf("%s was never seen", what)
				}
			}
		})
	}
}

// count adds up what was reached.
func count(seen map[string]int, h history) {
	for _, op := range h.ops {
		in, out := op.Input.(input), op.Output.(output)
		seen[verbs[in.verb]]++
		if out.rejection.Reason != 0 && in.verb != arrive {
			seen[out.rejection.Reason.String()]++
		}
	}
	t := lastStatus(h).Totals
	seen["abandoned"] += int(t.Abandoned)
	seen["queued"] += int(t.Queued)
}

func lastStatus(h history) (last bulk.Status) {
	for _, op := range h.ops {
		if s := op.Output.(output).status; s.Index > last.Index {
			last = s
		}
	}
	return last
}

// tell logs a history that has no order, and what could not be explained after
// the longest part that has one.
func tell(t *testing.T, h history) {
	t.Helper()
	m := modelOf(h.capacity, h.events)
	_, info := porcupine.CheckOperationsVerbose(m, h.ops, 5*patience)
	var longest []porcupine.Operation
	for _, part := range info.PartialLinearizationsOperations()[0] {
		if len(part) > len(longest) {
			longest = part
		}
	}
	t.Logf("capacity %+v, %d steps; the longest part that has an order has %d, and ends with", h.capacity, len(h.ops), len(longest))
	for _, op := range longest[max(0, len(longest)-20):] {
		t.Logf("  %9d-%9d  %s", op.Call, op.Return, m.DescribeOperation(op.Input, op.Output))
	}
	first := int64(-1) // the first return that is not explained
	rest := slices.DeleteFunc(slices.Clone(h.ops), func(op porcupine.Operation) bool {
		return slices.ContainsFunc(longest, func(l porcupine.Operation) bool {
			return l.Call == op.Call && l.Return == op.Return && l.ClientId == op.ClientId &&
				l.Input.(input).verb == op.Input.(input).verb && l.Input.(input).op == op.Input.(input).op
		})
	})
	for _, op := range rest {
		if first < 0 || op.Return < first {
			first = op.Return
		}
	}
	t.Log("none of these can be next:")
	for _, op := range rest {
		if op.Call <= first {
			t.Logf("  %9d-%9d  %s", op.Call, op.Return, m.DescribeOperation(op.Input, op.Output))
		}
	}
}

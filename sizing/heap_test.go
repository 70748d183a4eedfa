package sizing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHeapHasTheEarliestOnTopAndKnowsWhereEachIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		var in []*operation
		due := func() moment {
			return moment{rapid.Int64Range(0, 30).Draw(t, "at"), rapid.Uint64Range(0, 2).Draw(t, "place")}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) {
				op := new(operation)
				h.push(op, due())
				in = append(in, op)
			},
			"remove": func(t *rapid.T) {
				if len(in) > 0 {
					i := rapid.IntRange(0, len(in)-1).Draw(t, "which")
					h.remove(in[i])
					h.remove(in[i]) // nothing to do
					in = slices.Delete(in, i, i+1)
				}
			},
			"move": func(t *rapid.T) {
				if len(in) > 0 {
					op := in[rapid.IntRange(0, len(in)-1).Draw(t, "which")]
					if d := due(); d.before(op.due) {
						h.move(op, d)
					}
				}
			},
			"": func(t *rapid.T) {
				if len(h) != len(in) || (h.top() == nil) != (len(in) == 0) {
					t.Fatalf("%d of %d", len(h), len(in))
				}
				for i, op := range h {
					if op.index != i+1 || i > 0 && op.due.before(h[(i-1)/2].due) {
						t.Fatalf("operation %d with index %d, due %v", i, op.index, op.due)
					}
				}
			},
		})
	})
}

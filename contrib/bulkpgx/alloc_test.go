//go:build !race

package bulkpgx_test

import (
	"math"
	"testing"
)

// The package comment has the numbers. The pool and the runtime allocate at times in the
// background, so the smallest of several measurements is the right one. With the race
// detector, pools drop values at random, so that every measurement can be too large.
func TestAllocationsThatABulkheadAdds(t *testing.T) {
	for name, forms := range operations(t) {
		allocations := func(form int) float64 {
			least := math.Inf(1)
			for range 10 {
				least = min(least, testing.AllocsPerRun(100, func() {
					if err := forms[form](t.Context()); err != nil {
						t.Error(err)
					}
				}))
			}
			return least
		}
		want := map[string]float64{"Conn": 1, "Query": 2, "QueryRow": 2}[name]
		if plain, limited := allocations(0), allocations(1); limited-plain != want {
			t.Errorf("%s: %v allocations instead of %v, want %v more", name, limited, plain, want)
		}
	}
}

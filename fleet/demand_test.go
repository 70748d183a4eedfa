package fleet

import (
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

// demandOf returns the demand of a member after readings with these numbers of slots in
// use. The last one is that of the refresh.
func demandOf(t *testing.T, inUse ...int) demand {
	t.Helper()
	b := bulk.Must(bulk.New("payments", 100))
	var g gauge
	g.restart(b.Status())
	for i, n := range inUse {
		slot, ok := b.TryAcquireN(max(n, 1))
		if !ok {
			t.Fatalf("%d slots are not free", n)
		}
		if n == 0 {
			slot.Release()
		}
		s := b.Status()
		slot.Release()
		if i == len(inUse)-1 {
			return g.demand(s, 50)
		}
		g.sample(s)
	}
	return g.demand(b.Status(), 50)
}

func TestDemandIsTheAverageAndThePeakWithHeadroom(t *testing.T) {
	for _, c := range []struct {
		name  string
		inUse []int
		want  demand
	}{
		{"idle", []int{0, 0}, demand{0, 0}},
		{"steady", []int{20, 20, 20, 20}, demand{22, 22}},
		{"a short burst", []int{0, 0, 40, 0, 0, 0, 0, 0}, demand{6, 44}},
		{"a member does not give back what it uses now", []int{0, 0, 0, 0, 0, 0, 0, 10}, demand{11, 11}},
		{"at most the limit", []int{90}, demand{50, 50}},
	} {
		if got := demandOf(t, c.inUse...); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestDemandStaysWhileItCoversTheNeed(t *testing.T) {
	for _, c := range []struct{ published, need, want int }{
		{0, 0, 0}, {22, 20, 22}, {24, 20, 24}, {25, 20, 22}, {19, 20, 22}, {1, 0, 0}, {2, 1, 2}, {3, 1, 3}, {4, 1, 2},
	} {
		if got := steady(c.published, c.need); got != c.want {
			t.Errorf("published %d, need %d: %d, want %d", c.published, c.need, got, c.want)
		}
	}
}

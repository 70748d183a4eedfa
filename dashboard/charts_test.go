package dashboard

import "testing"

func TestRejectionsAreDrawnOnlyWhereThereAreSome(t *testing.T) {
	var h history
	rejected := []float32{0, 0, 5, 0, 0, nan, 0, 10, 10, 0, 0}
	for second, n := range rejected {
		h.add(int64(second), point{seriesArrivals: 1, seriesRejected: n})
	}
	n := int64(len(rejected) - 1)
	// 60 seconds are 300 wide. The last one is at 295.
	if got, want := pathOf(&h, n, seriesRejected, 10), "M250 59L255 30L260 59M275 59L280 1L285 1L290 59"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	var quiet history
	for second := range int64(60) {
		quiet.add(second, point{seriesArrivals: 1})
	}
	if _, got := spark(&quiet, 59); got != "" {
		t.Errorf("path %q without a rejection", got)
	}
}

package adaptive

import (
	"testing"
	"time"
)

// Otherwise most operations of a window could have begun before the last change.
func TestWindowIsAtLeastAsLongAsThreeOperations(t *testing.T) {
	w := window{start: 1}
	for range 200 {
		w.add(Success, 4*time.Second)
	}
	baseline := float64(100 * time.Millisecond)
	if early := int64(12*time.Second) - 1; w.due(1+early, baseline) || !w.due(1+early+1, baseline) {
		t.Error("a window of 200 operations of 4 s must end after 12 s")
	}
}

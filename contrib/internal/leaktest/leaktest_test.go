package leaktest

import (
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestGoroutinesThatEndAndSlotsThatAreReleasedAreNoLeak(t *testing.T) {
	Goroutines(t)
	b := bulk.Must(bulk.New("orders", 1))
	Slots(t, b)
	slot, _ := b.TryAcquire()
	go slot.Release()
}

func TestStacksHasTheGoroutinesOfTheProcessButNotTheCaller(t *testing.T) {
	before := stacks()
	stop, started := make(chan struct{}), make(chan struct{})
	go func() { close(started); <-stop }()
	<-started
	after := stacks()
	for id := range before { // one of them may have ended
		delete(after, id)
	}
	if len(after) != 1 {
		t.Errorf("%d new stacks, want 1: %v", len(after), after)
	}
	close(stop)
}

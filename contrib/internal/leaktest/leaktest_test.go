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
	if n := len(stacks()); n != len(before)+1 {
		t.Errorf("%d stacks, want %d", n, len(before)+1)
	}
	close(stop)
}

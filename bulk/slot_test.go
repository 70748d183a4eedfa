package bulk_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestReleaseOfTheZeroSlotDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		var zero bulk.Slot
		zero.Release()
		first, _ := b.TryAcquire()
		zero.Release()
		if _, ok := b.TryAcquire(); ok {
			t.Fatal("the zero Slot released the slot of another holder")
		}
		first.Release()
		mustBeIdle(t, b)
	})
}

func TestSecondReleaseDoesNotReleaseTheSlotOfAnotherHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		first, _ := b.TryAcquire()
		copied := first
		first.Release()
		second, _ := b.TryAcquire() // uses the record of first again
		first.Release()
		copied.Release()
		if s, ok := b.TryAcquire(); ok {
			s.Release()
			t.Fatal("a second Release released the slot of another holder")
		}
		third := park(t, b, 1) // uses a record of its own
		copied.Release()
		third.mustWait(t)
		second.Release()
		third.mustHold(t)
		second.Release()
		first.Release()
		if _, ok := b.TryAcquire(); ok {
			t.Fatal("a second Release released the slot of another holder")
		}
		third.slot.Release()
		mustBeIdle(t, b)
	})
}

func TestConcurrentReleasesReleaseOneSlot(t *testing.T) {
	b := mustNew(t, 2)
	for range 1000 {
		s, _ := b.TryAcquire()
		other, _ := b.TryAcquire()
		var g sync.WaitGroup
		for range 8 {
			g.Go(s.Release)
		}
		g.Wait()
		if n := b.Status().InUse; n != 1 {
			t.Fatalf("%d slots of 2 in use after 8 releases of one of them, want 1", n)
		}
		other.Release()
	}
	mustBeIdle(t, b)
}

package bulk_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// The alarm rings for a record that is spare by then: its next use must not hear
// of it. Only outside a bubble are records kept with their channels and keys, so
// this test is one of the few in real time. It can't fail by being slow.
func TestAlarmOfASpareRecord(t *testing.T) {
	for _, how := range []string{"handed over", "cancelled"} {
		t.Run(how, func(t *testing.T) {
			queued := make(chan struct{}, 9)
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) {
				if e.Kind == bulk.EventQueued {
					queued <- struct{}{}
				}
			}))
			held := fill(t, b)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			over := make(chan bulk.Slot)
			go func() {
				s, _ := b.Acquire(ctx, deadline.Within(20*time.Millisecond))
				over <- s
			}()
			<-queued
			if how == "cancelled" {
				cancel()
			} else {
				held[0].Release()
			}
			(<-over).Release()
			held[0].Release()
			<-time.After(40 * time.Millisecond) // it rings

			held = fill(t, b)
			answer := make(chan error, 1)
			go func() {
				s, err := b.Acquire(t.Context(), deadline.Within(time.Hour))
				s.Release()
				answer <- err
			}()
			<-queued
			select {
			case err := <-answer:
				t.Fatalf("woken with %v while the slot is held", err)
			case <-time.After(10 * time.Millisecond):
			}
			held[0].Release()
			if err := <-answer; err != nil {
				t.Error(err)
			}
		})
	}
}

// A crowd that has left costs no memory until its bounds would have been
// reached: what is kept doesn't grow from one crowd to the next.
func TestCrowdsLeaveNothingBehind(t *testing.T) {
	const crowd = 10_000
	b := mustNew(t, 1, bulk.WaitingRoom(crowd), bulk.WaitLimit(time.Hour))
	comeAndGo := func() uint64 {
		held := fill(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		var g sync.WaitGroup
		for range crowd {
			g.Go(func() {
				s, _ := b.Acquire(ctx)
				s.Release()
			})
		}
		for b.Status().Waiting < crowd {
			runtime.Gosched()
		}
		cancel()
		g.Wait()
		held[0].Release()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	comeAndGo()
	first := comeAndGo()
	for range 4 {
		comeAndGo()
	}
	if last := comeAndGo(); last > first+crowd {
		t.Errorf("%d objects after the second crowd, %d after the seventh", first, last)
	}
}

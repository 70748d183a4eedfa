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

// looksLate is a ctx that takes its time to say how it has ended.
type looksLate struct{ context.Context }

func (c looksLate) Err() error {
	err := c.Context.Err()
	if err != nil {
		<-time.After(40 * time.Millisecond)
	}
	return err
}

// The alarm rings for a record that is spare by then, or whose operation has
// woken for another reason: its next use must not hear of it. Only outside a bubble are records kept with their channels and keys, so
// this test is one of the few in real time. It can't fail by being slow.
func TestAlarmOfASpareRecord(t *testing.T) {
	for _, how := range []string{"handed over", "cancelled", "about to leave as cancelled"} {
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
				var own context.Context = ctx
				if how == "about to leave as cancelled" {
					own = looksLate{ctx}
				}
				s, _ := b.Acquire(own, deadline.Within(20*time.Millisecond))
				over <- s
			}()
			<-queued
			if how == "handed over" {
				held[0].Release()
			} else {
				cancel()
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

package bulk_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestSlotsAreGrantedInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2, bulk.WaitingRoom(100))
		held := fill(t, b)
		var line []*parked
		for range 100 {
			line = append(line, park(t, b, 1))
		}
		held[0].Release()
		for i, p := range line {
			p.mustHold(t)
			if i+1 < len(line) {
				line[i+1].mustWait(t)
			}
			p.slot.Release()
		}
		held[1].Release()
		mustBeIdle(t, b)
	})
}

// Each race of the contract, in both orders, at the same instant of virtual time.
func TestRacesAtTheSameInstantLoseNoSlot(t *testing.T) {
	const limit = time.Second
	runScenarios(t, []scenario{
		{"grant, then cancellation", "cancellation wins: fn does not run, and the slots are granted to the next operation", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.endQuietly()
			held[0].Release() // grants p, which finds its ctx done when it wakes
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
			if n := b.Status().Totals; n.Abandoned != 1 || n.Canceled != 0 || n.AdmittedFromQueue != 2 || n.Finished != 1 {
				t.Errorf("counted %+v", n)
			}
			q.slot.Release()
			mustBeIdle(t, b)
		}},
		{"cancellation, then grant", "whether or not it has left the queue, its slot is not lost", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			held := fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.cancel(nil)
			held[0].Release()
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
			if n := b.Status().Totals; n.Abandoned+n.Canceled != 1 {
				t.Errorf("counted %+v", n)
			}
			q.slot.Release()
			mustBeIdle(t, b)
		}},
		{"grant at the instant of the bound", "the first to take the lock decides: what was granted runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit) // the bound passes at the same instant
			held[0].Release()
			if !p.over() {
				t.Fatal("still waiting")
			}
			switch n := b.Status().Totals; {
			case p.err == nil && n.AdmittedFromQueue == 1 && n.Expired == 0:
				p.slot.Release()
			case errors.Is(p.err, bulk.ErrExpired) && n.AdmittedFromQueue == 0 && n.Expired == 1:
			default:
				t.Errorf("err %v, %+v", p.err, n)
			}
			mustBeIdle(t, b)
		}},
		{"grant a nanosecond before the bound", "the bound no longer counts", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit - 1)
			held[0].Release()
			time.Sleep(limit)
			p.mustHold(t)
			p.slot.Release()
			mustBeIdle(t, b)
		}},
		{"expiry of the head", "an operation that leaves the queue grants the new head if it fits now", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(2))
			park(t, b, 2).mustHold(t)
			large := park(t, b, 2, deadline.Within(limit))
			small := park(t, b, 1)
			small.mustWait(t)
			time.Sleep(limit)
			large.mustFail(t, bulk.ErrExpired)
			small.mustHold(t)
			if small.took != limit {
				t.Errorf("admitted after %v", small.took)
			}
		}},
		{"cancellation of the head", "an operation that leaves the queue grants the new head if it fits now", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(2))
			park(t, b, 2).mustHold(t)
			large := park(t, b, 2)
			small := park(t, b, 1)
			large.cancel(nil)
			large.mustFail(t, bulk.ErrCanceled)
			small.mustHold(t)
		}},
		{"leaving from the middle", "the order of the others is kept", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(5))
			held := fill(t, b)
			var line []*parked
			for range 5 {
				line = append(line, park(t, b, 1))
			}
			for _, i := range []int{2, 4, 0} { // middle, tail, head
				line[i].cancel(nil)
				line[i].mustFail(t, bulk.ErrCanceled)
			}
			held[0].Release()
			line[1].mustHold(t)
			line[3].mustWait(t)
			line[1].slot.Release()
			line[3].mustHold(t)
			line[3].slot.Release()
			mustBeIdle(t, b)
		}},
		{"close and bound at the same instant", "either may win, and the rejection is counted once", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit)
			b.Close()
			if !p.over() || !errors.Is(p.err, bulk.ErrClosed) && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatalf("%v", p.err)
			}
			if n := b.Status().Totals; n.Closed+n.Expired != 1 {
				t.Errorf("counted %+v", n)
			}
		}},
		{"close, then cancellation", "Close rejected it under the lock", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			fill(t, b)
			p := park(t, b, 1)
			b.Close()
			p.cancel(nil)
			p.mustFail(t, bulk.ErrClosed)
			if n := b.Status().Totals; n.Closed != 1 || n.Canceled != 0 {
				t.Errorf("counted %+v", n)
			}
		}},
		{"grant, then close", "an operation that was granted its slots runs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			held[0].Release()
			b.Close()
			p.mustHold(t)
			p.slot.Release()
			<-b.Done()
		}},
		{"grant and cancellation, then close", "the slots of an abandoned operation count until it has returned them", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			p.endQuietly()
			held[0].Release()
			b.Close()
			p.mustFail(t, bulk.ErrCanceled)
			<-b.Done()
			if n := b.Status().Totals; n.Abandoned != 1 {
				t.Errorf("counted %+v", n)
			}
		}},
		{"resize and bound at the same instant", "either may win, and no slot is lost", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1), bulk.WaitLimit(limit))
			held := fill(t, b)
			p := park(t, b, 1)
			time.Sleep(limit)
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			if !p.over() || p.err != nil && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatalf("%v", p.err)
			}
			p.slot.Release()
			held[0].Release()
			mustBeIdle(t, b)
		}},
		{"grant by Resize, then cancellation", "cancellation wins here as well", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(2))
			fill(t, b)
			p, q := park(t, b, 1), park(t, b, 1)
			p.endQuietly()
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			p.mustFail(t, bulk.ErrCanceled)
			q.mustHold(t)
		}},
		{"oversized by a shrink, then cancellation", "Resize rejected it under the lock", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			fill(t, b)
			p := park(t, b, 2)
			if err := b.Resize(1); err != nil {
				t.Fatal(err)
			}
			p.cancel(nil)
			p.mustFail(t, bulk.ErrOversized)
		}},
	})
}

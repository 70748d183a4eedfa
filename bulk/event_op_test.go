package bulk_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Op pairs the events of one operation, whatever its way is: it is never used
// twice, and 0 on events that concern no operation.
func TestOpIsTheSameOnAllEventsOfAnOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := mustNew(t, 2, bulk.WaitingRoom(4), bulk.WaitLimit(time.Minute), bulk.OnEvent(r.handle))
		held := fill(t, b)
		p1, p2, p3 := park(t, b, 1), park(t, b, 1), park(t, b, 1)
		p4 := park(t, b, 2)
		_, _ = b.Acquire(t.Context())        // saturated
		_, _ = bulk.Run(t.Context(), b, one) // saturated
		p2.cancel(nil)
		p2.mustFail(t, bulk.ErrCanceled)
		p3.endQuietly()   // abandoned when it is granted
		held[0].Release() // → p1
		held[1].Release() // → p3 → p4 does not fit yet
		p1.mustHold(t)
		p1.slot.Release() // → p4
		p4.mustHold(t)
		if err := b.Resize(1); err != nil {
			t.Fatal(err)
		}
		p5 := park(t, b, 1)
		time.Sleep(time.Minute) // p5 expires
		p5.mustFail(t, bulk.ErrExpired)
		p6 := park(t, b, 1)
		b.Close()
		p6.mustFail(t, bulk.ErrClosed)
		p4.slot.Release()

		first := map[uint64]bool{}
		kinds := map[uint64][]bulk.EventKind{}
		for _, e := range r.take() {
			switch e.Kind {
			case bulk.EventResized, bulk.EventClosed, bulk.EventDrained:
				if e.Op != 0 {
					t.Errorf("%v has Op %d", e, e.Op)
				}
				continue
			}
			if e.Op == 0 {
				t.Errorf("%v has no Op", e)
			}
			begins := !e.Queued && e.Kind != bulk.EventReleased && e.Kind != bulk.EventAbandoned
			if begins == first[e.Op] {
				t.Errorf("%v: Op %d is used twice, or is not that of its first event", e, e.Op)
			}
			first[e.Op] = true
			kinds[e.Op] = append(kinds[e.Op], e.Kind)
		}
		ways := map[string]int{}
		for _, k := range kinds {
			way := ""
			for _, kind := range k {
				way += kind.String() + " "
			}
			ways[way]++
		}
		for way, n := range map[string]int{
			"admitted released ": 2, "queued admitted released ": 2, "queued admitted abandoned ": 1, "queued canceled ": 1,
			"queued expired ": 1, "queued rejected_closed ": 1, "saturated ": 2,
		} {
			if ways[way] != n {
				t.Errorf("%d operations of %d: %s(%v)", ways[way], n, way, ways)
			}
		}
	})
}

// An operation that arrived before there were handlers has no number, also if its
// record had one in an earlier use.
func TestOpIsZeroIfTheOperationArrivedUnobserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		b := mustNew(t, 1, bulk.WaitingRoom(2))
		remove := b.OnEvent(r.handle)
		s, _ := b.TryAcquire()
		remove()
		s.Release() // its record had a number
		s, _ = b.TryAcquire()
		p := park(t, b, 1)
		q := park(t, b, 1, deadline.Within(time.Second))
		b.OnEvent(r.handle)
		r.take()
		s.Release()
		p.mustHold(t)
		time.Sleep(time.Second)
		q.mustFail(t, bulk.ErrExpired)
		p.slot.Release()
		events := r.take()
		if len(events) != 4 {
			t.Errorf("%d events", len(events))
		}
		for _, e := range events {
			if e.Op != 0 {
				t.Errorf("%v has Op %d", e, e.Op)
			}
		}
		mustBeIdle(t, b)
	})
}

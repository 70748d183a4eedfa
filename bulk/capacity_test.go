package bulk_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestChangingCapacity(t *testing.T) {
	bubbles(t, []struct {
		name string
		why  string
		test func(*testing.T)
	}{
		{"growing admits in order, before it returns", "nobody waits for slots that are there", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			fill(t, b)
			p, q, s := park(t, b, 1), park(t, b, 1), park(t, b, 1)
			b.OnEvent(r.handle)
			if err := b.Resize(3); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t, bulk.EventResized, bulk.EventAdmitted, bulk.EventAdmitted)
			p.mustHold(t)
			q.mustHold(t)
			s.mustWait(t)
		}},
		{"shrinking cancels nothing", "work in flight drains, admission resumes below the new parallelism", func(t *testing.T) {
			b := mustNew(t, 3, bulk.WaitingRoom(1))
			held := fill(t, b)
			p := park(t, b, 1)
			if err := b.Resize(1); err != nil {
				t.Fatal(err)
			}
			if s := b.Status(); s.InUse != 3 || s.Excess() != 2 || s.Free() != 0 {
				t.Errorf("%+v", s)
			}
			held[0].Release()
			held[1].Release()
			p.mustWait(t)
			held[2].Release()
			p.mustHold(t)
			p.slot.Release()
			mustBeIdle(t, b)
		}},
		{"shrinking turns away what could never fit", "in order, and the others move up", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 4, bulk.WaitingRoom(4))
			held := park(t, b, 3)
			large, small, larger, last := park(t, b, 4), park(t, b, 1), park(t, b, 3), park(t, b, 2)
			b.OnEvent(r.handle)
			if err := b.Resize(2); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t, bulk.EventResized, bulk.EventOversized, bulk.EventOversized)
			large.mustFail(t, bulk.ErrOversized)
			larger.mustFail(t, bulk.ErrOversized)
			small.mustWait(t)
			held.slot.Release()
			small.mustHold(t)
			last.mustWait(t)
			small.slot.Release()
			last.mustHold(t)
			var e *bulk.AdmissionError
			if errors.As(large.err, &e); e.Slots != 4 || e.Parallelism != 2 || e.Waiting != 3 || e.InUse != 3 {
				t.Errorf("%+v", e)
			}
			last.slot.Release()
			mustBeIdle(t, b)
		}},
		{"a large head that is turned away lets the next in", "it fits now", func(t *testing.T) {
			b := mustNew(t, 4, bulk.WaitingRoom(4))
			park(t, b, 1).mustHold(t)
			large, small := park(t, b, 4), park(t, b, 1)
			if err := b.Resize(3); err != nil {
				t.Fatal(err)
			}
			large.mustFail(t, bulk.ErrOversized)
			small.mustHold(t)
		}},
		{"a smaller room turns nobody out", "it takes effect as people leave", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			held := fill(t, b)
			p, q, r := park(t, b, 1), park(t, b, 1), park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 1}); err != nil {
				t.Fatal(err)
			}
			held[0].Release()
			p.mustHold(t)
			q.mustWait(t)
			park(t, b, 1).mustFail(t, bulk.ErrSaturated)
			p.slot.Release()
			q.mustHold(t)
			park(t, b, 1).mustFail(t, bulk.ErrSaturated)
			q.slot.Release()
			r.mustHold(t)
			park(t, b, 1).mustWait(t)
		}},
		{"a new wait limit holds for later arrivals", "those who wait keep theirs", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3), bulk.WaitLimit(time.Second))
			fill(t, b)
			old := park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 3, WaitLimit: time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			short := park(t, b, 1)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 3}); err != nil {
				t.Fatal(err)
			}
			long := park(t, b, 1)
			time.Sleep(time.Millisecond)
			short.mustFail(t, bulk.ErrExpired)
			time.Sleep(time.Second - time.Millisecond)
			old.mustFail(t, bulk.ErrExpired)
			time.Sleep(time.Hour)
			long.mustWait(t)
			b.Close()
		}},
		{"setting what is set", "is no event", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 2, bulk.WaitingRoom(1), bulk.WaitLimit(1), bulk.OnEvent(r.handle))
			if err := errors.Join(b.Resize(2), b.SetCapacity(b.Capacity())); err != nil {
				t.Fatal(err)
			}
			r.mustBe(t)
			if n := b.Status().LastEvent; n != 0 {
				t.Errorf("last event %d", n)
			}
		}},
		{"resized says what was before", "for those who log it", func(t *testing.T) {
			var r recorder
			b := mustNew(t, 2, bulk.WaitingRoom(7), bulk.OnEvent(r.handle))
			if err := b.Resize(5); err != nil {
				t.Fatal(err)
			}
			e := r.take()[0]
			if e.Previous != (bulk.Capacity{Parallelism: 2, WaitingRoom: 7}) || e.Capacity != (bulk.Capacity{Parallelism: 5, WaitingRoom: 7}) {
				t.Errorf("%+v", e)
			}
		}},
		{"good values on a closed bulkhead", "ErrClosed, and not an admission error", func(t *testing.T) {
			b := mustNew(t, 2)
			b.Close()
			for _, err := range []error{b.Resize(3), b.Resize(2), b.SetCapacity(bulk.Capacity{Parallelism: 1})} {
				var e *bulk.AdmissionError
				if !errors.Is(err, bulk.ErrClosed) || errors.As(err, &e) || errors.Is(err, bulk.ErrNotStarted) {
					t.Errorf("%v", err)
				}
			}
			if c := b.Capacity(); c != (bulk.Capacity{Parallelism: 2}) {
				t.Errorf("%+v", c)
			}
		}},
		{"the largest numbers there are", "nothing overflows", func(t *testing.T) {
			b := mustNew(t, math.MaxInt, bulk.WaitingRoom(math.MaxInt), bulk.WaitLimit(math.MaxInt64))
			all := park(t, b, math.MaxInt)
			all.mustHold(t)
			p := park(t, b, math.MaxInt)
			p.mustWait(t)
			time.Sleep(math.MaxInt64)
			if p.over() && p.err != nil && !errors.Is(p.err, bulk.ErrExpired) {
				t.Fatal(p.err)
			}
			all.slot.Release()
			p.over()
			p.slot.Release()
			if s := b.Status(); s.InUse != 0 || s.Totals.Wait < 0 {
				t.Errorf("%+v", s)
			}
		}},
	})
}

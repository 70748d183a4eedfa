package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestPause(t *testing.T) {
	runScenarios(t, []scenario{
		{"nothing is admitted, arrivals wait and expire as usual", "an incident: no call may reach the dependency", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(2), bulk.WaitLimit(time.Second))
			mustResize(t, b, 0)
			if s := b.Status(); !s.Paused() || s.Free() != 0 || s.Saturated() {
				t.Errorf("%+v", s)
			}
			if _, err := b.Acquire(t.Context(), deadline.NoWait()); !errors.Is(err, bulk.ErrSaturated) {
				t.Errorf("may not wait: %v", err)
			}
			if _, ok := b.TryAcquire(); ok {
				t.Error("TryAcquire got a slot")
			}
			p, q := park(t, b, 1), park(t, b, 1, deadline.Within(time.Millisecond))
			if _, err := b.Acquire(t.Context()); !errors.Is(err, bulk.ErrSaturated) {
				t.Errorf("full: %v", err)
			}
			if !b.Status().Saturated() {
				t.Error("the next arrival would be rejected")
			}
			time.Sleep(time.Millisecond)
			q.mustFail(t, bulk.ErrExpired)
			p.mustWait(t)
			time.Sleep(time.Second)
			p.mustFail(t, bulk.ErrExpired)
		}},
		{"no size is too large", "the parallelism to come is not known", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(3))
			mustResize(t, b, 0)
			small, huge, fits := park(t, b, 1), park(t, b, math.MaxInt), park(t, b, 4)
			if _, err := b.AcquireN(t.Context(), 5, deadline.NoWait()); !errors.Is(err, bulk.ErrSaturated) {
				t.Errorf("5 slots: %v", err)
			}
			var r recorder
			b.OnEvent(r.handle)
			mustResize(t, b, 5)
			r.mustBe(t, bulk.EventResized, bulk.EventOversized, bulk.EventAdmitted, bulk.EventAdmitted)
			small.mustHold(t)
			huge.mustFail(t, bulk.ErrOversized)
			fits.mustHold(t)
		}},
		{"work in flight drains", "a pause interrupts nothing", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			held := fill(t, b)
			mustResize(t, b, 0)
			p := park(t, b, 1)
			if s := b.Status(); s.Excess() != 2 || s.InFlight != 2 || s.Utilization() != 2 {
				t.Errorf("%+v", s)
			}
			for _, s := range held {
				s.Release()
			}
			p.mustWait(t)
			mustResize(t, b, 1)
			p.mustHold(t)
			p.slot.Release()
			mustBeIdle(t, b)
		}},
		{"from JSON, and back", "an operator edits a file", func(t *testing.T) {
			b := mustNew(t, 2, bulk.WaitingRoom(1))
			set := func(text string) {
				t.Helper()
				if err := b.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
					if err := json.Unmarshal([]byte(text), &c); err != nil {
						t.Fatal(err)
					}
					return c
				}); err != nil {
					t.Fatal(err)
				}
			}
			set(`{"parallelism":0}`)
			p := park(t, b, 1)
			p.mustWait(t)
			set(`{"parallelism":"unlimited"}`)
			p.mustHold(t)
			if got := b.Capacity(); got != (bulk.Capacity{Parallelism: bulk.Unlimited, WaitingRoom: 1}) {
				t.Errorf("%+v", got)
			}
		}},
		{"Close and Shutdown", "a paused bulkhead ends like any other", func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(1))
			mustResize(t, b, 0)
			p := park(t, b, 1)
			if err := b.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			p.mustFail(t, bulk.ErrClosed)
		}},
		{"Map", "each item yields its result, and the loop ends", func(t *testing.T) {
			b := mustNew(t, 2)
			mustResize(t, b, 0)
			n := 0
			for _, r := range bulk.Map(t.Context(), b, upTo(3), double) {
				if !errors.Is(r.Err(), bulk.ErrSaturated) {
					t.Error(r.Err())
				}
				n++
			}
			if n != 3 {
				t.Errorf("%d results", n)
			}
		}},
	})
}

func TestNewIsNotPaused(t *testing.T) {
	if _, err := bulk.New("test", 0); !errors.Is(err, bulk.ErrConfig) {
		t.Errorf("parallelism 0: %v", err)
	}
	if err := (bulk.Capacity{}).Validate(); err != nil {
		t.Errorf("live, 0 is a pause: %v", err)
	}
}

func TestUnlimitedAdmitsEveryOperationAndCountsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, bulk.Unlimited, bulk.WaitingRoom(5), bulk.WaitLimit(time.Second))
		var held []bulk.Slot
		for i := range 2000 {
			s, err := b.AcquireN(t.Context(), 1+i%3, deadline.NoWait())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, s)
		}
		s := b.Status()
		if s.InFlight != 2000 || s.InUse != 3999 || s.Free() != bulk.Unlimited-3999 || s.Utilization() > 1e-5 || s.Peak.InUse != 3999 {
			t.Errorf("%+v", s)
		}
		for _, s := range held {
			s.Release()
		}
		if r := b.Report(); len(r.Findings) != 0 {
			t.Errorf("an unlimited bulkhead that was never full: %v", r)
		}
		if _, err := bulk.RunN(t.Context(), b, math.MaxInt, func(context.Context) (int, error) { return 1, nil }); err != nil {
			t.Errorf("all slots: %v", err)
		}
		text, _ := json.Marshal(b.Capacity())
		if string(text) != `{"parallelism":"unlimited","waiting_room":5,"wait_limit":"1s"}` {
			t.Errorf("%s", text)
		}
	})
}

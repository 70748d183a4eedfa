package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// lastPoint returns the newest point of the only track.
func (s *sampler) lastPoint() point {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.order[0].history
	return h.at(h.last)
}

// hold holds a slot of b for d.
func hold(b *bulk.Bulkhead, d time.Duration) {
	go bulk.Do(context.Background(), b, func(context.Context) error {
		time.Sleep(d)
		return nil
	})
}

func TestWaitThatBeganBeforeTheIntervalCountsAsOneOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(5)))
		h := Handler(b).(*dashboard)
		_, leave := open(t, h, "/events")
		defer leave()
		hold(b, 60*time.Second+300*time.Millisecond)
		synctest.Wait()
		hold(b, time.Second)
		pass(61 * time.Second) // the second one is admitted
		if p := h.sampler.lastPoint(); p[seriesWaiting] != 1 || b.Status().Totals.AdmittedFromQueue != 1 {
			t.Errorf("point %v: want 1 waiting", p)
		}
		pass(time.Second)
	})
}

func TestOperationForManySlotsDoesNotShowMoreThanWereEverInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 10))
		h := Handler(b).(*dashboard)
		_, leave := open(t, h, "/events")
		defer leave()
		hold(b, 5*time.Second)
		pass(2 * time.Second)
		if _, ok := b.TryAcquireN(10); ok {
			t.Fatal("admitted")
		}
		pass(time.Second)
		if p := h.sampler.lastPoint(); p[seriesInUse] != 1 || p[seriesRejected] != 1 {
			t.Errorf("point %v: want 1 slot in use and a rejection", p)
		}
		pass(5 * time.Second)
	})
}

func TestKeyThatIsFullDoesNotShowTheSlotsOfAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := registry.NewKeyed[string]("tenants", 2, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"a", "b", "c"} {
			slot, _ := k.Acquire(t.Context(), key)
			slot.Release()
		}
		h := Handler(k).(*dashboard)
		_, leave := open(t, h, "/events")
		defer leave()
		pass(2 * time.Second)
		var slots []bulk.Slot
		for range 3 {
			if slot, err := k.Acquire(t.Context(), "a"); err == nil {
				slots = append(slots, slot)
			}
		}
		for _, slot := range slots {
			slot.Release()
		}
		pass(time.Second)
		if p := h.sampler.lastPoint(); p[seriesInUse] != 2 || p[seriesRejected] != 1 {
			t.Errorf("point %v: want the 2 slots of a key in use, and a rejection", p)
		}
	})
}

func TestSlotsThatAreInUseBetweenSamplesAreSeenBelowThePeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 10))
		h := Handler(b).(*dashboard)
		for range 10 {
			hold(b, time.Second)
		}
		pass(2 * time.Second)
		_, leave := open(t, h, "/events")
		defer leave()
		pass(50 * time.Millisecond) // after each sample
		for second := range 60 {
			for range 8 {
				hold(b, 900*time.Millisecond)
			}
			pass(time.Second)
			if p := h.sampler.lastPoint(); second >= 30 && (p[seriesInUse] < 7 || p[seriesInUse] > 8) {
				t.Errorf("point %v: want about 7.2 of 8 slots", p)
			}
		}
	})
}

func TestSecondSampleOfTheSameSecondKeepsWhatTheFirstHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2)))
		h := Handler(b).(*dashboard)
		s, leave := open(t, h, "/events")
		defer leave()
		pass(2 * time.Second)
		pass(500 * time.Millisecond)
		for range 10 {
			hold(b, 10*time.Millisecond)
		}
		pass(500 * time.Millisecond)
		before := h.sampler.lastPoint()
		if before[seriesArrivals] != 10 || before[seriesRejected] != 6 || before[seriesInUse] != 2 || before[seriesWaiting] != 2 {
			t.Fatalf("point %v", before)
		}
		s.messages(t)
		pass(250 * time.Millisecond)
		h.sampler.sample() // as after a change with the page
		after := h.sampler.lastPoint()
		if after[seriesArrivals] != 8 || after[seriesRejected] != 4.8 || after[seriesInUse] != 2 || after[seriesWaiting] != 2 || isNaN(after[seriesP99]) {
			t.Errorf("point %v, before the second sample of the same second %v", after, before)
		}
		synctest.Wait()
		if got := s.messages(t); len(got) != 1 || got[0].Rows[0].Point[seriesArrivals] != 8.0 {
			t.Errorf("sent %+v", got)
		}
	})
}

package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// demandOf returns the demand of a member after readings with these numbers of slots in
// use. The last one is that of the refresh.
func demandOf(t *testing.T, inUse ...int) demand {
	t.Helper()
	b := bulk.Must(bulk.New("payments", 100))
	var g gauge
	g.restart(b.Status())
	for i, n := range inUse {
		slot, ok := b.TryAcquireN(max(n, 1))
		if !ok {
			t.Fatalf("%d slots are not free", n)
		}
		if n == 0 {
			slot.Release()
		}
		s := b.Status()
		slot.Release()
		if i == len(inUse)-1 {
			return g.demand(s, 50)
		}
		g.sample(s)
	}
	return g.demand(b.Status(), 50)
}

func TestDemandIsTheAverageAndThePeakWithHeadroom(t *testing.T) {
	for _, c := range []struct {
		name  string
		inUse []int
		want  demand
	}{
		{"idle", []int{0, 0}, demand{0, 0}},
		{"steady", []int{20, 20, 20, 20}, demand{22, 22}},
		{"a short burst", []int{0, 0, 40, 0, 0, 0, 0, 0}, demand{6, 44}},
		{"a member does not give back what it uses now", []int{0, 0, 0, 0, 0, 0, 0, 10}, demand{11, 11}},
		{"at most the limit", []int{90}, demand{50, 50}},
	} {
		if got := demandOf(t, c.inUse...); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestAverageIsNeverAboveThePeak(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 10))
	slot, _ := b.TryAcquireN(3)
	defer slot.Release()
	g := gauge{published: demand{average: 5, peak: 9}} // the average still covers the need, the peak is too high
	if got, want := g.demand(b.Status(), 50), (demand{4, 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestDemandStaysWhileItCoversTheNeed(t *testing.T) {
	for _, c := range []struct{ published, need, want int }{
		{0, 0, 0}, {22, 20, 22}, {24, 20, 24}, {25, 20, 22}, {19, 20, 22}, {1, 0, 0}, {2, 1, 2}, {3, 1, 3}, {4, 1, 2},
	} {
		if got := steady(c.published, c.need); got != c.want {
			t.Errorf("published %d, need %d: %d, want %d", c.published, c.need, got, c.want)
		}
	}
}

// offer keeps n operations of the given slots in flight or waiting, or coming again
// after they were rejected, until the process ends.
func (p *process) offer(n, slots int) {
	for range n {
		p.workers.Go(func() {
			for p.ctx.Err() == nil {
				if bulk.DoN(p.ctx, p.bulkhead, slots, func(context.Context) error { time.Sleep(p.hold); return nil }) != nil {
					time.Sleep(p.hold)
				}
			}
		})
	}
}

func TestOperationsOfSeveralSlotsGetThem(t *testing.T) {
	for _, c := range []struct {
		name                     string
		total, operations, slots int
		load                     int // of the other member
	}{
		{"oversized for the share", 19, 1, 14, 0},
		{"waiting, and the other member is idle", 19, 6, 3, 0},
		{"waiting for their half of the total", 36, 6, 3, 20},
		{"oversized, and the other member is busy", 36, 1, 14, 50},
		{"half of the total in three operations, and the other member is busy", 36, 3, 6, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, c.total, 2, func(t *testing.T, w *world) {
				w.all[0].load(0)
				w.all[1].load(c.load)
				time.Sleep(2 * w.refresh)
				w.all[0].offer(c.operations, c.slots)
				time.Sleep(6 * w.refresh)
				if s := w.all[0].bulkhead.Status(); s.InUse != c.operations*c.slots {
					t.Errorf("%d slots are in use, want %d\n%s", s.InUse, c.operations*c.slots, w.engine.record)
				}
			})
		})
	}
}

// Without a waiting room and a minimum, a newcomer has only rejections to show that it
// needs a slot.
func TestNewcomerGetsSlotsByItsRejections(t *testing.T) {
	bubble(t, 10, 1, func(t *testing.T, w *world) {
		w.all[0].load(40)
		time.Sleep(3 * w.refresh)
		p := &process{w: w, ctx: w.all[0].ctx, bulkhead: bulk.Must(bulk.New("newcomer", 1)), hold: 100 * time.Millisecond}
		m, err := Join(p.ctx, engineOf(w), "budget", 10, p.bulkhead, MinShare(0))
		if err != nil {
			t.Fatal(err)
		}
		p.offer(20, 1)
		time.Sleep(12 * w.refresh)
		if share := m.Status().Share; share != 5 {
			t.Errorf("the newcomer has %d of 10 slots, want 5\n%s", share, w.engine.record)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// An operation that is larger than the total can never be admitted. Its member gets what
// the others do not need, and no more.
func TestOperationLargerThanTheTotalTakesOnlyWhatOthersDoNotNeed(t *testing.T) {
	bubble(t, 20, 3, func(t *testing.T, w *world) {
		w.all[0].load(0)
		w.all[1].load(3)
		w.all[2].load(5)
		w.all[0].offer(1, 21)
		time.Sleep(10 * w.refresh)
		w.mustHave(t, "while the others have little load", 10, 4, 6)
		w.all[2].load(20)
		time.Sleep(3 * w.refresh)
		w.mustHave(t, "while one of the others is very busy", 8, 4, 8)
	})
}

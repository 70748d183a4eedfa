package bulk_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Each state that a bulkhead can be in has a row.
func TestStatusMethodsInEachState(t *testing.T) {
	type answers struct {
		Free, Excess                  int
		Saturated, Drained            bool
		Utilization, QueueUtilization float64
	}
	hold := func(t *testing.T, b *bulk.Bulkhead, n int) bulk.Slot {
		t.Helper()
		s, ok := b.TryAcquireN(n)
		if !ok {
			t.Fatalf("%d slots were not granted", n)
		}
		return s
	}
	set := func(t *testing.T, b *bulk.Bulkhead, parallelism, room int) {
		t.Helper()
		if err := b.SetCapacity(bulk.Capacity{Parallelism: parallelism, WaitingRoom: room}); err != nil {
			t.Fatal(err)
		}
	}
	var rows table
	for _, c := range []struct {
		name, why   string
		parallelism int
		room        int
		arrange     func(*testing.T, *bulk.Bulkhead)
		want        answers
	}{
		{"idle", "all slots are free", 4, 2, nil, answers{Free: 4}},
		{"partly used", "slots are counted, not operations", 4, 2, func(t *testing.T, b *bulk.Bulkhead) { hold(t, b, 3) },
			answers{Free: 1, Utilization: 0.75}},
		{"all slots in use, places in the room", "one more would wait", 4, 2, func(t *testing.T, b *bulk.Bulkhead) { hold(t, b, 4) },
			answers{Utilization: 1}},
		{"all slots in use, some wait", "one more would wait", 4, 2, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 4)
			park(t, b, 1)
		}, answers{Utilization: 1, QueueUtilization: 0.5}},
		{"all slots in use, the room is full", "one more would be rejected", 4, 2, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 4)
			park(t, b, 1)
			park(t, b, 4)
		}, answers{Saturated: true, Utilization: 1, QueueUtilization: 1}},
		{"all slots in use, no room", "one more would be rejected", 4, 0, func(t *testing.T, b *bulk.Bulkhead) { hold(t, b, 4) },
			answers{Saturated: true, Utilization: 1}},
		{"a slot is free, no room, none waits", "one more would be admitted", 4, 0, func(t *testing.T, b *bulk.Bulkhead) { hold(t, b, 3) },
			answers{Free: 1, Utilization: 0.75}},
		{"a slot is free, the head needs two, the room is full", "none overtakes the head: one more would be rejected", 4, 1, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 3)
			park(t, b, 2)
		}, answers{Free: 1, Saturated: true, Utilization: 0.75, QueueUtilization: 1}},
		{"a slot is free, the head needs two, places in the room", "none overtakes the head: one more would wait", 4, 2, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 3)
			park(t, b, 2)
		}, answers{Free: 1, Utilization: 0.75, QueueUtilization: 0.5}},
		{"parallelism lowered", "more slots in use than the parallelism", 4, 2, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 3)
			set(t, b, 2, 2)
		}, answers{Excess: 1, Utilization: 1.5}},
		{"parallelism lowered, no room", "more slots in use than the parallelism", 4, 0, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 4)
			set(t, b, 1, 0)
		}, answers{Excess: 3, Saturated: true, Utilization: 4}},
		{"more wait than the room has places", "a smaller room rejects no waiting operation", 1, 4, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 1)
			park(t, b, 1)
			park(t, b, 1)
			park(t, b, 1)
			set(t, b, 1, 2)
		}, answers{Saturated: true, Utilization: 1, QueueUtilization: 1.5}},
		{"some wait and the room was removed", "a share of no places is 0", 1, 4, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 1)
			park(t, b, 1)
			set(t, b, 1, 0)
		}, answers{Saturated: true, Utilization: 1}},
		{"closed, something in flight", "one more would be rejected, but as closed", 2, 0, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, 2)
			_ = b.Close()
		}, answers{Utilization: 1}},
		{"closed, nothing in flight", "drained", 2, 0, func(_ *testing.T, b *bulk.Bulkhead) { _ = b.Close() }, answers{Free: 2, Drained: true}},
		{"drained later", "the last operation has finished", 2, 0, func(t *testing.T, b *bulk.Bulkhead) {
			s := hold(t, b, 2)
			_ = b.Close()
			s.Release()
		}, answers{Free: 2, Drained: true}},
		{"the largest bulkhead", "no sum overflows", math.MaxInt, math.MaxInt, func(t *testing.T, b *bulk.Bulkhead) { hold(t, b, math.MaxInt) },
			answers{Utilization: 1}},
		{"the largest reduction", "no difference overflows", math.MaxInt, 0, func(t *testing.T, b *bulk.Bulkhead) {
			hold(t, b, math.MaxInt)
			set(t, b, 1, 0)
		}, answers{Excess: math.MaxInt - 1, Saturated: true, Utilization: math.MaxInt}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := mustNew(t, c.parallelism, bulk.WaitingRoom(c.room))
			if c.arrange != nil {
				c.arrange(t, b)
			}
			s := b.Status()
			checkStatus(t, s)
			got := answers{s.Free(), s.Excess(), s.Saturated(), s.Drained(), s.Utilization(), s.QueueUtilization()}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Saturated predicts what happens to the next operation.
			ctx, cancel := context.WithTimeout(t.Context(), 1)
			defer cancel()
			next, err := b.Acquire(ctx)
			if errors.Is(err, bulk.ErrSaturated) != s.Saturated() {
				t.Errorf("Saturated is %t, the next operation got %v", s.Saturated(), err)
			}
			next.Release()
			_ = b.Close() // rejects the parked operations
			synctest.Wait()
		})
	}
}

func TestMethodsOfTheZeroStatusReturnZero(t *testing.T) {
	var s bulk.Status
	if s.Free() != 0 || s.Excess() != 0 || s.Drained() || s.Utilization() != 0 || s.QueueUtilization() != 0 {
		t.Errorf("%d %d %t %v %v", s.Free(), s.Excess(), s.Drained(), s.Utilization(), s.QueueUtilization())
	}
	var n bulk.Totals
	if n.Arrivals() != 0 || n.Rejected() != 0 || n.MeanWait() != 0 || n.Holds.Mean() != 0 {
		t.Errorf("%d %d %v %v", n.Arrivals(), n.Rejected(), n.MeanWait(), n.Holds.Mean())
	}
}

func TestArrivalsAndRejectedAddTheRightCounts(t *testing.T) {
	var rows table
	for _, c := range []struct {
		name, why          string
		totals             bulk.Totals
		arrivals, rejected uint64
	}{
		{"admitted immediately", "an arrival", bulk.Totals{Admitted: 1}, 1, 0},
		{"queued", "an arrival, whatever its outcome", bulk.Totals{Queued: 1}, 1, 0},
		{"admitted from the queue", "it arrived when it was queued", bulk.Totals{Queued: 1, Admitted: 1, AdmittedFromQueue: 1}, 1, 0},
		{"abandoned", "it arrived when it was queued", bulk.Totals{Queued: 1, Admitted: 1, AdmittedFromQueue: 1, Abandoned: 1}, 1, 0},
		{"finished", "it arrived when it was admitted", bulk.Totals{Admitted: 1, Finished: 1}, 1, 0},
		{"saturated", "rejected at arrival", bulk.Totals{Saturated: 1}, 1, 1},
		{"expired while waiting", "rejected later", bulk.Totals{Queued: 1, Expired: 1}, 1, 1},
		{"expired at arrival", "rejected at arrival", bulk.Totals{ExpiredAtArrival: 1}, 1, 1},
		{"canceled while waiting", "canceled is not rejected", bulk.Totals{Queued: 1, Canceled: 1}, 1, 0},
		{"canceled at arrival", "canceled is not rejected", bulk.Totals{CanceledAtArrival: 1}, 1, 0},
		{"closed while waiting", "rejected later", bulk.Totals{Queued: 1, Closed: 1}, 1, 1},
		{"closed at arrival", "rejected at arrival", bulk.Totals{ClosedAtArrival: 1}, 1, 1},
		{"oversized while waiting", "rejected later", bulk.Totals{Queued: 1, Oversized: 1}, 1, 1},
		{"oversized at arrival", "rejected at arrival", bulk.Totals{OversizedAtArrival: 1}, 1, 1},
		{"all of them", "each power of two is one count", bulk.Totals{Admitted: 1 << 0, Queued: 1 << 1, Saturated: 1 << 2, Expired: 1 << 3,
			ExpiredAtArrival: 1 << 4, Canceled: 1 << 5, CanceledAtArrival: 1 << 6, Closed: 1 << 7, ClosedAtArrival: 1 << 8,
			Oversized: 1 << 9, OversizedAtArrival: 1 << 10, Finished: 1 << 11, Abandoned: 1 << 12},
			1<<0 + 1<<1 + 1<<2 + 1<<4 + 1<<6 + 1<<8 + 1<<10, 1<<2 + 1<<3 + 1<<4 + 1<<7 + 1<<8 + 1<<9 + 1<<10},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			if c.totals.Arrivals() != c.arrivals || c.totals.Rejected() != c.rejected {
				t.Errorf("%d arrivals, %d rejected; want %d and %d", c.totals.Arrivals(), c.totals.Rejected(), c.arrivals, c.rejected)
			}
		})
	}
}

func TestMeansDivideSums(t *testing.T) {
	if got := (bulk.Totals{Wait: 10, AdmittedFromQueue: 4, Admitted: 100}).MeanWait(); got != 2 {
		t.Errorf("mean wait %v", got)
	}
	if got := (bulk.Totals{Wait: math.MaxInt64, AdmittedFromQueue: 1}).MeanWait(); got != math.MaxInt64 {
		t.Errorf("mean wait %v", got)
	}
	if got := (bulk.Holds{Samples: 3, Sum: time.Minute}).Mean(); got != 20*time.Second {
		t.Errorf("mean hold %v", got)
	}
	if got := (bulk.Holds{Samples: math.MaxUint64, Sum: math.MaxInt64}).Mean(); got != 0 {
		t.Errorf("mean hold %v", got)
	}
}

// A hold lasts from the grant until the slots are free. The wait is not part of it.
// Operations in flight are not counted.
func TestOneHoldInSixtyFourIsSampled(t *testing.T) {
	ways := map[string]func(b *bulk.Bulkhead, hold time.Duration){
		"Run": func(b *bulk.Bulkhead, hold time.Duration) {
			_, _ = bulk.Run(context.Background(), b, func(context.Context) (int, error) {
				time.Sleep(hold)
				return 0, nil
			})
		},
		"RunN with a limit": func(b *bulk.Bulkhead, hold time.Duration) {
			_, _ = bulk.RunN(context.Background(), b, 2, func(context.Context) (int, error) {
				time.Sleep(hold)
				return 0, errOwn
			}, deadline.Within(time.Hour))
		},
		"Do that panics": func(b *bulk.Bulkhead, hold time.Duration) {
			defer func() { _ = recover() }()
			_ = bulk.Do(context.Background(), b, func(context.Context) error {
				time.Sleep(hold)
				panic("on purpose")
			})
		},
		"Acquire": func(b *bulk.Bulkhead, hold time.Duration) {
			s, _ := b.Acquire(context.Background())
			time.Sleep(hold)
			s.Release()
			time.Sleep(hold)
			s.Release()
		},
		"TryAcquireN": func(b *bulk.Bulkhead, hold time.Duration) {
			s, _ := b.TryAcquireN(2)
			time.Sleep(hold)
			s.Release()
		},
		"from the queue": func(b *bulk.Bulkhead, hold time.Duration) {
			// A higher parallelism admits it. A release would be a sample of its own.
			c := b.Capacity()
			if err := b.Resize(1); err != nil {
				panic(err)
			}
			over := make(chan bool)
			go func() {
				s, _ := b.AcquireN(context.Background(), 1)
				time.Sleep(hold)
				s.Release()
				over <- true
			}()
			synctest.Wait()
			_ = b.SetCapacity(c)
			<-over
		},
	}
	for name, use := range ways {
		for _, listened := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := mustNew(t, 2, bulk.WaitingRoom(1))
					if listened {
						b.OnEvent(func(bulk.Event) {})
					}
					var want bulk.Holds
					for i := range 200 {
						hold := time.Duration(i+1) * time.Second
						use(b, hold)
						if sampled(uint64(i)) {
							want.Samples++
							want.Sum += hold
						}
						got := b.Status().Totals
						if got.Holds != want || got.Admitted != uint64(i+1) {
							t.Fatalf("after %d: %+v, want %+v", i+1, got.Holds, want)
						}
					}
					if want.Samples != 3 || b.Status().Totals.Holds.Mean() != want.Mean() {
						t.Errorf("%+v", want)
					}
				})
			})
		}
	}
}

// sampled reports whether the admission after n others is sampled, by the rule in
// the documentation of Holds.
func sampled(n uint64) bool {
	block := n / 64
	return n%64 == block*block*0x624D9807103842BB>>58
}

// An operation in flight or abandoned is no sample.
func TestHoldOfAQueuedOperationStartsAtTheGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(110))
		first := fill(t, b)[0] // the 1st
		var queue []*parked
		for range 90 {
			queue = append(queue, park(t, b, 1))
		}
		if h := b.Status().Totals.Holds; h != (bulk.Holds{}) {
			t.Errorf("in flight: %+v", h)
		}
		time.Sleep(time.Second)
		first.Release()
		if h := b.Status().Totals.Holds; h != (bulk.Holds{Samples: 1, Sum: time.Second}) {
			t.Errorf("the 1st has finished: %+v", h)
		}
		for i, p := range queue {
			p.mustHold(t)
			if i == 87 { // the 89th
				time.Sleep(time.Minute)
				if h := b.Status().Totals.Holds; h.Samples != 1 {
					t.Errorf("in flight: %+v", h)
				}
			}
			time.Sleep(time.Millisecond)
			p.slot.Release()
		}
		if h := b.Status().Totals.Holds; h != (bulk.Holds{Samples: 2, Sum: time.Second + time.Minute + time.Millisecond}) {
			t.Errorf("the 89th has finished: %+v", h)
		}
		mustBeIdle(t, b)
	})
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		for range 87 {
			s, _ := b.TryAcquire()
			s.Release()
		}
		held := fill(t, b) // the 88th
		p := park(t, b, 1)
		p.endQuietly()
		time.Sleep(time.Hour)
		held[0].Release()
		p.mustFail(t, bulk.ErrCanceled)
		if n := b.Status().Totals; n.Abandoned != 1 || n.Admitted != 89 || n.Holds.Samples != 1 || n.Holds.Sum != 0 {
			t.Errorf("the 89th was abandoned: %+v", n)
		}
		s, _ := b.TryAcquire() // the 90th, perhaps with the record of the 89th
		time.Sleep(time.Hour)
		s.Release()
		if h := b.Status().Totals.Holds; h.Samples != 1 {
			t.Errorf("the 90th is a sample: %+v", h)
		}
	})
}

// Bulkheads with the same label have different IDs too.
func TestIDsAreUnique(t *testing.T) {
	ids := make(map[uint64]bool)
	found := make(chan uint64)
	for range 8 {
		go func() {
			for range 100 {
				found <- bulk.Must(bulk.New("same", 1)).Status().ID
			}
		}()
	}
	for range 800 {
		id := <-found
		if ids[id] || id == 0 {
			t.Errorf("ID %d is 0 or used twice", id)
		}
		ids[id] = true
	}
	var events recorder
	b := mustNew(t, 1, bulk.OnEvent(events.handle))
	b.TryAcquire()
	if e := events.take()[0]; e.ID != b.Status().ID || ids[e.ID] {
		t.Errorf("the event has ID %d, the status %d", e.ID, b.Status().ID)
	}
}

func TestIndexCountsStatusesAndLastEventTransitions(t *testing.T) {
	b, other := mustNew(t, 1), mustNew(t, 1)
	if s := b.Status(); s.Index != 1 || s.LastEvent != 0 || other.Status().Index != 1 {
		t.Errorf("the first status is %+v", s)
	}
	b.TryAcquire()
	b.TryAcquire()
	_ = b.Capacity()
	_ = b.Resize(1)
	if s := b.Status(); s.Index != 2 || s.LastEvent != 2 {
		t.Errorf("the second status has index %d, after %d events", s.Index, s.LastEvent)
	}
	indices := make(chan uint64)
	for range 4 {
		go func() {
			for range 50 {
				indices <- b.Status().Index
			}
		}()
	}
	var got []uint64
	for range 200 {
		got = append(got, <-indices)
	}
	slices.Sort(got)
	for i, index := range got {
		if index != uint64(i+3) {
			t.Fatalf("status %d has index %d", i+3, index)
		}
	}
}

func TestAtIsTheTimeOfTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		for range 3 {
			if at := b.Status().At; !at.Equal(time.Now()) {
				t.Errorf("read at %v, it is %v", at, time.Now())
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestPeaksAreIndependentMaximaThatNeverDecrease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 4, bulk.WaitingRoom(3))
		check := func(want bulk.Peak, why string) {
			t.Helper()
			if got := b.Status().Peak; got != want {
				t.Errorf("%s: %+v, want %+v", why, got, want)
			}
		}
		check(bulk.Peak{}, "fresh")
		if _, ok := b.TryAcquireN(5); ok {
			t.Error("oversized")
		}
		check(bulk.Peak{}, "rejected")
		one, two := fill(t, b), []*parked(nil)
		check(bulk.Peak{InFlight: 4, InUse: 4}, "four operations of one slot")
		for _, s := range one {
			s.Release()
		}
		big := park(t, b, 4)
		big.mustHold(t)
		check(bulk.Peak{InFlight: 4, InUse: 4}, "one operation of four slots")
		for range 3 {
			two = append(two, park(t, b, 1))
		}
		check(bulk.Peak{InFlight: 4, InUse: 4, Waiting: 3}, "three wait")
		two[0].cancel(nil)
		two[0].mustFail(t, bulk.ErrCanceled)
		check(bulk.Peak{InFlight: 4, InUse: 4, Waiting: 3}, "two wait")
		if err := b.Resize(7); err != nil {
			t.Fatal(err)
		}
		two[1].mustHold(t)
		two[2].mustHold(t)
		check(bulk.Peak{InFlight: 4, InUse: 6, Waiting: 3}, "admitted by a higher parallelism")
		if err := b.Resize(1); err != nil {
			t.Fatal(err)
		}
		check(bulk.Peak{InFlight: 4, InUse: 6, Waiting: 3}, "lowered parallelism")
		big.slot.Release()
		two[1].slot.Release()
		two[2].slot.Release()
		check(bulk.Peak{InFlight: 4, InUse: 6, Waiting: 3}, "idle again")
		mustBeIdle(t, b)
	})
	// A hand-over is a release and then an admission: it makes no new peak.
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		held := fill(t, b)
		p := park(t, b, 1)
		held[0].Release()
		p.mustHold(t)
		if got := b.Status().Peak; got != (bulk.Peak{InFlight: 1, InUse: 1, Waiting: 1}) {
			t.Errorf("after a hand-over: %+v", got)
		}
		p.slot.Release()
	})
}

// The whole Status is compared after each step, and its equations are checked.
func TestStatusAfterEachStepOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 3, bulk.WaitingRoom(3), bulk.WaitLimit(time.Minute)))
		want := bulk.Status{ID: b.Status().ID, Index: 1, Label: "payments", Capacity: bulk.Capacity{Parallelism: 3, WaitingRoom: 3, WaitLimit: time.Minute}}
		canceled := uint64(0) // callers who got Canceled
		step := func(what string, change func(s *bulk.Status)) {
			t.Helper()
			synctest.Wait()
			change(&want)
			want.Index++
			want.At = time.Now()
			got := b.Status()
			if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(bulk.Waits{}),
				cmpopts.IgnoreFields(bulk.Status{}, "Queueing", "OldestWait"), cmpopts.IgnoreFields(bulk.Totals{}, "Queueing")); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", what, diff)
			}
			checkStatus(t, got)
			n := got.Totals
			if n.Canceled+n.CanceledAtArrival+n.Abandoned != canceled {
				t.Errorf("%s: %d callers were canceled, counted %d + %d + %d", what, canceled, n.Canceled, n.CanceledAtArrival, n.Abandoned)
			}
			if n.Arrivals() != n.Admitted-n.AdmittedFromQueue+n.Queued+n.Saturated+n.ExpiredAtArrival+n.CanceledAtArrival+n.ClosedAtArrival+n.OversizedAtArrival {
				t.Errorf("%s: %d arrivals", what, n.Arrivals())
			}
		}
		step("fresh", func(*bulk.Status) {})

		held, ok := b.TryAcquireN(2)
		if !ok {
			t.Fatal("not granted")
		}
		step("two slots for one operation", func(s *bulk.Status) {
			s.LastEvent = 1
			s.InFlight, s.InUse = 1, 2
			s.Totals.Admitted = 1
			s.Peak = bulk.Peak{InFlight: 1, InUse: 2}
		})
		big := park(t, b, 3)
		step("an operation for three slots waits", func(s *bulk.Status) {
			s.LastEvent++
			s.Waiting = 1
			s.Totals.Queued = 1
			s.Peak.Waiting = 1
		})
		if _, ok := b.TryAcquire(); ok {
			t.Error("overtaken")
		}
		step("an operation for one slot is rejected", func(s *bulk.Status) {
			s.LastEvent++
			s.Totals.Saturated = 1
		})
		short := park(t, b, 1, deadline.Within(time.Second))
		time.Sleep(time.Second)
		short.mustFail(t, bulk.ErrExpired)
		step("one expires while it waits", func(s *bulk.Status) {
			s.LastEvent += 2
			s.Totals.Queued, s.Totals.Expired = 2, 1
			s.Peak.Waiting = 2
		})
		_, _ = b.Acquire(t.Context(), deadline.Before(time.Now()))
		step("one has expired at arrival", func(s *bulk.Status) {
			s.LastEvent++
			s.Totals.ExpiredAtArrival = 1
		})
		_, _ = b.Acquire(done(errOwn))
		canceled++
		step("one is canceled at arrival", func(s *bulk.Status) {
			s.LastEvent++
			s.Totals.CanceledAtArrival = 1
		})
		_, _ = b.AcquireN(t.Context(), 4)
		step("one is oversized at arrival", func(s *bulk.Status) {
			s.LastEvent++
			s.Totals.OversizedAtArrival = 1
		})
		gone, late := park(t, b, 1), park(t, b, 2)
		gone.cancel(errOwn)
		gone.mustFail(t, bulk.ErrCanceled)
		canceled++
		step("one of two is canceled while it waits", func(s *bulk.Status) {
			s.LastEvent += 3
			s.Waiting = 2
			s.Totals.Queued, s.Totals.Canceled = 4, 1
			s.Peak.Waiting = 3
		})
		if err := b.Resize(2); err != nil {
			t.Fatal(err)
		}
		big.mustFail(t, bulk.ErrOversized)
		step("a lower parallelism rejects the operation for three slots", func(s *bulk.Status) {
			s.LastEvent += 2
			s.Capacity.Parallelism = 2
			s.Waiting = 1
			s.Totals.Oversized = 1
		})
		time.Sleep(time.Second)
		held.Release()
		held.Release()
		late.mustHold(t)
		step("handed over", func(s *bulk.Status) {
			s.LastEvent += 2
			s.Waiting = 0
			s.Totals.Finished, s.Totals.Admitted, s.Totals.AdmittedFromQueue = 1, 2, 1
			s.Totals.Wait, s.Totals.LongestWait = time.Second, time.Second
			s.Totals.Holds = bulk.Holds{Samples: 1, Sum: 2 * time.Second}
		})
		ctx, end := silent(errOwn)
		abandoned := make(chan error)
		go func() {
			_, err := b.AcquireN(ctx, 2)
			abandoned <- err
		}()
		synctest.Wait()
		last := park(t, b, 1)
		end()
		time.Sleep(2 * time.Second)
		late.slot.Release()
		if err := <-abandoned; !errors.Is(err, errOwn) {
			t.Error(err)
		}
		last.mustHold(t)
		canceled++
		step("one is granted slots after its ctx has ended, and passes them on", func(s *bulk.Status) {
			s.LastEvent += 6 // queued, queued, released, admitted, abandoned, admitted
			s.InFlight, s.InUse = 1, 1
			s.Totals.Queued, s.Totals.Finished, s.Totals.Admitted, s.Totals.AdmittedFromQueue, s.Totals.Abandoned = 6, 2, 4, 3, 1
			s.Totals.Wait, s.Totals.LongestWait = 5*time.Second, 2*time.Second
		})
		waiting := park(t, b, 2)
		_ = b.Close()
		waiting.mustFail(t, bulk.ErrClosed)
		step("closed", func(s *bulk.Status) {
			s.LastEvent += 3
			s.Closed = true
			s.Totals.Queued, s.Totals.Closed = 7, 1
		})
		_, _ = b.Acquire(t.Context())
		_, _ = b.AcquireN(done(nil), 9)
		canceled++
		_ = b.Close()
		_ = b.Resize(5)
		step("arrivals after Close", func(s *bulk.Status) {
			s.LastEvent += 2
			s.Totals.ClosedAtArrival, s.Totals.CanceledAtArrival = 1, 2
		})
		last.slot.Release()
		step("drained", func(s *bulk.Status) {
			s.LastEvent += 2
			s.InFlight, s.InUse = 0, 0
			s.Totals.Finished = 3
		})
		s := b.Status()
		if !s.Drained() || s.Totals.Arrivals() != 14 || s.Totals.Rejected() != 7 || s.Totals.Waits.Count() != 3 || s.Totals.MeanWait() != 5*time.Second/3 {
			t.Errorf("at the end: %d arrivals, %d rejected, mean wait %v, %+v", s.Totals.Arrivals(), s.Totals.Rejected(), s.Totals.MeanWait(), s)
		}
	})
}

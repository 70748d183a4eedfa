package sizing

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"pgregory.net/rapid"
)

type tester interface {
	Helper()
	Fatal(...any)
}

func shadowOf(t tester, b *bulk.Bulkhead, c bulk.Capacity) *Shadow {
	t.Helper()
	s, err := NewShadow(b, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func acquire(t tester, b *bulk.Bulkhead, n int, limits ...deadline.Limit) bulk.Slot {
	t.Helper()
	slot, err := b.AcquireN(context.Background(), n, limits...)
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

// accounts checks the identities that the documentation of bulk.Status promises.
func accounts(t interface{ Errorf(string, ...any) }, s bulk.Status) {
	n := s.Totals
	if n.Admitted != n.Finished+n.Abandoned+uint64(s.InFlight) ||
		n.Queued != n.AdmittedFromQueue+n.Expired+n.Canceled+n.Closed+n.Oversized+uint64(s.Waiting) ||
		n.Waits.Count() != n.AdmittedFromQueue ||
		s.Peak.InFlight < s.InFlight || s.Peak.InUse < s.InUse || s.Peak.Waiting < s.Waiting ||
		s.InUse < s.InFlight || (s.InUse == 0) != (s.InFlight == 0) ||
		s.Closed && s.Waiting > 0 || s.Queueing > n.Queueing || s.Waiting == 0 && (s.OldestWait > 0 || s.Queueing > 0) {
		t.Errorf("does not add up: %+v", s)
	}
}

func TestStatusOfAShadowAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		real, other, later := drawCapacity(t, 0), drawCapacity(t, 0), drawCapacity(t, 0)
		calls := drawCalls(t, true)
		closes := rapid.Bool().Draw(t, "closes")
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, real)
			s := shadowOf(t, b, other)
			defer s.Close()
			twin := shadowOf(t, b, other)
			defer twin.Close()
			var all sync.WaitGroup
			all.Go(func() { run(b, calls) })
			time.Sleep(ms(1) / 2)
			previous := s.Status()
			for range 12 {
				time.Sleep(ms(3))
				synctest.Wait()
				now := s.Status()
				accounts(t, now)
				interval, err := now.Since(previous)
				if err != nil || interval.Duration != now.At.Sub(previous.At) || now.At.Before(previous.At) || now.At.After(time.Now()) {
					t.Fatal(err, interval)
				}
				if diff := difference(now, twin.Status()); diff != "" {
					t.Fatalf("two shadows of one capacity differ:\n%s", diff)
				}
				if rapid.IntRange(0, 5).Draw(t, "change") == 0 && (s.SetCapacity(later) != nil || twin.SetCapacity(later) != nil) {
					t.Fatal("not changed")
				}
				previous = now
			}
			if closes {
				_ = b.Close()
			}
			_ = b.SetCapacity(bulk.Capacity{Parallelism: 5})
			all.Wait()
			time.Sleep(time.Minute)
			end := s.Status()
			accounts(t, end)
			observed := b.Status().Totals.Finished > 0 // otherwise there is no hold to draw
			if end.Capacity.Parallelism > 0 && observed && (end.InFlight > 0 || end.Waiting > 0) || !end.At.Equal(time.Now()) {
				t.Fatalf("nothing happened for a minute: %+v", end)
			}
			if n := len(s.live); n > 0 {
				t.Fatalf("%d operations are remembered", n)
			}
		})
	})
}

// Operations that a capacity keeps waiting start later and end later.
func TestShadowOfObserveModeSaysWhatWouldHaveHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", bulk.Unlimited))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 2, WaitingRoom: 2, WaitLimit: ms(15)})
		defer s.Close()
		for range 6 { // all admitted
			go call{slots: 1, hold: ms(10), cancel: -1}.do(b)
		}
		time.Sleep(ms(5))
		synctest.Wait()
		if got := s.Status(); got.InFlight != 2 || got.Waiting != 2 || got.Totals.Saturated != 2 || !got.Saturated() || got.OldestWait != ms(5) {
			t.Errorf("after 5 ms: %+v", got)
		}
		time.Sleep(ms(10))
		synctest.Wait()
		if got := s.Status(); b.Status().InFlight != 0 || got.InFlight != 2 || got.Waiting != 0 || got.Totals.Wait != ms(20) {
			t.Errorf("after 15 ms: %+v", got)
		}
		time.Sleep(ms(10))
		got := s.Status()
		if got.InFlight != 0 || got.Totals.Finished != 4 || got.Totals.Rejected() != 2 || got.Peak != (bulk.Peak{InFlight: 2, InUse: 2, Waiting: 2}) {
			t.Errorf("after 25 ms: %+v", got)
		}
		if s.Accuracy() != (Accuracy{}) {
			t.Errorf("%+v", s.Accuracy())
		}
	})
}

func TestShadowIsBehindByTheWaitOfWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(10)))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
		defer s.Close()
		began := time.Now()
		behind := func(in time.Duration, want bulk.Totals, upTo time.Duration) {
			t.Helper()
			time.Sleep(time.Until(began.Add(in)))
			synctest.Wait()
			got := s.Status()
			if got.At.Sub(began) != upTo || got.Totals.Admitted != want.Admitted || got.Totals.Finished != want.Finished {
				t.Errorf("after %v: up to %v, %d admitted, %d finished", in, got.At.Sub(began), got.Totals.Admitted, got.Totals.Finished)
			}
		}
		go call{slots: 1, hold: ms(10), cancel: -1}.do(b)
		time.Sleep(ms(2))
		go call{slots: 1, hold: ms(10), cancel: -1}.do(b) // waits until 10, ends at 20; in the shadow it ends at 12
		behind(ms(9), bulk.Totals{Admitted: 2}, ms(2))
		behind(ms(11), bulk.Totals{Admitted: 2}, ms(3))
		behind(ms(19), bulk.Totals{Admitted: 2, Finished: 1}, ms(11))
		behind(ms(20), bulk.Totals{Admitted: 2, Finished: 2}, ms(20))
		if got := s.Accuracy(); got.Drawn > 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestOperationsThatAreThereAtTheBeginningOccupyTheirSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 7, bulk.WaitingRoom(10)))
		first, second := acquire(t, b, 3), acquire(t, b, 2)
		go call{slots: 4, hold: ms(10), cancel: -1}.do(b) // waits
		synctest.Wait()
		go call{slots: 4, hold: ms(10), cancel: ms(1)}.do(b)
		go call{slots: 1, cancel: -1, dies: 1}.do(b) // abandoned
		synctest.Wait()
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 2, WaitingRoom: 5})
		defer s.Close()
		check := func(what string, inFlight, inUse, waiting int) {
			t.Helper()
			synctest.Wait()
			got := s.Status()
			accounts(t, got)
			if got.InFlight != inFlight || got.InUse != inUse || got.Waiting != waiting {
				t.Errorf("%s: %+v", what, got)
			}
		}
		check("at the beginning", 2, 5, 0)
		time.Sleep(ms(1)) // one leaves the queue
		check("one is canceled", 2, 5, 0)
		go call{slots: 1, hold: ms(50), cancel: -1}.do(b)
		check("one arrives", 2, 5, 1)
		first.Release() // admits two, and one of them is abandoned
		check("the first has ended", 2, 6, 1)
		second.Release()
		check("the second has ended", 1, 4, 1)
		time.Sleep(ms(10))
		check("all that were there have ended", 1, 1, 0)
		time.Sleep(time.Second)
		check("all have ended", 0, 0, 0)
		if got := s.Status().Totals; got.Admitted != 5 || got.Finished != 4 || got.Abandoned != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestShadowOfAClosedBulkheadIsClosed(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	slot := acquire(t, b, 1)
	_ = b.Close()
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
	defer s.Close()
	if got := s.Status(); !got.Closed || got.Drained() {
		t.Errorf("%+v", got)
	}
	slot.Release()
	_, _ = b.TryAcquire()
	if got := s.Status(); !got.Drained() || got.Totals.ClosedAtArrival != 1 || got.LastEvent != 5 {
		t.Errorf("%+v", got)
	}
	if err := s.SetCapacity(bulk.Capacity{Parallelism: 1}); !errors.Is(err, bulk.ErrClosed) || s.Status().Capacity.Parallelism != 2 {
		t.Error(err)
	}
}

func TestClosedShadowHearsNothing(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
	slot := acquire(t, b, 1)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	before := s.Status()
	slot.Release()
	acquire(t, b, 1).Release()
	after := s.Status()
	if before.Totals.Admitted != 1 || difference(before, after) != "" || after.Index != before.Index+1 {
		t.Errorf("%+v", after)
	}
	s.handle(bulk.Event{Seq: s.order.next, Op: s.order.next, Kind: bulk.EventAdmitted}) // on its way when the shadow was closed
	if difference(before, s.Status()) != "" {
		t.Error("heard")
	}
	if err := s.SetCapacity(bulk.Capacity{Parallelism: 1}); !errors.Is(err, bulk.ErrClosed) || errors.Is(err, bulk.ErrNotStarted) != errors.Is(bulk.ErrClosed, bulk.ErrNotStarted) {
		t.Error(err)
	}
}

func TestBadArgumentsOfAShadowAreErrors(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	bad := bulk.Capacity{Parallelism: -1, DelayTarget: 1}
	var e *bulk.ConfigError
	if s, err := NewShadow(b, bad); s != nil || !errors.As(err, &e) || e.Field != "parallelism" {
		t.Error(s, err)
	}
	if n := b.Status().LastEvent; n != 0 {
		t.Error(n)
	}
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
	defer s.Close()
	if err := s.SetCapacity(bad); !errors.As(err, &e) || s.Status().Capacity.Parallelism != 2 {
		t.Error(err)
	}
	for _, f := range []func(){func() { _, _ = NewShadow(nil, bulk.Capacity{}) }, func() { _, _ = NewRecorder(nil, 1) }} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasSuffix(r.(string), ": nil bulkhead") {
					t.Error(r)
				}
			}()
			f()
		}()
	}
}

func TestAllFormsWorkOnTheStatusOfAShadow(t *testing.T) {
	b := bulk.Must(bulk.New("payments", bulk.Unlimited))
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 1})
	defer s.Close()
	first := s.Status()
	var slots []bulk.Slot
	for range 40 {
		slots = append(slots, acquire(t, b, 1))
	}
	second := s.Status()
	if first.ID == b.Status().ID || first.ID != second.ID || second.Index != 2 || second.Label != "payments" || second.LastEvent != 40 {
		t.Errorf("%+v", second)
	}
	interval, err := second.Since(first)
	if err != nil || interval.Totals.Saturated != 39 {
		t.Error(err, interval)
	}
	if _, err := second.Since(b.Status()); !errors.Is(err, bulk.ErrUnrelated) {
		t.Error(err)
	}
	if _, err := first.Since(second); !errors.Is(err, bulk.ErrReversed) {
		t.Error(err)
	}
	if r := interval.Report(); r.Severity() != bulk.SeverityCritical || !strings.Contains(r.String(), "rejected") {
		t.Error(r)
	}
	text, err := json.Marshal(second)
	var back bulk.Status
	if err != nil || json.Unmarshal(text, &back) != nil || difference(second, back) != "" {
		t.Error(err, string(text))
	}
	if !strings.Contains(second.String(), `"payments"`) {
		t.Error(second)
	}
	for _, slot := range slots {
		slot.Release()
	}
}

func TestShadowSamplesTheSameHoldsAsABulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2))
		s := shadowOf(t, b, b.Capacity())
		defer s.Close()
		for i := range 1000 {
			call{slots: 1, hold: time.Duration(i * i), cancel: -1}.do(b)
		}
		if want, got := b.Status().Totals.Holds, s.Status().Totals.Holds; want != got || got.Samples < 15 {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// A limit or a ctx that ended a wait in reality ends it at the same instant in the shadow;
// one that passed unseen is not known.
func TestLimitsOfCallsAreKnownOnlyIfTheyEndedAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(10), bulk.WaitLimit(ms(8))))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 1, WaitingRoom: 10, WaitLimit: ms(100)})
		defer s.Close()
		slot := acquire(t, b, 1)
		go call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.Within(ms(3))}}.do(b)
		go call{slots: 1, cancel: ms(4)}.do(b)
		go call{slots: 1, cancel: -1}.do(b) // expires at the wait limit, which is longer in the shadow
		go call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.NoWait()}}.do(b)
		go call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.Before(time.Now())}}.do(b)
		time.Sleep(ms(10))
		synctest.Wait()
		got := s.Status()
		if got.Waiting != 1 || got.OldestWait != ms(10) || got.Totals.Expired != 1 || got.Totals.Canceled != 1 || got.Totals.Saturated != 1 || got.Totals.ExpiredAtArrival != 1 {
			t.Errorf("%+v", got)
		}
		slot.Release() // its hold, 10 ms, is the only one observed
		if got = s.Status(); got.InFlight != 1 || s.Accuracy().Drawn != 1 {
			t.Errorf("%+v, %+v", got, s.Accuracy())
		}
		time.Sleep(ms(10) + 1)
		if got = s.Status(); got.InFlight != 0 || got.Totals.Finished != 2 {
			t.Errorf("%+v", got)
		}
		// Admitted immediately in reality: that it may not wait is not known.
		slot = acquire(t, b, 1, deadline.NoWait())
		if err := s.SetCapacity(bulk.Capacity{WaitingRoom: 10}); err != nil { // paused
			t.Fatal(err)
		}
		slot.Release()
		slot = acquire(t, b, 1, deadline.NoWait())
		if got = s.Status(); got.Waiting != 1 || got.Totals.Saturated != 1 {
			t.Errorf("%+v", got)
		}
		slot.Release()
	})
}

func TestLimitsOfCallsAreInferredFromThePresentCapacityOfTheBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(10), bulk.WaitLimit(ms(8))))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 1, WaitingRoom: 10, WaitLimit: ms(100)})
		defer s.Close()
		slot := acquire(t, b, 1)
		if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 10, WaitLimit: ms(2)}); err != nil {
			t.Fatal(err)
		}
		call{slots: 1, cancel: -1}.do(b) // expires at the wait limit, not at one of its own
		if got := s.Status(); b.Status().Totals.Expired != 1 || got.Totals.Expired != 0 || got.Waiting != 1 {
			t.Errorf("%+v", got)
		}
		slot.Release()
	})
}

// The shadow admitted it when its ctx was not done.
func TestAbandonedOperationHasRunIfTheShadowAdmittedItBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(10)))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
		defer s.Close()
		slot := acquire(t, b, 1)
		go call{slots: 1, cancel: -1, dies: ms(1)}.do(b)
		time.Sleep(ms(5))
		slot.Release()
		synctest.Wait()
		time.Sleep(ms(20))
		if got := s.Status(); b.Status().Totals.Abandoned != 1 || got.Totals.Abandoned != 0 || got.Totals.Finished != 2 || s.Accuracy().Drawn != 1 {
			t.Errorf("%+v, %+v", got, s.Accuracy())
		}
	})
}

// What follows from a hold that was drawn is exact: a replay in which the operations have
// these holds equals the shadow.
func TestOnlyTheHoldsAreDrawn(t *testing.T) {
	drawn := uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		real, other := drawCapacity(t, 1), drawCapacity(t, 1)
		calls := drawCalls(t, true)
		rapid.SyncTest(t, func(t *rapid.T) {
			b := newWith(t, real)
			s := shadowOf(t, b, other)
			defer s.Close()
			holds := map[uint64]time.Duration{}
			left := s.virtual.left
			s.virtual.left = func(op *operation) {
				if op.scheduled && !op.abandoned {
					holds[op.number] = time.Duration(op.due.at - op.start)
				}
				left(op)
			}
			r, err := NewRecorder(b, 100)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			run(b, calls)
			time.Sleep(time.Second)
			want, trace := s.Status(), r.Trace()
			for i := range trace.Operations {
				op := &trace.Operations[i]
				if hold, ok := holds[op.Seq]; ok && op.Outcome != Finished {
					// As if it had been admitted immediately: the place of its end is that of a drawn hold.
					*op = Operation{Arrived: op.Arrived, Slots: op.Slots, Hold: hold, Outcome: Finished, Seq: op.Seq, EndSeq: draws + op.Seq}
				}
			}
			got, err := trace.Replay(other)
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference(want, got); diff != "" {
				t.Fatalf("(-shadow +replay):\n%s", diff)
			}
			drawn += s.Accuracy().Drawn
		})
	})
	if drawn == 0 {
		t.Error("none was drawn")
	}
}

func TestOperationsThatNeverRanAreInFlightUntilAHoldIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 3})
		defer s.Close()
		slot := acquire(t, b, 1)
		time.Sleep(ms(5))
		for range 3 {
			_, _ = b.TryAcquire()
		}
		time.Sleep(ms(1))
		if got := s.Status(); got.InFlight != 3 || got.Totals.Saturated != 1 {
			t.Errorf("%+v", got)
		}
		slot.Release() // after 6 ms
		time.Sleep(ms(5) - 1)
		if got := s.Status(); got.InFlight != 2 {
			t.Errorf("%+v", got)
		}
		time.Sleep(2 * time.Nanosecond)
		if got := s.Status(); got.InFlight != 0 || s.Accuracy().Drawn != 2 {
			t.Errorf("%+v, %+v", got, s.Accuracy())
		}
	})
}

func TestShadowUsesHoldsOfTheLast256Operations(t *testing.T) {
	var h holds
	if h.draw(1) != 0 {
		t.Error("drawn from none")
	}
	for d := range int64(1000) {
		h.add(d)
	}
	seen := map[int64]int{}
	for n := range uint64(25_600) {
		seen[h.draw(n)]++
	}
	for d, n := range seen {
		if d < 1000-maxHolds || n < 50 || n > 200 {
			t.Errorf("%d drawn %d times", d, n)
		}
	}
	if len(seen) != maxHolds {
		t.Errorf("%d of %d holds are drawn", len(seen), maxHolds)
	}
}

func TestShadowRemembersABoundedNumberOfTransitions(t *testing.T) {
	t.Run("an operation waits in reality", func(t *testing.T) { remembers(t, false) })
	t.Run("an operation has waited and is in flight", func(t *testing.T) { remembers(t, true) })
}

func remembers(t *testing.T, admitted bool) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(1)))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 2})
		defer s.Close()
		slot := acquire(t, b, 1)
		go call{slots: 1, hold: ms(10), cancel: -1}.do(b) // admitted in the shadow: until it has ended in b, its hold is not known
		synctest.Wait()
		began := time.Now()
		if admitted {
			time.Sleep(ms(5))
			slot.Release()
			go call{slots: 1, cancel: -1}.do(b) // fills the room
			synctest.Wait()
		}
		for range maxPending / 2 {
			time.Sleep(time.Nanosecond)
			_, _ = b.TryAcquire()
		}
		if got := s.Status(); got.At.After(began.Add(ms(1))) || s.Accuracy().Drawn != 0 {
			t.Fatalf("%+v", got)
		}
		for range 2 * maxPending {
			time.Sleep(time.Nanosecond)
			_, _ = b.TryAcquire()
			if n := s.virtual.pending.len; n > maxPending {
				t.Fatalf("%d are pending", n)
			}
		}
		got := s.Status()
		accounts(t, got)
		if s.Accuracy().Drawn == 0 {
			t.Fatalf("%+v", got)
		}
		slot.Release()
		time.Sleep(time.Second)
		got = s.Status()
		accounts(t, got)
		if arrivals := b.Status().Totals.Arrivals(); !got.At.Equal(time.Now()) || got.InFlight != 0 || got.Totals.Arrivals() != arrivals || arrivals < 2*maxPending {
			t.Errorf("%+v", got)
		}
	})
}

// An event can be delivered late because a handler before the shadow's blocks.
func TestShadowWaitsForEventsThatAreOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := make(chan struct{})
		b := bulk.Must(bulk.New("payments", 5, bulk.OnEvent(func(e bulk.Event) {
			if e.Seq == 1 {
				<-blocked
			}
		})))
		s := shadowOf(t, b, bulk.Capacity{Parallelism: 5})
		defer s.Close()
		began := time.Now()
		go call{slots: 1, hold: ms(10), cancel: -1}.do(b)
		time.Sleep(ms(1))
		acquire(t, b, 2).Release()
		if got := s.Status(); got.Totals.Admitted != 0 || !got.At.Equal(began) {
			t.Errorf("%+v", got)
		}
		time.Sleep(ms(1))
		close(blocked)
		synctest.Wait()
		if got := s.Status(); got.Totals.Admitted != 2 || got.Totals.Finished != 1 || got.Peak.InUse != 3 || !got.At.Equal(time.Now()) {
			t.Errorf("%+v", got)
		}
		time.Sleep(ms(20))
		if diff := difference(b.Status(), s.Status()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEventsThatAreTooLateAreCounted(t *testing.T) {
	b := bulk.Must(bulk.New("payments", bulk.Unlimited))
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 5})
	defer s.Close()
	began := s.origin
	event := func(seq, op uint64, kind bulk.EventKind) {
		s.handle(bulk.Event{Seq: seq, Op: op, Kind: kind, Queued: op == 3 && seq != 3, Slots: 1, At: began.Add(time.Duration(seq))})
	}
	event(1, 1, bulk.EventAdmitted)
	// 2 is the arrival of an operation, 4 the admission of one that was queued, 5 the end of
	// the first one.
	event(3, 3, bulk.EventQueued)
	for seq := uint64(6); seq < 6+2*maxHeld; seq += 2 {
		event(seq, seq, bulk.EventAdmitted)
		event(seq+1, seq, bulk.EventReleased)
	}
	const last = 6 + 2*maxHeld
	event(last, 3, bulk.EventReleased)
	event(2, 2, bulk.EventAdmitted)
	event(4, 3, bulk.EventAdmitted)
	event(5, 1, bulk.EventReleased)
	event(last+1, 2, bulk.EventReleased)
	if got := s.Accuracy(); got.Late != 3 {
		t.Errorf("%+v", got)
	}
	s.virtual.seen.at += last
	s.virtual.advance()
	got := s.virtual.status()
	accounts(t, got)
	if got.InFlight != 0 || got.Totals.Finished != maxHeld+2 || len(s.live) != 0 || s.virtual.early.len > 0 || s.virtual.now > int64(3*last) {
		t.Errorf("%d in flight, %d finished, %d remembered, at %d", got.InFlight, got.Totals.Finished, len(s.live), s.virtual.now)
	}
}

func TestShadowCanBeUsedInManyBubblesAndOutside(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(5)))
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 2, WaitingRoom: 5})
	defer s.Close()
	use := func(t *testing.T) {
		virtual := time.Now().Year() == 2000
		for range 3 {
			acquire(t, b, 1).Release()
		}
		real, got := b.Status(), s.Status()
		if virtual {
			time.Sleep(ms(10))
			if passed := s.Status().At.Sub(got.At); passed != ms(10) {
				t.Errorf("%v of 10 ms have passed", passed)
			}
		}
		got.At, got.Totals.Holds, real.Totals.Holds = real.At, bulk.Holds{}, bulk.Holds{}
		if diff := difference(real, got); diff != "" {
			t.Error(diff)
		}
	}
	for range 2 {
		use(t)
		before := s.Status()
		synctest.Test(t, use)
		synctest.Test(t, use)
		if interval, err := s.Status().Since(before); err != nil || interval.Totals.Finished != 6 || interval.Totals.Holds.Sum > time.Hour {
			t.Error(err, interval)
		}
	}
}

// In real time too: no bound of a wait is concerned.
func TestShadowUnderConcurrentLoadCountsWhatTheBulkheadCounts(t *testing.T) {
	for _, c := range []bulk.Capacity{{Parallelism: 3, WaitingRoom: 4}, {Parallelism: bulk.Unlimited}} {
		b := newWith(t, c)
		s := shadowOf(t, b, c)
		other := shadowOf(t, b, bulk.Capacity{Parallelism: 2, WaitingRoom: 2, WaitLimit: time.Microsecond})
		smaller := bulk.Capacity{Parallelism: 2, WaitingRoom: 2, WaitLimit: time.Microsecond, DelayTarget: 100, DelayInterval: 500}
		fixed := shadowOf(t, b, smaller)
		r, err := NewRecorder(b, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for g := range 12 {
			all.Go(func() {
				for i := range 300 {
					_ = bulk.DoN(t.Context(), b, 1+i%2, func(context.Context) error { return nil })
					if i%100 == g {
						accounts(t, s.Status())
						accounts(t, other.Status())
						_ = r.Trace()
						_ = other.SetCapacity(bulk.Capacity{Parallelism: 1 + g%3, WaitingRoom: 2})
					}
				}
			})
		}
		all.Wait()
		want, got := b.Status(), s.Status()
		got.At, got.Totals.Queueing, got.Totals.Holds = want.At, want.Totals.Queueing, want.Totals.Holds // other readings of the clock
		got.Totals.Wait, got.Totals.LongestWait, got.Totals.Waits = want.Totals.Wait, want.Totals.LongestWait, want.Totals.Waits
		if diff := difference(want, got); diff != "" {
			t.Error(diff)
		}
		accounts(t, other.Status())
		if want, trace := fixed.Status(), r.Trace(); fixed.Accuracy().Drawn == 0 {
			trace.End = want.At
			got, err := trace.Replay(smaller)
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference(want, got); diff != "" || want.Totals.Arrivals() != 3600 {
				t.Errorf("(-shadow +replay):\n%s", diff)
			}
		}
		if err := errors.Join(s.Close(), other.Close(), fixed.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestShadowAndRecorderAllocateNothingInSteadyState(t *testing.T) {
	b := bulk.Must(bulk.New("payments", bulk.Unlimited))
	s := shadowOf(t, b, bulk.Capacity{Parallelism: 1, WaitingRoom: 5, WaitLimit: time.Second})
	defer s.Close()
	r, err := NewRecorder(b, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := t.Context()
	operation := func() {
		slot, _ := b.Acquire(ctx)
		for range 3 {
			_ = bulk.Do(ctx, b, func(context.Context) error { return nil })
		}
		slot.Release()
	}
	for range 1000 {
		operation()
	}
	if n := testing.AllocsPerRun(1000, operation); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

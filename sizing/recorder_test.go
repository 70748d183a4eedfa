package sizing

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
)

func recorderOf(t tester, b *bulk.Bulkhead, max int) *Recorder {
	t.Helper()
	r, err := NewRecorder(b, max)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTraceSaysWhatBecameOfEveryOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(5), bulk.WaitLimit(ms(5))))
		early := acquire(t, b, 2)
		r := recorderOf(t, b, 100)
		defer r.Close()
		began := time.Now()
		step := func(c call) {
			time.Sleep(time.Nanosecond)
			go c.do(b)
			synctest.Wait()
		}
		step(call{slots: 1, cancel: -1, hold: ms(20)})                                           // admitted after 4 ms
		step(call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.Within(ms(2))}})       // a limit of its own
		step(call{slots: 1, cancel: ms(1)})                                                      // canceled while it waits
		step(call{slots: 2, cancel: -1})                                                         // expires at the wait limit
		step(call{slots: 3, cancel: -1})                                                         // oversized
		step(call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.NoWait()}})            // may not wait
		step(call{slots: 1, cancel: 0})                                                          // ctx is done
		step(call{slots: 1, cancel: -1, limits: []deadline.Limit{deadline.Before(time.Time{})}}) // too late
		time.Sleep(time.Until(began.Add(ms(4))))
		early.Release()
		time.Sleep(ms(4)) // at 8 ms
		step(call{slots: 2, cancel: -1})
		time.Sleep(ms(1))
		_ = b.Close()
		step(call{slots: 1, cancel: -1})
		got := r.Trace()
		want := Trace{
			Label: "payments", Start: began, End: began.Add(ms(9) + 2), Closed: began.Add(ms(9) + 1), Capacity: b.Capacity(),
			Operations: []Operation{
				{Arrived: 0, Slots: 2, Hold: ms(4), Outcome: Finished, EndSeq: 12}, // it was there at the beginning
				{Arrived: 1, Slots: 1, Queued: true, Wait: ms(4) - 1, Hold: ms(5) + 2, Outcome: InFlight, Seq: 2},
				{Arrived: 2, Slots: 1, Queued: true, Wait: ms(2), Outcome: Expired, Limited: true, Seq: 3, EndSeq: 11},
				{Arrived: 3, Slots: 1, Queued: true, Wait: ms(1), Outcome: Canceled, Seq: 4, EndSeq: 10},
				{Arrived: 4, Slots: 2, Queued: true, Wait: ms(5), Outcome: Expired, Seq: 5, EndSeq: 14},
				{Arrived: 5, Slots: 3, Outcome: Oversized, Seq: 6, EndSeq: 6},
				{Arrived: 6, Slots: 1, Outcome: Saturated, Limited: true, Seq: 7, EndSeq: 7},
				{Arrived: 7, Slots: 1, Outcome: Canceled, Seq: 8, EndSeq: 8},
				{Arrived: 8, Slots: 1, Outcome: Expired, Seq: 9, EndSeq: 9},
				{Arrived: ms(8) + 1, Slots: 2, Queued: true, Wait: ms(1), Outcome: Closed, Seq: 15, EndSeq: 17},
				{Arrived: ms(9) + 2, Slots: 1, Outcome: Closed, Seq: 18, EndSeq: 18},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := got.NeverRan(); n != 9 {
			t.Errorf("%d never ran", n)
		}
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
	})
}

// The record is bounded, and complete since its start: operations that were there then are
// in it, however long ago they came.
func TestRecorderKeepsTheLastOperationsAndThoseThatAreNotOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", bulk.Unlimited))
		r := recorderOf(t, b, 10)
		defer r.Close()
		began := time.Now()
		long := acquire(t, b, 7)
		medium := acquire(t, b, 5)
		for i := range 100 {
			time.Sleep(ms(1))
			if i == 95 {
				medium.Release()
			}
			acquire(t, b, 1).Release()
		}
		got := r.Trace()
		if len(r.over) != 10 || len(got.Operations) != 11 || !got.Start.Equal(began.Add(ms(91))) || got.Validate() != nil {
			t.Fatalf("%d operations from %v: %v", len(got.Operations), got.Start.Sub(began), got.Validate())
		}
		for i, op := range got.Operations {
			want := Operation{Arrived: ms(i - 1), Slots: 1, Outcome: Finished, Seq: op.Seq, EndSeq: op.EndSeq}
			switch i {
			case 0:
				want = Operation{Arrived: -ms(91), Slots: 7, Hold: ms(100), Outcome: InFlight, Seq: 1}
			case 1:
				want = Operation{Arrived: -ms(91), Slots: 5, Hold: ms(96), Outcome: Finished, Seq: 2, EndSeq: op.EndSeq}
			}
			if diff := cmp.Diff(want, op); diff != "" {
				t.Errorf("operation %d: %s", i, diff)
			}
		}
		long.Release()
		if got, err := got.Replay(bulk.Capacity{Parallelism: 7}); err != nil || got.InFlight != 1 || got.InUse != 7 || got.Totals.Saturated != 10 {
			t.Error(got, err)
		}
	})
}

func TestClosedRecorderHearsNothing(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	r := recorderOf(t, b, 5)
	acquire(t, b, 1).Release()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	before := r.Trace()
	acquire(t, b, 1).Release()
	if diff := cmp.Diff(before, r.Trace()); diff != "" || len(before.Operations) != 1 {
		t.Error(diff)
	}
}

func TestBadArgumentsOfARecorderAreErrors(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	for _, n := range []int{0, -1} {
		r, err := NewRecorder(b, n)
		var e *bulk.ConfigError
		if r != nil || !errors.As(err, &e) || e.Label != "payments" || e.Field != "max" || e.Value != n {
			t.Error(r, err)
		}
	}
}

func TestReplayOfAClosedBulkheadIsClosed(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 3))
	_ = b.Close()
	r := recorderOf(t, b, 5)
	defer r.Close()
	_, _ = b.TryAcquire()
	got, err := r.Trace().Replay(bulk.Capacity{Parallelism: 1})
	if err != nil || !got.Drained() || got.Totals.ClosedAtArrival != 1 {
		t.Error(got, err)
	}
	got, err = Trace{Start: start, Closed: start.Add(1), End: start.Add(2)}.Replay(bulk.Capacity{Parallelism: 1})
	if err != nil || !got.Closed || !got.At.Equal(start.Add(2)) {
		t.Error(got, err)
	}
	if got, err = (Trace{Start: start, Closed: start.Add(3), End: start.Add(2)}).Replay(bulk.Capacity{Parallelism: 1}); err != nil || got.Closed {
		t.Error(got, err)
	}
}

// A trace without an end ends with its last operation, and one without Seq is in the order
// of its lines, with ends before arrivals.
func TestTraceCanBeMadeByHand(t *testing.T) {
	trace := Trace{Operations: []Operation{
		{Slots: 1, Hold: 10, Outcome: Finished},
		{Slots: 1, Hold: 5, Outcome: Finished},
		{Arrived: 10, Slots: 1, Hold: 10, Outcome: Finished},
		{Arrived: 10, Slots: 1, Hold: 30, Outcome: InFlight},
	}}
	got, err := trace.Replay(bulk.Capacity{Parallelism: 1})
	if err != nil || got.Totals.Finished != 2 || got.Totals.Saturated != 2 || !got.At.Equal(time.Time{}.Add(40)) || got.ID == 0 {
		t.Error(got, err)
	}
	got, err = trace.Replay(bulk.Capacity{Parallelism: 1, WaitingRoom: 3, WaitLimit: 100})
	if err != nil || got.Totals.Finished != 3 || got.InFlight != 1 || got.Totals.Wait != 10+5+15 {
		t.Error(got, err)
	}
	if got, err := (Trace{}).Replay(bulk.Capacity{}); err != nil || got.Totals.Arrivals() != 0 || !got.Paused() {
		t.Error(got, err)
	}
}

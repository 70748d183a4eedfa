package bulk_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
)

// input is what a row of the table below works on: a bulkhead of two slots with
// a waiting room, its events and its earlier Status.
type input struct {
	*testing.T
	b      *bulk.Bulkhead
	held   []bulk.Slot // until the row is over
	events recorder
	before bulk.Status
}

// mark begins the time in which nothing may happen if the row is no arrival.
func (in *input) mark() {
	in.before = in.b.Status()
	in.events.take()
}

// notConfigured checks that err is the ConfigError of one field and value.
func (in *input) notConfigured(err error, field string, value any) {
	in.Helper()
	if diff := cmp.Diff([]problem{{field, value}}, problems(in, err)); diff != "" {
		in.Errorf("problems (-want +got):\n%s", diff)
	}
	if errors.Is(err, bulk.ErrNotStarted) {
		in.Errorf("%v matches ErrNotStarted", err)
	}
}

// rejected checks that err is a rejection for the reason.
func (in *input) rejected(err error, reason bulk.Reason, slots int) {
	in.Helper()
	if e := admissionError(in, err); e.Reason != reason || e.Slots != slots || !bulk.NotStarted(err, in.b) {
		in.Errorf("got %v for %d slots, want %v for %d", e, e.Slots, reason, slots)
	}
}

// holds checks that an operation was admitted, and lets it finish.
func (in *input) holds(s bulk.Slot, err error) {
	in.Helper()
	if err != nil {
		in.Errorf("should be admitted: %v", err)
	}
	s.Release()
}

// full takes all slots, until the row is over.
func (in *input) full() {
	in.held = fill(in, in.b)
	in.mark()
}

func (in *input) releaseAll() {
	for _, s := range in.held {
		s.Release()
	}
}

// waitsOn checks that an operation with the limits still waits after d, and is
// admitted when slots are free.
func (in *input) waitsOn(d time.Duration, limits ...deadline.Limit) {
	in.Helper()
	in.full()
	p := park(in, in.b, 2, limits...)
	time.Sleep(d)
	p.mustWait(in)
	in.releaseAll()
	p.mustHold(in)
	p.slot.Release()
}

// Bad input gets the answer in the contract and has no other effect: a call that is
// no arrival is not counted and makes no event, a rejection is counted once, and no
// slot or place is lost.
func TestBadInputHasNoOtherEffect(t *testing.T) {
	ignore := func(context.Context) (int, error) { return 0, nil }
	ints := slices.Values([]int{1})
	const (
		noArrival = false
		arrival   = true
	)
	var rows table
	for _, c := range []struct {
		name, why string
		arrives   bool // whether anything may be counted
		test      func(*input)
	}{
		{"Run: nil fn", "nothing to run", noArrival, func(in *input) {
			mustPanicFor(in, "Run: nil fn", func() { _, _ = bulk.Run[int](in.Context(), in.b, nil) })
		}},
		{"RunN: nil fn", "nothing to run", noArrival, func(in *input) {
			mustPanicFor(in, "RunN: nil fn", func() { _, _ = bulk.RunN[int](in.Context(), in.b, 1, nil) })
		}},
		{"RunN: nil fn and n 0", "nil fn comes first", noArrival, func(in *input) {
			mustPanicFor(in, "RunN: nil fn", func() { _, _ = bulk.RunN[int](in.Context(), in.b, 0, nil) })
		}},
		{"Do: nil fn", "nothing to run", noArrival, func(in *input) {
			mustPanicFor(in, "Do: nil fn", func() { _ = bulk.Do(in.Context(), in.b, nil) })
		}},
		{"Guard: nil fn", "it panics where the mistake is, not in the first call", noArrival, func(in *input) {
			mustPanicFor(in, "Guard: nil fn", func() { bulk.Guard[int](in.b, nil) })
		}},
		{"Guard1: nil fn", "it panics where the mistake is, not in the first call", noArrival, func(in *input) {
			mustPanicFor(in, "Guard1: nil fn", func() { bulk.Guard1[int, int](in.b, nil) })
		}},
		{"GuardDo: nil fn", "it panics where the mistake is, not in the first call", noArrival, func(in *input) {
			mustPanicFor(in, "GuardDo: nil fn", func() { bulk.GuardDo(in.b, nil) })
		}},
		{"Map: nil fn", "it panics where the mistake is, not at the first item", noArrival, func(in *input) {
			mustPanicFor(in, "Map: nil fn", func() { bulk.Map[int, int](in.Context(), in.b, ints, nil) })
		}},
		{"nil fn with a done ctx", "it comes before the admission rules", noArrival, func(in *input) {
			mustPanicFor(in, "Run: nil fn", func() { _, _ = bulk.Run[int](done(nil), in.b, nil) })
			mustPanicFor(in, "Do: nil fn", func() { _ = bulk.Do(done(nil), in.b, nil, deadline.Before(time.Time{})) })
		}},
		{"OnEvent: nil handler", "nothing to call", noArrival, func(in *input) {
			mustPanicFor(in, "OnEvent: nil handler", func() { in.b.OnEvent(nil) })
		}},
		{"New and Must: everything wrong", "New returns errors, only Must panics", noArrival, func(in *input) {
			b, err := bulk.New("", 0, nil, bulk.OnEvent(nil))
			if got := problems(in, err); b != nil || len(got) != 4 {
				in.Errorf("%v %v", b, got)
			}
			mustPanic(in, func() { bulk.Must(bulk.New("", 0)) })
		}},

		{"RunN: n below 1", "an operation needs at least one slot", noArrival, func(in *input) {
			for _, n := range []int{0, -1, math.MinInt} {
				_, err := bulk.RunN(in.Context(), in.b, n, never(in))
				in.notConfigured(err, "slots", n)
			}
		}},
		{"AcquireN: n below 1", "an operation needs at least one slot", noArrival, func(in *input) {
			for _, n := range []int{0, -1, math.MinInt} {
				s, err := in.b.AcquireN(in.Context(), n)
				in.notConfigured(err, "slots", n)
				if s != (bulk.Slot{}) {
					in.Error("a slot")
				}
				s.Release()
			}
		}},
		{"TryAcquireN: n below 1", "it has no error to return", noArrival, func(in *input) {
			for _, n := range []int{0, -1, math.MinInt} {
				s, ok := in.b.TryAcquireN(n)
				if ok || s != (bulk.Slot{}) {
					in.Errorf("%d slots were granted", n)
				}
				s.Release()
			}
		}},
		{"n below 1 with a done ctx and a passed bound", "it comes before the admission rules", noArrival, func(in *input) {
			_, err := bulk.RunN(done(nil), in.b, 0, never(in), deadline.Before(time.Time{}))
			in.notConfigured(err, "slots", 0)
			_, err = in.b.AcquireN(done(nil), -1, deadline.NoWait())
			in.notConfigured(err, "slots", -1)
		}},
		{"n below 1 on a full bulkhead", "it neither waits nor takes a place in the waiting room", noArrival, func(in *input) {
			in.full()
			_, err := in.b.AcquireN(in.Context(), 0)
			in.notConfigured(err, "slots", 0)
		}},
		{"n above the parallelism", "it could never fit", arrival, func(in *input) {
			for i, n := range []int{3, 1000, math.MaxInt} {
				_, err := bulk.RunN(in.Context(), in.b, n, never(in))
				in.rejected(err, bulk.Oversized, n)
				_, err = in.b.AcquireN(in.Context(), n, deadline.Within(time.Hour))
				in.rejected(err, bulk.Oversized, n)
				if _, ok := in.b.TryAcquireN(n); ok {
					in.Errorf("%d slots of 2", n)
				}
				if got := in.b.Status().Totals; got.OversizedAtArrival != uint64(3*i+3) || got.Arrivals() != got.OversizedAtArrival {
					in.Errorf("counted %+v", got)
				}
			}
		}},
		{"the zero Slot", "its deferred Release may stand before the error check", noArrival, func(in *input) {
			var s bulk.Slot
			s.Release()
			s.Release()
		}},

		{"Resize: below 0", "0 pauses, less has no meaning", noArrival, func(in *input) {
			for _, n := range []int{-1, math.MinInt} {
				in.notConfigured(in.b.Resize(n), "parallelism", n)
			}
		}},
		{"SetCapacity: each field", "either all fields are set or none", noArrival, func(in *input) {
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: -1, WaitingRoom: 7}), "parallelism", -1)
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, WaitingRoom: -1}), "waiting_room", -1)
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, WaitLimit: math.MinInt64}), "wait_limit", time.Duration(math.MinInt64))
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, DelayTarget: 5, DelayInterval: -1}), "delay_interval", time.Duration(-1))
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, DelayTarget: -1, DelayInterval: 5}), "delay_target", time.Duration(-1))
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, DelayTarget: 5}), "delay_interval", time.Duration(0))
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 7, DelayInterval: 5}), "delay_target", time.Duration(0))
			if got := problems(in, in.b.SetCapacity(bulk.Capacity{Parallelism: -1, WaitingRoom: -1, WaitLimit: -1})); len(got) != 3 {
				in.Errorf("all three: %v", got)
			}
		}},
		{"SetCapacity while others wait", "no operation is rejected or admitted", noArrival, func(in *input) {
			in.full()
			p := park(in, in.b, 2)
			in.mark()
			in.notConfigured(in.b.Resize(-1), "parallelism", -1)
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 9, WaitingRoom: -1}), "waiting_room", -1)
			p.mustWait(in)
			mustBeAsBefore(in, in.b, in.before)
			if kinds := in.events.kinds(); len(kinds) > 0 {
				in.Errorf("events %v", kinds)
			}
			in.releaseAll()
			p.mustHold(in)
			p.slot.Release()
			in.mark()
		}},
		{"bad values on a closed bulkhead", "they are wrong in any state", noArrival, func(in *input) {
			_ = in.b.Close()
			in.mark()
			in.notConfigured(in.b.Resize(-1), "parallelism", -1)
			in.notConfigured(in.b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitLimit: -1}), "wait_limit", -time.Nanosecond)
			_, err := in.b.AcquireN(in.Context(), 0)
			in.notConfigured(err, "slots", 0)
			_, err = bulk.RunN(in.Context(), in.b, -2, never(in))
			in.notConfigured(err, "slots", -2)
			if _, ok := in.b.TryAcquireN(0); ok {
				in.Error("0 slots were granted")
			}
			mustPanicFor(in, "Do: nil fn", func() { _ = bulk.Do(in.Context(), in.b, nil) })
			for _, err := range []error{in.b.Resize(7), in.b.SetCapacity(in.b.Capacity())} {
				var rejection *bulk.AdmissionError
				if !errors.Is(err, bulk.ErrClosed) || errors.Is(err, bulk.ErrConfig) || errors.Is(err, bulk.ErrNotStarted) || errors.As(err, &rejection) {
					in.Errorf("good values: %v", err)
				}
			}
		}},

		{"Within of 0 or less, with a free slot", "it means NoWait, and the operation need not wait", arrival, func(in *input) {
			for _, d := range []time.Duration{0, -1, math.MinInt64} {
				in.holds(in.b.Acquire(in.Context(), deadline.Within(d)))
			}
		}},
		{"Within of 0 or less, without a free slot", "it means NoWait, although the waiting room has places", arrival, func(in *input) {
			in.full()
			for _, d := range []time.Duration{0, -1, math.MinInt64} {
				_, err := bulk.Run(in.Context(), in.b, never(in), deadline.Within(d))
				in.rejected(err, bulk.Saturated, 1)
			}
		}},
		{"Within forever", "no sum overflows", arrival, func(in *input) {
			in.waitsOn(years(100), deadline.Within(math.MaxInt64))
			in.waitsOn(years(10), deadline.Within(math.MaxInt64-1))
			in.waitsOn(years(10), deadline.Within(math.MaxInt64), deadline.Before(time.Unix(1<<40, 0)))
		}},
		{"Within so long that it ends after the end of the clock", "the sum of a late instant and a long wait saturates", arrival, func(in *input) {
			time.Sleep(years(200))
			in.waitsOn(years(10), deadline.Within(years(290)))
		}},
		{"a wait limit of forever", "no sum overflows", arrival, func(in *input) {
			for _, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, years(290)} {
				if err := in.b.SetCapacity(bulk.Capacity{Parallelism: 2, WaitingRoom: 3, WaitLimit: d}); err != nil {
					in.Fatal(err)
				}
				in.waitsOn(years(60))
			}
		}},
		{"the shortest wait limit", "one nanosecond is a wait", arrival, func(in *input) {
			if err := in.b.SetCapacity(bulk.Capacity{Parallelism: 2, WaitingRoom: 3, WaitLimit: 1}); err != nil {
				in.Fatal(err)
			}
			in.full()
			start := time.Now()
			_, err := bulk.Run(in.Context(), in.b, never(in))
			in.rejected(err, bulk.Expired, 1)
			if took := time.Since(start); took != 1 || admissionError(in, err).Limit != 1 {
				in.Errorf("took %v, allowed %v", took, admissionError(in, err).Limit)
			}
		}},
		{"Before in the past", "the distance does not matter", arrival, func(in *input) {
			for _, at := range []time.Time{time.Now(), time.Now().Add(-1), time.Unix(0, 0), {}, time.Unix(-1<<40, 0), time.Unix(math.MinInt64, 0)} {
				_, err := bulk.Run(in.Context(), in.b, never(in), deadline.Before(at))
				in.rejected(err, bulk.Expired, 1)
				if e := admissionError(in, err); e.Limit != 0 {
					in.Errorf("%v: allowed a wait of %v", at, e.Limit)
				}
			}
			if got := in.b.Status().Totals; got.ExpiredAtArrival != 6 || got.Arrivals() != 6 {
				in.Errorf("counted %+v", got)
			}
		}},
		{"Before in the past, without a free slot", "it is expired and does not wait", arrival, func(in *input) {
			in.full()
			_, err := bulk.Run(in.Context(), in.b, never(in), deadline.Before(time.Time{}), deadline.Within(math.MaxInt64))
			in.rejected(err, bulk.Expired, 1)
		}},
		{"Before in the far future", "the distance does not matter", arrival, func(in *input) {
			for _, at := range []time.Time{time.Now().Add(math.MaxInt64), time.Unix(1<<40, 0), time.Unix(1<<62, 0)} {
				in.holds(in.b.Acquire(in.Context(), deadline.Before(at)))
				in.waitsOn(years(50), deadline.Before(at))
			}
		}},
		{"Reserve forever", "no deadline is that far away", arrival, func(in *input) {
			ctx, cancel := context.WithTimeout(in.Context(), years(100))
			defer cancel()
			_, err := bulk.Run(ctx, in.b, never(in), deadline.Reserve(math.MaxInt64))
			in.rejected(err, bulk.Expired, 1)
			if got := in.b.Status().Totals; got.ExpiredAtArrival != 1 || got.Arrivals() != 1 {
				in.Errorf("counted %+v", got)
			}
		}},
		{"Reserve forever without a deadline", "no time of ctx can be reserved", arrival, func(in *input) {
			in.holds(in.b.Acquire(context.Background(), deadline.Reserve(math.MaxInt64)))
			in.waitsOn(years(100), deadline.Reserve(math.MaxInt64))
		}},
		{"Reserve of 0 or less", "it is no bound", arrival, func(in *input) {
			ctx, cancel := context.WithTimeout(in.Context(), 1)
			defer cancel()
			for _, d := range []time.Duration{0, -1, math.MinInt64} {
				in.holds(in.b.Acquire(ctx, deadline.Reserve(d)))
			}
		}},
		{"a ctx whose deadline is too far away to measure", "the time until then saturates", arrival, func(in *input) {
			ctx, cancel := context.WithDeadline(in.Context(), time.Unix(1<<40, 0))
			defer cancel()
			in.holds(in.b.Acquire(ctx, deadline.Reserve(math.MaxInt64)))
			in.holds(in.b.Acquire(ctx, deadline.Reserve(years(250))))
			in.full()
			_, err := bulk.Run(ctx, in.b, never(in), deadline.Reserve(math.MaxInt64))
			in.rejected(err, bulk.Expired, 1)
			if got := in.b.Status().Totals; got.ExpiredAtArrival != 1 || got.Queued != 0 {
				in.Errorf("counted %+v", got)
			}
		}},
		{"all extreme limits together", "each keeps its meaning beside the others", arrival, func(in *input) {
			in.holds(in.b.Acquire(in.Context(), deadline.Limit{}, deadline.Within(math.MinInt64), deadline.Within(math.MaxInt64),
				deadline.Before(time.Unix(1<<62, 0)), deadline.Reserve(math.MinInt64)))
			_, err := in.b.Acquire(in.Context(), deadline.Within(math.MaxInt64), deadline.Before(time.Unix(1<<62, 0)), deadline.Before(time.Time{}))
			in.rejected(err, bulk.Expired, 1)
		}},
		{"a Guard with a limit that has passed", "Before is an instant, so it passes for all later calls", arrival, func(in *input) {
			guarded := bulk.Guard(in.b, never(in), deadline.Before(time.Now()))
			for range 3 {
				_, err := guarded(in.Context())
				in.rejected(err, bulk.Expired, 1)
			}
		}},
		{"the zero Limit", "it adds no bound", arrival, func(in *input) {
			in.holds(in.b.Acquire(in.Context(), deadline.Limit{}))
			in.waitsOn(years(100), deadline.Limit{}, deadline.Limit{})
		}},
		{"Map: no items", "an empty input is no mistake", noArrival, func(in *input) {
			for range bulk.Map(in.Context(), in.b, slices.Values([]int(nil)), func(context.Context, int) (int, error) { return 0, nil }) {
				in.Error("a result of nothing")
			}
		}},
		{"Map: limits that have passed", "each item gets its own error", arrival, func(in *input) {
			for _, r := range bulk.Map(in.Context(), in.b, ints, func(context.Context, int) (int, error) { return 0, nil }, deadline.Before(time.Time{})) {
				in.rejected(r.Err(), bulk.Expired, 1)
			}
		}},
		{"NotStarted: nil error", "nothing went wrong", noArrival, func(in *input) {
			if bulk.NotStarted(nil, in.b) {
				in.Error("true")
			}
		}},
		{"the zero Status and Totals", "a zero value can be used", noArrival, func(in *input) {
			var s bulk.Status
			if s.Free() != 0 || s.Excess() != 0 || s.Drained() || s.Utilization() != 0 || s.QueueUtilization() != 0 ||
				s.Totals.Arrivals() != 0 || s.Totals.Rejected() != 0 || s.Totals.MeanWait() != 0 || s.Totals.Holds.Mean() != 0 ||
				s.Totals.Waits.Quantile(0.5) != 0 || s.Totals.Waits.Count() != 0 {
				in.Errorf("%+v", s)
			}
		}},
		{"good input, for comparison", "the same checks hold for it", arrival, func(in *input) {
			if _, err := bulk.RunN(in.Context(), in.b, 2, ignore); err != nil {
				in.Error(err)
			}
			if got := in.b.Status().Totals; got.Finished != 1 || len(in.events.take()) != 2 {
				in.Errorf("counted %+v", got)
			}
		}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			in := &input{T: t}
			in.b = mustNew(t, 2, bulk.WaitingRoom(3), bulk.OnEvent(in.events.handle))
			in.mark()
			c.test(in)
			if !c.arrives {
				mustBeAsBefore(t, in.b, in.before)
				if kinds := in.events.kinds(); len(kinds) > 0 {
					t.Errorf("events %v", kinds)
				}
			}
			in.releaseAll()
			mustBeIdle(t, in.b)
		})
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/sony/gobreaker/v2"
)

var errRefused = errors.New("connection refused")

// harness is a breaker around a guarded dependency that does what it is told.
type harness struct {
	bulkhead *bulk.Bulkhead
	breaker  *gobreaker.CircuitBreaker[string]
	fn       func(context.Context) (string, error)
	call     func(context.Context) (string, error)
}

func newHarness() *harness {
	h := &harness{
		bulkhead: bulk.Must(bulk.New("bank", 2, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second))),
		breaker:  newBreaker[string]("bank"),
	}
	h.call = broken(h.breaker, bulk.Guard(h.bulkhead, func(ctx context.Context) (string, error) { return h.fn(ctx) }))
	return h
}

func fail(context.Context) (string, error)   { return "", errRefused }
func answer(context.Context) (string, error) { return "receipt", nil }

// Many callers at once on a dependency that takes a second for each: two run,
// one waits in vain, everybody else is turned away, again and again.
func TestOurOwnOverloadNeverOpensIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness()
		h.fn = func(context.Context) (string, error) {
			time.Sleep(2 * time.Second)
			return "receipt", nil
		}
		const rounds, callers = 10, 20
		for range rounds {
			for range callers {
				go func() {
					if _, err := h.call(t.Context()); err != nil && !errors.Is(err, bulk.ErrOverload) {
						t.Error(err)
					}
				}()
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
		}
		totals := h.bulkhead.Status().Totals
		if totals.Saturated != rounds*(callers-3) || totals.Expired != rounds {
			t.Fatalf("%d saturated, %d expired: not the overload that was meant", totals.Saturated, totals.Expired)
		}
		counts := h.breaker.Counts()
		if h.breaker.State() != gobreaker.StateClosed || counts.TotalFailures != 0 {
			t.Errorf("%v with %+v", h.breaker.State(), counts)
		}
		if uint64(counts.TotalExclusions) != totals.Rejected() || counts.TotalSuccesses != rounds*2 {
			t.Errorf("%+v, want all %d rejections excluded and %d successes", counts, totals.Rejected(), rounds*2)
		}
	})
}

// Callers who have a second and a half each, for a dependency that needs one: who
// has waited for the one before has too little left, and runs into its own
// deadline. That too is our overload, and without Reserve it opens the breaker.
func TestADeadlineThatWasSpentWaitingDoesNotOpenIt(t *testing.T) {
	for _, tt := range []struct {
		limit deadline.Limit
		want  gobreaker.State
	}{
		{deadline.Reserve(time.Second), gobreaker.StateClosed},
		{deadline.Limit{}, gobreaker.StateOpen},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("bank", 1, bulk.WaitingRoom(10)))
			breaker := newBreaker[string]("bank")
			call := broken(breaker, bulk.Guard(b, func(ctx context.Context) (string, error) {
				select {
				case <-time.After(time.Second):
					return "receipt", nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}, tt.limit))
			for range 20 {
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
					defer cancel()
					_, _ = call(ctx)
				}()
				time.Sleep(500 * time.Millisecond)
			}
			time.Sleep(3 * time.Second) // the last ones are gone, and it is not yet half-open
			if s := breaker.State(); s != tt.want {
				t.Errorf("with %v: %v, want %v", tt.limit, s, tt.want)
			}
		})
	}
}

// The same callers and a breaker that counts everything: what IsExcluded is for.
func TestABreakerThatCountsRejectionsOpens(t *testing.T) {
	h := newHarness()
	h.breaker = gobreaker.NewCircuitBreaker[string](gobreaker.Settings{})
	h.fn = answer
	call := broken(h.breaker, bulk.Guard(h.bulkhead, answer, deadline.NoWait()))
	h.bulkhead.TryAcquireN(2)
	for range 6 {
		if _, err := call(t.Context()); !errors.Is(err, bulk.ErrSaturated) {
			t.Fatal(err)
		}
	}
	if h.breaker.State() != gobreaker.StateOpen {
		t.Error("it stays closed: then nobody needs this example")
	}
}

func TestRealFailuresOpenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness()
		h.fn = fail
		for h.breaker.State() == gobreaker.StateClosed {
			if _, err := h.call(t.Context()); !errors.Is(err, errRefused) {
				t.Fatal(err)
			}
		}
		before := h.bulkhead.Status().Totals.Arrivals()
		if _, err := h.call(t.Context()); !errors.Is(err, gobreaker.ErrOpenState) {
			t.Errorf("open: %v", err)
		}
		if h.bulkhead.Status().Totals.Arrivals() != before {
			t.Error("open, and the call got to the bulkhead")
		}

		// The dependency recovers, but its compartment is full when the probe
		// comes: that neither closes nor opens the breaker, and the next probe may go.
		h.fn = answer
		time.Sleep(openFor + 1)
		slots, _ := h.bulkhead.TryAcquireN(2)
		for range 3 {
			if _, err := h.call(t.Context()); !errors.Is(err, bulk.ErrExpired) {
				t.Errorf("probe into a full compartment: %v", err)
			}
			if s := h.breaker.State(); s != gobreaker.StateHalfOpen {
				t.Errorf("%v after a probe that was turned away", s)
			}
		}
		slots.Release()
		if _, err := h.call(t.Context()); err != nil || h.breaker.State() != gobreaker.StateClosed {
			t.Errorf("%v after a probe that got through: %v", h.breaker.State(), err)
		}
	})
}

func TestWhatSaysSomethingAboutTheDependency(t *testing.T) {
	closed := bulk.Must(bulk.New("bank", 1))
	closed.Close()
	_, errClosed := bulk.Run(t.Context(), closed, answer)
	open := bulk.Must(bulk.New("bank", 1))
	_, errOversized := bulk.RunN(t.Context(), open, 2, answer)
	gone, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, errTooLate := bulk.Run(gone, open, answer)

	for _, tt := range []struct {
		why  string
		err  error
		want bool
	}{
		{"the program shuts down", errClosed, true},
		{"a mistake of ours", errOversized, true},
		{"its time was over before it started", errTooLate, true},
		{"the caller left while it ran", fmt.Errorf("get: %w", context.Canceled), true},
		{"it was too slow", context.DeadlineExceeded, false},
		{"it failed", errRefused, false},
	} {
		if got := saysNothing(tt.err); got != tt.want {
			t.Errorf("%s: says nothing is %v (%v)", tt.why, got, tt.err)
		}
	}
}

func TestAPanicCountsAsFailureAndCostsNoSlot(t *testing.T) {
	h := newHarness()
	h.fn = func(context.Context) (string, error) { panic("bug") }
	func() {
		defer func() { _ = recover() }()
		_, _ = h.call(t.Context())
	}()
	if c := h.breaker.Counts(); c.TotalFailures != 1 || h.bulkhead.Status().InFlight != 0 {
		t.Errorf("%+v, %d in flight", c, h.bulkhead.Status().InFlight)
	}
}

// The caveat at broken. If this fails with a newer gobreaker, the caveat can go.
func TestGoexitCostsNoSlotButTheBreakerItsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness()
		h.fn = fail
		for h.breaker.State() == gobreaker.StateClosed {
			_, _ = h.call(t.Context())
		}
		time.Sleep(openFor + 1)
		h.fn = func(context.Context) (string, error) { runtime.Goexit(); return "", nil }
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = h.call(t.Context())
		}()
		<-done
		if n := h.bulkhead.Status().InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
		h.fn = answer
		time.Sleep(24 * time.Hour)
		if _, err := h.call(t.Context()); !errors.Is(err, gobreaker.ErrTooManyRequests) {
			t.Errorf("a day after the lost probe: %v", err)
		}
	})
}

func Example() {
	main()
	// Output:
	// bulkhead "bank": saturated: 1/1 slots in use, 0/0 waiting
	// of 20 calls 20 excluded, 0 failures
	// 20 calls while it was full:   breaker closed, without IsExcluded open
	// bank: connection refused
	// 6 calls that failed:          breaker open, without IsExcluded open
	// circuit breaker is open: of 100 calls the bulkhead saw 0
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/timeout"
)

// each runs check with each library, each in its own synctest bubble.
func each(t *testing.T, check func(t *testing.T, retry retrier)) {
	for _, library := range libraries {
		t.Run(library.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { check(t, library.retry) })
		})
	}
}

// flaky is a dependency that fails the given number of times before it answers.
type flaky struct {
	failures, calls int
	failed          chan struct{} // receives a value after each failure
}

func (f *flaky) call(context.Context) (string, error) {
	f.calls++
	if f.calls <= f.failures {
		defer func() { f.failed <- struct{}{} }()
		return "", fmt.Errorf("call %d: %w", f.calls, errTemporary)
	}
	return "receipt", nil
}

// The slot is released when an attempt fails, although the caller will retry.
func TestNoSlotIsHeldDuringTheBackoff(t *testing.T) {
	each(t, func(t *testing.T, retry retrier) {
		b := bulk.Must(bulk.New("bank", 1))
		f := &flaky{failures: attempts - 1, failed: make(chan struct{}, attempts)}
		done := make(chan error)
		go func() {
			_, err := retry(t.Context(), b, bulk.Guard(b, f.call))
			done <- err
		}()
		for range f.failures {
			<-f.failed
			synctest.Wait() // until the caller is in its pause
			if s := b.Status(); s.InFlight != 0 || s.Waiting != 0 {
				t.Errorf("during the pause: %d in flight, %d waiting", s.InFlight, s.Waiting)
			}
			slot, err := b.Acquire(t.Context(), deadline.NoWait())
			if err != nil {
				t.Errorf("another caller during the pause: %v", err)
			}
			slot.Release()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s := b.Status(); s.Totals.Admitted != attempts+uint64(f.failures) || s.InFlight != 0 {
			t.Errorf("%d admitted, %d in flight", s.Totals.Admitted, s.InFlight)
		}
	})
}

func TestEachAttemptIsQueuedSeparately(t *testing.T) {
	each(t, func(t *testing.T, retry retrier) {
		b := bulk.Must(bulk.New("bank", 1, bulk.WaitingRoom(1)))
		f := &flaky{failures: 1, failed: make(chan struct{}, 1)}
		done := make(chan error)
		go func() {
			_, err := retry(t.Context(), b, bulk.Guard(b, f.call))
			done <- err
		}()
		<-f.failed
		synctest.Wait()
		other, _ := b.TryAcquire()
		time.Sleep(maxPause) // the pause is over, and the slot is in use
		synctest.Wait()
		if w := b.Status().Waiting; w != 1 {
			t.Errorf("%d waiting, want the second attempt", w)
		}
		other.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := b.Status().Totals; n.Admitted != 3 || n.AdmittedFromQueue != 1 {
			t.Errorf("%d admitted, %d of them from the queue; want 3 (both attempts and the other caller) and 1", n.Admitted, n.AdmittedFromQueue)
		}
	})
}

func TestOnlyErrorsWorthRetryingAreRetried(t *testing.T) {
	ctx := context.Background()
	ended, cancel := context.WithCancelCause(ctx)
	cancel(errTemporary) // a canceled call is not retried, even with a temporary cause
	broken := errors.New("no such account")

	fail := func(err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return "", err }
	}
	answer := func(context.Context) (string, error) { return "receipt", nil }
	full := func() *bulk.Bulkhead {
		b := bulk.Must(bulk.New("bank", 1, bulk.WaitingRoom(1)))
		b.TryAcquire()
		return b
	}
	closed := func() *bulk.Bulkhead {
		b := bulk.Must(bulk.New("bank", 1))
		b.Close()
		return b
	}
	open := func() *bulk.Bulkhead { return bulk.Must(bulk.New("bank", 1)) }
	_, elsewhere := bulk.Run(ctx, full(), answer, deadline.NoWait()) // a rejection by another bulkhead

	for _, tt := range []struct {
		why      string
		bulkhead func() *bulk.Bulkhead
		ctx      context.Context // of the guarded call only
		slots    int
		fn       func(context.Context) (string, error)
		limit    deadline.Limit
		want     error
		attempts int
	}{
		{"saturated may pass", full, ctx, 1, answer, deadline.NoWait(), bulk.ErrSaturated, attempts},
		{"expired may pass", full, ctx, 1, answer, deadline.Within(1), bulk.ErrExpired, attempts},
		{"marked as temporary by the operation", open, ctx, 1, fail(errTemporary), deadline.Limit{}, errTemporary, attempts},
		{"not marked as temporary", open, ctx, 1, fail(broken), deadline.Limit{}, broken, 1},
		{"saturated by another bulkhead inside the operation, which ran", open, ctx, 1, fail(elsewhere), deadline.Limit{}, bulk.ErrSaturated, 1},
		{"closed stays closed", closed, ctx, 1, answer, deadline.Limit{}, bulk.ErrClosed, 1},
		{"oversized will never fit", open, ctx, 2, answer, deadline.Limit{}, bulk.ErrOversized, 1},
		{"canceled: the caller has left", open, ended, 1, answer, deadline.Limit{}, bulk.ErrCanceled, 1},
		{"success needs no second attempt", open, ctx, 1, answer, deadline.Limit{}, nil, 1},
	} {
		t.Run(tt.why, func(t *testing.T) {
			each(t, func(t *testing.T, retry retrier) {
				b := tt.bulkhead()
				tries := 0
				_, err := retry(t.Context(), b, func(context.Context) (string, error) {
					tries++
					return bulk.RunN(tt.ctx, b, tt.slots, tt.fn, tt.limit)
				})
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if tries != tt.attempts {
					t.Errorf("%d attempts, want %d", tries, tt.attempts)
				}
			})
		})
	}
}

// errgroup cancels all calls of a group with the first error, here the rejection of
// one of them. The operation in flight returns that cause, as net/http does. It has
// charged the order, so it must not be retried.
func TestOperationThatRanIsNotRetriedWhenASiblingWasRejected(t *testing.T) {
	each(t, func(t *testing.T, retry retrier) {
		b := bulk.Must(bulk.New("bank", 1))
		group, cancel := context.WithCancelCause(t.Context())
		charged := 0
		// The retry has another ctx; otherwise it would end with the group.
		_, err := retry(t.Context(), b, func(context.Context) (string, error) {
			return bulk.Run(group, b, func(ctx context.Context) (string, error) {
				charged++
				_, sibling := bulk.Run(group, b, func(context.Context) (string, error) { return "", nil })
				cancel(sibling)
				return "", context.Cause(ctx)
			})
		})
		if charged != 1 || errors.Is(err, bulk.ErrNotStarted) || bulk.NotStarted(err, b) {
			t.Errorf("charged %d times: %v", charged, err)
		}
	})
}

func TestTimeoutOfFailsafeEndsTheWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("bank", 1, bulk.WaitingRoom(1)))
		b.TryAcquire()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := through(ctx, failsafe.With(timeout.New[string](time.Second)), bulk.Guard(b, func(context.Context) (string, error) {
			return "receipt", nil
		}))
		if !errors.Is(err, timeout.ErrExceeded) || time.Since(start) != time.Second || b.Status().Waiting != 0 {
			t.Errorf("%v after %v, %d waiting", err, time.Since(start), b.Status().Waiting)
		}
	})
}

func TestCancellationEndsThePause(t *testing.T) {
	each(t, func(t *testing.T, retry retrier) {
		ctx, cancel := context.WithCancel(t.Context())
		b := bulk.Must(bulk.New("bank", 1))
		f := &flaky{failures: attempts, failed: make(chan struct{}, attempts)}
		start := time.Now()
		done := make(chan error)
		go func() {
			_, err := retry(ctx, b, bulk.Guard(b, f.call))
			done <- err
		}()
		<-f.failed
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if f.calls != 1 || time.Since(start) != 0 {
			t.Errorf("%d calls in %v", f.calls, time.Since(start))
		}
	})
}

func TestPanicPropagatesAndReleasesTheSlot(t *testing.T) {
	each(t, func(t *testing.T, retry retrier) {
		b := bulk.Must(bulk.New("bank", 1))
		func() {
			defer func() {
				if recover() != "bug" {
					t.Error("the panic did not propagate")
				}
			}()
			_, _ = retry(t.Context(), b, bulk.Guard(b, func(context.Context) (string, error) { panic("bug") }))
		}()
		if _, ok := b.TryAcquire(); !ok {
			t.Error("the slot was not released")
		}
	})
}

func Example() {
	run(context.Background(), os.Stdout)
	// Output:
	// cenkalti/backoff    "receipt", <nil> after 3 attempts, each admitted separately: 3 admissions
	//                     closed: bulkhead "bank": closed after 1 attempt
	// avast/retry-go      "receipt", <nil> after 3 attempts, each admitted separately: 3 admissions
	//                     closed: bulkhead "bank": closed after 1 attempt
	// sethvargo/go-retry  "receipt", <nil> after 3 attempts, each admitted separately: 3 admissions
	//                     closed: bulkhead "bank": closed after 1 attempt
	// failsafe-go         "receipt", <nil> after 3 attempts, each admitted separately: 3 admissions
	//                     closed: bulkhead "bank": closed after 1 attempt
}

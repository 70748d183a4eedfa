package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var sentinels = map[error]string{
	bulk.ErrNotStarted: "ErrNotStarted", bulk.ErrOverload: "ErrOverload", bulk.ErrSaturated: "ErrSaturated",
	bulk.ErrExpired: "ErrExpired", bulk.ErrClosed: "ErrClosed", bulk.ErrOversized: "ErrOversized", bulk.ErrCanceled: "ErrCanceled",
}

// mustMatchOnly checks which sentinels err matches, alone and wrapped.
func mustMatchOnly(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, e := range []error{err, fmt.Errorf("charging: %w", err), errors.Join(errors.New("no receipt"), err)} {
		for sentinel, name := range sentinels {
			matches := false
			for _, w := range want {
				matches = matches || w == sentinel
			}
			if errors.Is(e, sentinel) != matches {
				t.Errorf("%q matches %s: %t", e, name, !matches)
			}
		}
	}
}

// rejections returns a rejection at arrival for each reason, by a bulkhead of the
// label.
func rejections(t testing.TB, label string) map[bulk.Reason]error {
	t.Helper()
	b := bulk.Must(bulk.New(label, 2))
	fill(t, b)
	errs := make(map[bulk.Reason]error)
	_, errs[bulk.Saturated] = b.Acquire(t.Context())
	_, errs[bulk.Expired] = b.Acquire(t.Context(), deadline.Before(time.Time{}))
	_, errs[bulk.Oversized] = b.AcquireN(t.Context(), 3)
	_, errs[bulk.Canceled] = b.Acquire(done(nil))
	_ = b.Close()
	_, errs[bulk.Closed] = b.Acquire(t.Context())
	return errs
}

// timedOut is implemented by network errors. Retry policies ask for it.
type timedOut interface{ Timeout() bool }

// Each reason matches its own sentinel, ErrNotStarted, and ErrOverload if it is due
// to load. Only Canceled matches a context error.
func TestEachReasonMatchesItsSentinels(t *testing.T) {
	errs := rejections(t, "payments")
	var rows table
	for _, c := range []struct {
		name, why string
		reason    bulk.Reason
		want      []error
	}{
		{"saturated", "load may go down", bulk.Saturated, []error{bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrSaturated}},
		{"expired", "load may go down", bulk.Expired, []error{bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrExpired}},
		{"closed", "it does not open again", bulk.Closed, []error{bulk.ErrNotStarted, bulk.ErrClosed}},
		{"oversized", "it does not fit later either", bulk.Oversized, []error{bulk.ErrNotStarted, bulk.ErrOversized}},
		{"canceled", "the caller canceled, whatever the load", bulk.Canceled, []error{bulk.ErrNotStarted, bulk.ErrCanceled}},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			err := errs[c.reason]
			if e := admissionError(t, err); e.Reason != c.reason || e.Label != "payments" {
				t.Fatalf("%+v", e)
			}
			mustMatchOnly(t, err, c.want...)
			if got := errors.Is(err, context.Canceled); got != (c.reason == bulk.Canceled) {
				t.Errorf("matches context.Canceled: %t", got)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("matches context.DeadlineExceeded")
			}
			var timeout timedOut
			if errors.As(err, &timeout) {
				t.Errorf("looks like a timeout: %T", timeout)
			}
			for _, other := range []error{bulk.ErrConfig, errOwn, &bulk.AdmissionError{}, listError{"not", "comparable"}} {
				if errors.Is(err, other) {
					t.Errorf("matches %T %v", other, other)
				}
			}
			if !errors.Is(err, err) {
				t.Error("does not match itself")
			}
			if errors.As(err, new(*bulk.ConfigError)) || errors.As(err, new(*bulk.DrainError)) || errors.As(err, new(codeError)) {
				t.Error("errors.As finds an error of another type")
			}
		})
	}
}

// An AdmissionError has no Timeout method of any form.
func TestAdmissionErrorIsNoTimeout(t *testing.T) {
	var err any = new(bulk.AdmissionError)
	if _, ok := err.(interface{ Timeout() bool }); ok {
		t.Error("it has a Timeout method")
	}
	if _, ok := err.(interface{ Temporary() bool }); ok {
		t.Error("it has a Temporary method")
	}
	if _, ok := err.(interface{ Unwrap() error }); ok {
		t.Error("it can be unwrapped: the sentinels would answer for its cause")
	}
	if _, ok := err.(interface{ Unwrap() []error }); ok {
		t.Error("it can be unwrapped: the sentinels would answer for its cause")
	}
}

// Canceled matches the error of ctx and its cause: at arrival, while waiting, and
// when the slots were granted too late.
func TestCanceledMatchesHowCtxEnded(t *testing.T) {
	plain := func(cause error) func(*testing.T) (context.Context, func()) {
		return func(t *testing.T) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(cause) }
		}
	}
	foreign := func(err error) func(*testing.T) (context.Context, func()) {
		return func(*testing.T) (context.Context, func()) { return strange(err) }
	}
	wrapped := func(err error) func(*testing.T) (context.Context, func()) {
		return func(t *testing.T) (context.Context, func()) { return around(t.Context(), err) }
	}
	timeout := func(cause error) func(*testing.T) (context.Context, func()) {
		return func(t *testing.T) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
			t.Cleanup(cancel)
			return ctx, func() { time.Sleep(time.Second) }
		}
	}
	var rows table
	for _, c := range []struct {
		name, why string
		ctx       func(*testing.T) (ctx context.Context, end func())
		matches   []error
		not       []error
		text      string // the end of the message
	}{
		{"canceled", "the usual end", plain(nil), []error{context.Canceled}, []error{context.DeadlineExceeded, errOwn}, "context canceled"},
		{"canceled with a cause", "the error and the cause match", plain(errOwn), []error{context.Canceled, errOwn}, []error{context.DeadlineExceeded}, errOwn.Error()},
		{"canceled with a wrapped cause", "errors in the cause match", plain(fmt.Errorf("sibling: %w", errOwn)),
			[]error{context.Canceled, errOwn}, []error{context.DeadlineExceeded}, "sibling: " + errOwn.Error()},
		{"canceled with a code", "errors.As finds it", plain(codeError{7}), []error{context.Canceled, codeError{7}}, []error{codeError{8}}, codeError{7}.Error()},
		{"canceled with an uncomparable cause", "== would panic", plain(listError{"a", "b"}), []error{context.Canceled}, []error{listError{"a", "b"}}, "a, b"},
		{"canceled with a timeout as cause", "such as that of a remote call", plain(context.DeadlineExceeded),
			[]error{context.Canceled, context.DeadlineExceeded}, nil, "context deadline exceeded"},
		{"timed out", "the usual end of a deadline", timeout(nil), []error{context.DeadlineExceeded}, []error{context.Canceled, errOwn}, "context deadline exceeded"},
		{"timed out with a cause", "the error and the cause match", timeout(errOwn), []error{context.DeadlineExceeded, errOwn}, []error{context.Canceled}, errOwn.Error()},
		{"timed out with an uncomparable cause", "== would panic", timeout(listError{"a", "b"}), []error{context.DeadlineExceeded}, []error{listError{"a", "b"}}, "a, b"},
		{"a foreign ctx that ends as usual", "package context does not know its type", foreign(context.Canceled), []error{context.Canceled}, []error{context.DeadlineExceeded}, "context canceled"},
		{"a foreign ctx with an error of its own", "its error is used as it is", foreign(errOwn), []error{errOwn}, []error{context.Canceled, context.DeadlineExceeded}, errOwn.Error()},
		{"a foreign ctx that ends with a code", "errors.As finds it", foreign(codeError{7}), []error{codeError{7}}, []error{context.Canceled}, codeError{7}.Error()},
		{"a foreign ctx that ends with an uncomparable error", "== would panic", foreign(listError{"a", "b"}), nil,
			[]error{context.Canceled, context.DeadlineExceeded, listError{"a", "b"}}, "a, b"},
		{"a ctx around one that has not ended", "its error is used as it is, and there is no cause", wrapped(errOwn), []error{errOwn}, []error{context.Canceled, context.DeadlineExceeded}, errOwn.Error()},
		{"a ctx around one that has not ended, with an uncomparable error", "== would panic", wrapped(listError{"a", "b"}), nil,
			[]error{context.Canceled, listError{"a", "b"}}, "a, b"},
	} {
		// check checks the error of an operation whose ctx has ended.
		check := func(t *testing.T, when string, b *bulk.Bulkhead, ctx context.Context, err error) {
			t.Helper()
			mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
			for _, target := range c.matches {
				if !errors.Is(err, target) {
					t.Errorf("%s: %q does not match %q", when, err, target)
				}
			}
			for _, target := range c.not {
				if errors.Is(err, target) {
					t.Errorf("%s: %q matches %q", when, err, target)
				}
			}
			for _, end := range []error{ctx.Err(), context.Cause(ctx)} {
				switch end := end.(type) {
				case codeError:
					var got codeError
					if !errors.As(err, &got) || got != end {
						t.Errorf("%s: the code of %q is lost", when, err)
					}
				case listError:
					var got listError
					if !errors.As(err, &got) || len(got) != len(end) {
						t.Errorf("%s: the list of %q is lost", when, err)
					}
				}
			}
			if got, want := err.Error(), `bulkhead "test": canceled: `+c.text; got != want {
				t.Errorf("%s: message %q, want %q", when, got, want)
			}
			if !bulk.NotStarted(err, b) {
				t.Errorf("%s: NotStarted is false", when)
			}
		}
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := mustNew(t, 1, bulk.WaitingRoom(3))
			ctx, end := c.ctx(t)
			held := fill(t, b)
			waiting := make(chan error, 1)
			go func() {
				_, err := bulk.Run(ctx, b, never(t), deadline.Within(time.Hour))
				waiting <- err
			}()
			synctest.Wait()
			end()
			check(t, "while waiting", b, ctx, <-waiting)
			_, err := bulk.Run(ctx, b, never(t))
			check(t, "at arrival", b, ctx, err)
			_, again := b.Acquire(ctx, deadline.NoWait())
			check(t, "at arrival again", b, ctx, again)
			held[0].Release()
			_, err = bulk.Run(ctx, b, never(t))
			check(t, "at arrival with a free slot", b, ctx, err)
			mustBeIdle(t, b)
			if n := b.Status().Totals; n.Canceled != 1 || n.CanceledAtArrival != 3 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// If ctx ends when the slots are granted, the operation never runs, and its error is
// the same as while waiting.
func TestAbandonedMatchesHowCtxEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		held := fill(t, b)
		ctx, end := silent(codeError{7})
		waiting := make(chan error)
		go func() {
			_, err := bulk.Run(ctx, b, never(t))
			waiting <- err
		}()
		synctest.Wait()
		end()
		held[0].Release()
		err := <-waiting
		mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
		var got codeError
		if !errors.As(err, &got) || got.code != 7 || !bulk.NotStarted(err, b) {
			t.Errorf("%v", err)
		}
		want := bulk.AdmissionError{Label: "test", Reason: bulk.Canceled, Slots: 1, Parallelism: 1, WaitingRoom: 1}
		if diff := cmp.Diff(&want, admissionError(t, err), cmpopts.IgnoreUnexported(want)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := b.Status().Totals; n.Admitted != 2 || n.Abandoned != 1 || n.Canceled != 0 {
			t.Errorf("counted %+v", n)
		}
		mustBeIdle(t, b)
	})
}

// The sentinels match the outermost AdmissionError only. The cause of a canceled
// operation can be a rejection by another bulkhead: then the operation was canceled,
// and b was not overloaded.
func TestSentinelsMatchTheOutermostRejectionOnly(t *testing.T) {
	other := rejections(t, "other")
	for reason, cause := range other {
		for name, cause := range map[string]error{
			"bare":    cause,
			"wrapped": fmt.Errorf("sibling: %w", cause),
			"joined":  errors.Join(errOwn, cause),
		} {
			t.Run(fmt.Sprint(reason, " ", name), func(t *testing.T) {
				b := mustNew(t, 1)
				_, err := bulk.Run(done(cause), b, never(t))
				mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
				if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) || !errors.Is(err, other[reason]) {
					t.Errorf("%q does not match its cause", err)
				}
				if !bulk.NotStarted(err, b) {
					t.Error("NotStarted is false")
				}
				if e := admissionError(t, fmt.Errorf("outside: %w", err)); e.Reason != bulk.Canceled || e.Label != "test" {
					t.Errorf("found %v", e)
				}
			})
		}
	}
}

// A ctx can be canceled with a sentinel, such as a bare ErrOverload.
func TestASentinelAsCauseIsNotMatched(t *testing.T) {
	for sentinel := range sentinels {
		_, err := bulk.Run(done(sentinel), mustNew(t, 1), never(t))
		mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
	}
}

func TestNotStartedIsTrueForRejectionsByThatBulkheadOnly(t *testing.T) {
	full := func(label string) *bulk.Bulkhead {
		b := bulk.Must(bulk.New(label, 1))
		fill(t, b)
		return b
	}
	reject := func(b *bulk.Bulkhead) error {
		_, err := bulk.Run(t.Context(), b, never(t))
		return err
	}
	var rows table
	for _, c := range []struct {
		name, why string
		test      func(*testing.T, *bulk.Bulkhead) error // the error to ask b about
		want      bool
	}{
		{"nil", "nothing went wrong", func(*testing.T, *bulk.Bulkhead) error { return nil }, false},
		{"an error of the operation", "it ran and failed", func(*testing.T, *bulk.Bulkhead) error { return errOwn }, false},
		{"a bare sentinel", "it names no bulkhead", func(*testing.T, *bulk.Bulkhead) error { return bulk.ErrNotStarted }, false},
		{"its own", "b rejected the operation", func(_ *testing.T, b *bulk.Bulkhead) error { return reject(b) }, true},
		{"its own, wrapped", "callers wrap errors", func(_ *testing.T, b *bulk.Bulkhead) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", reject(b))) }, true},
		{"its own, joined", "callers join errors", func(_ *testing.T, b *bulk.Bulkhead) error { return errors.Join(errOwn, reject(b)) }, true},
		{"another one's", "another bulkhead rejected the operation", func(*testing.T, *bulk.Bulkhead) error { return reject(full("other")) }, false},
		{"a namesake's", "bulkheads are compared by identity, not by label", func(_ *testing.T, b *bulk.Bulkhead) error { return reject(full(b.Label())) }, false},
		{"a copy of its fields", "b did not make it", func(t *testing.T, b *bulk.Bulkhead) error {
			e := admissionError(t, reject(b))
			return &bulk.AdmissionError{Label: e.Label, Reason: e.Reason, Slots: e.Slots, Parallelism: e.Parallelism, InFlight: e.InFlight, InUse: e.InUse}
		}, false},
		{"a rejection by b inside another bulkhead", "b rejected the inner operation", func(t *testing.T, b *bulk.Bulkhead) error {
			b2 := bulk.Must(bulk.New(b.Label(), 1))
			_, err := bulk.Run(t.Context(), b2, func(context.Context) (int, error) { return 0, reject(b) })
			if bulk.NotStarted(err, b2) {
				t.Error("NotStarted is true for the outer bulkhead, which started the operation")
			}
			return err
		}, true},
		{"a nested run of b with another one inside", "the outermost rejection is by the other bulkhead", func(t *testing.T, b *bulk.Bulkhead) error {
			inner := full(b.Label())
			idle := bulk.Must(bulk.New(b.Label(), 1))
			_, err := bulk.Run(t.Context(), idle, func(context.Context) (int, error) { return 0, fmt.Errorf("inside: %w", reject(inner)) })
			if bulk.NotStarted(err, idle) || !bulk.NotStarted(err, inner) {
				t.Error("NotStarted should be true for the inner bulkhead only")
			}
			return err
		}, false},
		{"canceled because another bulkhead rejected", "b rejected it, whatever the cause", func(_ *testing.T, b *bulk.Bulkhead) error {
			_, err := bulk.Run(done(reject(full("other"))), b, never(t))
			return err
		}, true},
		{"by another bulkhead, canceled because b rejected", "the cause is not the rejection", func(_ *testing.T, b *bulk.Bulkhead) error {
			_, err := bulk.Run(done(reject(b)), bulk.Must(bulk.New("other", 1)), never(t))
			return err
		}, false},
		{"bad n", "it was no arrival", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 0)
			return err
		}, false},
		{"a change of capacity of a closed bulkhead", "it was no operation", func(_ *testing.T, b *bulk.Bulkhead) error {
			_ = b.Close()
			return b.Resize(7)
		}, false},
		{"closed", "every reason is a rejection", func(_ *testing.T, b *bulk.Bulkhead) error {
			_ = b.Close()
			return reject(b)
		}, true},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := full("payments")
			if err := c.test(t, b); bulk.NotStarted(err, b) != c.want {
				t.Errorf("NotStarted(%v) = %t", err, !c.want)
			}
		})
	}
}

// The numbers in the error are those of the moment of the rejection, without the
// operation itself, at arrival and while waiting.
func TestRejectionHasTheNumbersOfItsMoment(t *testing.T) {
	const limit = 250 * time.Millisecond
	var rows table
	for _, c := range []struct {
		name, why string
		reject    func(*testing.T, *bulk.Bulkhead) error
		want      bulk.AdmissionError
		text      string
	}{
		{"saturated: no wait", "the waiting operation is counted, the rejected one is not", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 2, deadline.NoWait())
			return err
		}, bulk.AdmissionError{Reason: bulk.Saturated, Slots: 2, InFlight: 2, InUse: 3, Waiting: 1},
			`3/4 slots in use, 1/2 waiting`},
		{"saturated: the waiting room is full", "the rejected operation is not in the waiting room", func(t *testing.T, b *bulk.Bulkhead) error {
			park(t, b, 1).mustWait(t)
			_, err := b.Acquire(t.Context())
			return err
		}, bulk.AdmissionError{Reason: bulk.Saturated, Slots: 1, InFlight: 2, InUse: 3, Waiting: 2},
			`3/4 slots in use, 2/2 waiting`},
		{"expired at arrival", "no wait was allowed", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.Acquire(t.Context(), deadline.Before(time.Now()))
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 1, InFlight: 2, InUse: 3, Waiting: 1},
			`3/4 slots in use, 1/2 waiting`},
		{"expired while waiting, by the wait limit", "the limit is that of the bulkhead", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 3)
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 3, InFlight: 2, InUse: 3, Waiting: 1, Limit: time.Minute},
			`expired after 1m0s: 3/4 slots in use, 1/2 waiting`},
		{"expired while waiting, by the call", "the limit is the tightest of all", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.Acquire(t.Context(), deadline.Within(time.Hour), deadline.Within(limit), deadline.Before(time.Now().Add(time.Second)))
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 1, InFlight: 2, InUse: 3, Waiting: 1, Limit: limit},
			`expired after 250ms: 3/4 slots in use, 1/2 waiting`},
		{"expired while waiting, by the reserve", "the limit is counted from arrival", func(t *testing.T, b *bulk.Bulkhead) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Acquire(ctx, deadline.Reserve(time.Second-limit))
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 1, InFlight: 2, InUse: 3, Waiting: 1, Limit: limit},
			`expired after 250ms: 3/4 slots in use, 1/2 waiting`},
		{"closed at arrival", "the waiting operation was rejected before", func(t *testing.T, b *bulk.Bulkhead) error {
			_ = b.Close()
			_, err := b.Acquire(t.Context())
			return err
		}, bulk.AdmissionError{Reason: bulk.Closed, Slots: 1, InFlight: 2, InUse: 3}, `closed`},
		{"closed while waiting", "it is the last in the queue, so no operation waits", func(t *testing.T, b *bulk.Bulkhead) error {
			p := park(t, b, 4)
			_ = b.Close()
			p.mustFail(t, bulk.ErrClosed)
			return p.err
		}, bulk.AdmissionError{Reason: bulk.Closed, Slots: 4, InFlight: 2, InUse: 3}, `closed`},
		{"oversized at arrival", "the error has the parallelism", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 12)
			return err
		}, bulk.AdmissionError{Reason: bulk.Oversized, Slots: 12, InFlight: 2, InUse: 3, Waiting: 1}, `oversized: 12 slots asked, parallelism 4`},
		{"oversized while waiting", "the error has the new parallelism", func(t *testing.T, b *bulk.Bulkhead) error {
			p := park(t, b, 4)
			if err := b.Resize(3); err != nil {
				t.Error(err)
			}
			p.mustFail(t, bulk.ErrOversized)
			return p.err
		}, bulk.AdmissionError{Reason: bulk.Oversized, Slots: 4, Parallelism: 3, InFlight: 2, InUse: 3, Waiting: 1}, `oversized: 4 slots asked, parallelism 3`},
		{"canceled at arrival", "ctx is asked before all else", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(done(errOwn), 12)
			return err
		}, bulk.AdmissionError{Reason: bulk.Canceled, Slots: 12, InFlight: 2, InUse: 3, Waiting: 1}, `canceled: ` + errOwn.Error()},
		{"canceled while waiting", "the limit is not the reason, so it is 0", func(t *testing.T, b *bulk.Bulkhead) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := b.AcquireN(ctx, 4, deadline.Within(time.Second))
			return err
		}, bulk.AdmissionError{Reason: bulk.Canceled, Slots: 4, InFlight: 2, InUse: 3, Waiting: 1}, `canceled: context deadline exceeded`},
	} {
		rows.row(t, c.name, c.why, func(t *testing.T) {
			b := bulk.Must(bulk.New("payments", 4, bulk.WaitingRoom(2)))
			one, two := park(t, b, 1), park(t, b, 2)
			one.mustHold(t)
			two.mustHold(t)
			first := park(t, b, 2) // one slot is free, but not two
			first.mustWait(t)
			if err := b.SetCapacity(bulk.Capacity{Parallelism: 4, WaitingRoom: 2, WaitLimit: time.Minute}); err != nil {
				t.Fatal(err)
			}
			e := admissionError(t, c.reject(t, b))
			c.want.Label, c.want.WaitingRoom = "payments", 2
			if c.want.Parallelism == 0 {
				c.want.Parallelism = 4
			}
			if diff := cmp.Diff(&c.want, e, cmpopts.IgnoreUnexported(bulk.AdmissionError{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := `bulkhead "payments": ` + c.want.Reason.String(); e.Error()[:len(want)] != want || e.Error()[len(e.Error())-len(c.text):] != c.text {
				t.Errorf("message %q should begin with %q and end with %q", e, want, c.text)
			}
			first.cancel(nil)
			synctest.Wait()
			one.slot.Release()
			two.slot.Release()
		})
	}
}

// Messages are compared word for word, because users search logs for them.
func TestRejectionMessages(t *testing.T) {
	const hostile = "a\"b\n%d\x00\xff🚢"
	for _, label := range []string{"payments", hostile} {
		name := strconv.Quote(label)
		want := map[bulk.Reason]string{
			bulk.Saturated: `bulkhead ` + name + `: saturated: 2/2 slots in use, 0/0 waiting`,
			bulk.Expired:   `bulkhead ` + name + `: expired at arrival: 2/2 slots in use, 0/0 waiting`,
			bulk.Closed:    `bulkhead ` + name + `: closed`,
			bulk.Oversized: `bulkhead ` + name + `: oversized: 3 slots asked, parallelism 2`,
			bulk.Canceled:  `bulkhead ` + name + `: canceled: context canceled`,
		}
		got := make(map[bulk.Reason]string)
		for reason, err := range rejections(t, label) {
			got[reason] = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 10, bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)))
		fill(t, b)
		_, err := b.Acquire(t.Context())
		if got, want := err.Error(), `bulkhead "payments": expired after 250ms: 10/10 slots in use, 0/50 waiting`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Rejections share one error while no number changes. An error that was returned
// does not change later.
func TestRejectionsAreSharedWhileNoNumberChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 2, bulk.WaitingRoom(1))
		reject := func(n int, limits ...deadline.Limit) error {
			_, err := b.AcquireN(t.Context(), n, limits...)
			if err == nil {
				t.Fatal("admitted")
			}
			return err
		}
		ways := map[string]func() error{
			"saturated": func() error { return reject(2, deadline.NoWait()) },
			"expired":   func() error { return reject(2, deadline.Before(time.Time{})) },
			"oversized": func() error { return reject(9) },
			"canceled":  func() error { _, err := b.AcquireN(done(nil), 2); return err },
		}
		check := func(shared bool, before map[string]error, why string) map[string]error {
			t.Helper()
			now := make(map[string]error)
			for name, way := range ways {
				now[name] = way()
				if was, ok := before[name]; ok && (now[name] == was) != shared {
					t.Errorf("%s: %s: the same error: %t", why, name, !shared)
				}
			}
			return now
		}
		one := park(t, b, 1)
		first := check(true, nil, "")
		texts := make(map[string]string)
		for name, err := range first {
			texts[name] = err.Error()
		}
		check(true, first, "nothing changed")
		other := mustNew(t, 2)
		fill(t, other)
		if _, err := other.Acquire(t.Context()); err == first["saturated"] || bulk.NotStarted(err, b) {
			t.Error("shared between bulkheads")
		}

		two := park(t, b, 1)
		second := check(false, first, "one more in flight")
		waiting := park(t, b, 1)
		third := check(false, second, "one more waiting")
		if err := b.SetCapacity(bulk.Capacity{Parallelism: 2, WaitingRoom: 2}); err != nil {
			t.Fatal(err)
		}
		fourth := check(false, third, "a larger room")
		if err := b.SetCapacity(bulk.Capacity{Parallelism: 1, WaitingRoom: 2}); err != nil {
			t.Fatal(err)
		}
		ways["saturated"] = func() error { return reject(1, deadline.NoWait()) }
		ways["expired"] = func() error { return reject(1, deadline.Before(time.Time{})) }
		fifth := check(false, fourth, "a smaller parallelism")
		ways["oversized"] = func() error { return reject(10) }
		ways["canceled"] = func() error { _, err := b.AcquireN(done(nil), 3); return err }
		ways["expired"] = func() error { return reject(1, deadline.Before(time.Time{}), deadline.Within(math.MaxInt64)) }
		sixth := check(true, map[string]error{"saturated": fifth["saturated"], "expired": fifth["expired"]}, "nothing changed for these")
		if sixth["oversized"] == fifth["oversized"] || sixth["canceled"] == fifth["canceled"] {
			t.Error("shared between operations of different sizes")
		}
		for name, err := range first {
			if err.Error() != texts[name] {
				t.Errorf("%s: an error that was returned has changed from %q to %q", name, texts[name], err)
			}
		}

		one.slot.Release()
		two.slot.Release()
		waiting.mustHold(t)
		_ = b.Close()
		if reject(1) != reject(1) {
			t.Error("closed: not shared")
		}
		waiting.slot.Release()
	})
}

// The same number of operations in flight with another number of slots makes another
// error.
func TestRejectionsAreNotSharedAcrossSlotsInUse(t *testing.T) {
	b := mustNew(t, 4)
	var last error
	for _, n := range []int{2, 3, 2} {
		s, _ := b.TryAcquireN(n)
		_, err := b.AcquireN(t.Context(), 3)
		if e := admissionError(t, err); e.InUse != n || e.InFlight != 1 || err == last {
			t.Errorf("%d in use: %+v", n, e)
		}
		last = err
		s.Release()
	}
}

// The same numbers with another end of ctx make another error.
func TestCanceledIsNotSharedAcrossEndsOfCtx(t *testing.T) {
	b := mustNew(t, 1)
	expired, cancel := context.WithDeadline(t.Context(), time.Time{})
	defer cancel()
	for range 2 {
		for _, ctx := range []context.Context{done(nil), done(errOwn), expired, done(codeError{1}), done(codeError{2})} {
			_, err := b.Acquire(ctx)
			if !errors.Is(err, ctx.Err()) || !errors.Is(err, context.Cause(ctx)) {
				t.Errorf("%q does not match %q", err, context.Cause(ctx))
			}
			if errors.Is(err, errOwn) != errors.Is(context.Cause(ctx), errOwn) || errors.Is(err, codeError{1}) != errors.Is(context.Cause(ctx), codeError{1}) {
				t.Errorf("%q matches the cause of another operation", err)
			}
		}
	}
}

// The same numbers with another limit make another error.
func TestExpiredIsNotSharedAcrossLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		fill(t, b)
		var last error
		for _, d := range []time.Duration{time.Second, time.Minute, time.Minute, time.Second} {
			_, err := b.Acquire(t.Context(), deadline.Within(d))
			if e := admissionError(t, err); e.Limit != d {
				t.Errorf("allowed %v, want %v", e.Limit, d)
			}
			if last != nil && (err == last) != (admissionError(t, last).Limit == d) {
				t.Errorf("%v: shared: %t", d, err == last)
			}
			last = err
		}
	})
}

// Users make such errors for their own tests.
func TestErrorsMadeByUsersMatchTheirReason(t *testing.T) {
	e := &bulk.AdmissionError{Label: "x", Reason: bulk.Canceled}
	if got, want := e.Error(), `bulkhead "x": canceled`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var timeout interface{ Timeout() bool }
	if !errors.Is(e, bulk.ErrCanceled) || errors.Is(e, context.Canceled) || errors.As(e, &timeout) {
		t.Error("it matches a context error")
	}
	if bulk.NotStarted(e, mustNew(t, 1)) || bulk.NotStarted(e, nil) {
		t.Error("NotStarted is true for an error that no bulkhead made")
	}
	d := &bulk.DrainError{Label: "x", InFlight: 2}
	if got, want := d.Error(), `bulkhead "x": not drained, 2 in flight`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if errors.Is(d, context.Canceled) {
		t.Error("it matches a context error")
	}
}

// One operation on two slots and two operations on one slot each make different
// errors.
func TestRejectionsAreNotSharedAcrossInFlight(t *testing.T) {
	b := mustNew(t, 2)
	two, _ := b.TryAcquireN(2)
	_, first := b.Acquire(t.Context())
	two.Release()
	fill(t, b)
	_, second := b.Acquire(t.Context())
	if x, y := admissionError(t, first), admissionError(t, second); x.InFlight != 1 || y.InFlight != 2 {
		t.Errorf("%+v, %+v", x, y)
	}
}

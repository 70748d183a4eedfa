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

// refusals makes one refusal of each reason, at arrival, on bulkheads of the
// label. The reasons are the keys.
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

// timedOut is what network errors implement, and retry policies ask for.
type timedOut interface{ Timeout() bool }

// Each reason matches its own sentinel, ErrNotStarted, and ErrOverload if it may
// pass. Only Canceled matches a context error.
func TestEachReasonMatchesItsSentinels(t *testing.T) {
	errs := rejections(t, "payments")
	var rows table
	for _, c := range []struct {
		name, why string
		reason    bulk.Reason
		want      []error
	}{
		{"saturated", "load, which may go down", bulk.Saturated, []error{bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrSaturated}},
		{"expired", "load, which may go down", bulk.Expired, []error{bulk.ErrNotStarted, bulk.ErrOverload, bulk.ErrExpired}},
		{"closed", "it won't open again", bulk.Closed, []error{bulk.ErrNotStarted, bulk.ErrClosed}},
		{"oversized", "it won't fit later either", bulk.Oversized, []error{bulk.ErrNotStarted, bulk.ErrOversized}},
		{"canceled", "the caller's own wish, not load", bulk.Canceled, []error{bulk.ErrNotStarted, bulk.ErrCanceled}},
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
				t.Error("doesn't match itself")
			}
			if errors.As(err, new(*bulk.ConfigError)) || errors.As(err, new(*bulk.DrainError)) || errors.As(err, new(codeError)) {
				t.Error("is found as an error that it isn't")
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

// Canceled matches what the ctx ended with, and why: at arrival, while waiting,
// and when slots came too late.
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
		{"canceled with a cause", "both are true", plain(errOwn), []error{context.Canceled, errOwn}, []error{context.DeadlineExceeded}, errOwn.Error()},
		{"canceled with a wrapped cause", "the chain of the cause counts", plain(fmt.Errorf("sibling: %w", errOwn)),
			[]error{context.Canceled, errOwn}, []error{context.DeadlineExceeded}, "sibling: " + errOwn.Error()},
		{"canceled with a code", "errors.As finds it", plain(codeError{7}), []error{context.Canceled, codeError{7}}, []error{codeError{8}}, codeError{7}.Error()},
		{"canceled with an uncomparable cause", "== would panic", plain(listError{"a", "b"}), []error{context.Canceled}, []error{listError{"a", "b"}}, "a, b"},
		{"canceled with a timeout as cause", "of a remote call, say", plain(context.DeadlineExceeded),
			[]error{context.Canceled, context.DeadlineExceeded}, nil, "context deadline exceeded"},
		{"timed out", "the usual end of a deadline", timeout(nil), []error{context.DeadlineExceeded}, []error{context.Canceled, errOwn}, "context deadline exceeded"},
		{"timed out with a cause", "both are true", timeout(errOwn), []error{context.DeadlineExceeded, errOwn}, []error{context.Canceled}, errOwn.Error()},
		{"timed out with an uncomparable cause", "== would panic", timeout(listError{"a", "b"}), []error{context.DeadlineExceeded}, []error{listError{"a", "b"}}, "a, b"},
		{"a foreign ctx that ends as usual", "package context doesn't know it", foreign(context.Canceled), []error{context.Canceled}, []error{context.DeadlineExceeded}, "context canceled"},
		{"a foreign ctx that ends in a way of its own", "its word is taken", foreign(errOwn), []error{errOwn}, []error{context.Canceled, context.DeadlineExceeded}, errOwn.Error()},
		{"a foreign ctx that ends with a code", "errors.As finds it", foreign(codeError{7}), []error{codeError{7}}, []error{context.Canceled}, codeError{7}.Error()},
		{"a foreign ctx that ends with an uncomparable error", "== would panic", foreign(listError{"a", "b"}), nil,
			[]error{context.Canceled, context.DeadlineExceeded, listError{"a", "b"}}, "a, b"},
		{"a ctx around one that goes on", "its word is taken, and there is no cause", wrapped(errOwn), []error{errOwn}, []error{context.Canceled, context.DeadlineExceeded}, errOwn.Error()},
		{"a ctx around one that goes on, with an uncomparable error", "== would panic", wrapped(listError{"a", "b"}), nil,
			[]error{context.Canceled, listError{"a", "b"}}, "a, b"},
	} {
		// check looks at the error of an operation whose ctx has ended.
		check := func(t *testing.T, when string, b *bulk.Bulkhead, ctx context.Context, err error) {
			t.Helper()
			mustMatchOnly(t, err, bulk.ErrNotStarted, bulk.ErrCanceled)
			for _, target := range c.matches {
				if !errors.Is(err, target) {
					t.Errorf("%s: %q doesn't match %q", when, err, target)
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
				t.Errorf("%s: not said to be b's own", when)
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

// A ctx that ends while slots are handed over: the operation never runs, and its
// error says the same as while waiting.
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

// The sentinels answer for the outermost AdmissionError alone. The cause of a
// canceled one can be another's refusal: then the operation was canceled, and
// b was not overloaded.
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
					t.Errorf("%q doesn't match its cause", err)
				}
				if !bulk.NotStarted(err, b) {
					t.Error("not said to be b's own")
				}
				if e := admissionError(t, fmt.Errorf("outside: %w", err)); e.Reason != bulk.Canceled || e.Label != "test" {
					t.Errorf("found %v", e)
				}
			})
		}
	}
}

// The sentinels themselves as a cause: somebody cancels with a bare ErrOverload.
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
		{"a bare sentinel", "it says nothing of b", func(*testing.T, *bulk.Bulkhead) error { return bulk.ErrNotStarted }, false},
		{"its own", "what it is for", func(_ *testing.T, b *bulk.Bulkhead) error { return reject(b) }, true},
		{"its own, wrapped", "callers wrap", func(_ *testing.T, b *bulk.Bulkhead) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", reject(b))) }, true},
		{"its own, joined", "with what else went wrong", func(_ *testing.T, b *bulk.Bulkhead) error { return errors.Join(errOwn, reject(b)) }, true},
		{"another one's", "of another label", func(*testing.T, *bulk.Bulkhead) error { return reject(full("other")) }, false},
		{"a namesake's", "by identity, not by label", func(_ *testing.T, b *bulk.Bulkhead) error { return reject(full(b.Label())) }, false},
		{"a copy of its fields", "the fields are for reading", func(t *testing.T, b *bulk.Bulkhead) error {
			e := admissionError(t, reject(b))
			return &bulk.AdmissionError{Label: e.Label, Reason: e.Reason, Slots: e.Slots, Parallelism: e.Parallelism, InFlight: e.InFlight, InUse: e.InUse}
		}, false},
		{"a nested run on another one", "b did start the operation", func(t *testing.T, b *bulk.Bulkhead) error {
			b2 := bulk.Must(bulk.New(b.Label(), 1))
			_, err := bulk.Run(t.Context(), b2, func(context.Context) (int, error) { return 0, reject(b) })
			if bulk.NotStarted(err, b2) {
				t.Error("the outer one started it")
			}
			return err
		}, true},
		{"a nested run of b with another one inside", "the outermost refusal is that of the other", func(t *testing.T, b *bulk.Bulkhead) error {
			inner := full(b.Label())
			idle := bulk.Must(bulk.New(b.Label(), 1))
			_, err := bulk.Run(t.Context(), idle, func(context.Context) (int, error) { return 0, fmt.Errorf("inside: %w", reject(inner)) })
			if bulk.NotStarted(err, idle) || !bulk.NotStarted(err, inner) {
				t.Error("it is the inner one's")
			}
			return err
		}, false},
		{"canceled because another one refused", "b turned it away, whatever the cause", func(_ *testing.T, b *bulk.Bulkhead) error {
			_, err := bulk.Run(done(reject(full("other"))), b, never(t))
			return err
		}, true},
		{"another one, canceled because b refused", "the cause is not the refusal", func(_ *testing.T, b *bulk.Bulkhead) error {
			_, err := bulk.Run(done(reject(b)), bulk.Must(bulk.New("other", 1)), never(t))
			return err
		}, false},
		{"bad n", "nothing arrived", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 0)
			return err
		}, false},
		{"a change refused because it is closed", "it was no operation", func(_ *testing.T, b *bulk.Bulkhead) error {
			_ = b.Close()
			return b.Resize(7)
		}, false},
		{"closed", "every reason counts", func(_ *testing.T, b *bulk.Bulkhead) error {
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

// The error says what was the case at that moment, without the operation itself,
// at arrival and while waiting.
func TestRejectionHasTheNumbersOfItsMoment(t *testing.T) {
	const limit = 250 * time.Millisecond
	var rows table
	for _, c := range []struct {
		name, why string
		refuse    func(*testing.T, *bulk.Bulkhead) error
		want      bulk.AdmissionError
		text      string
	}{
		{"saturated: no wait", "the one who waits is counted, this one is not", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 2, deadline.NoWait())
			return err
		}, bulk.AdmissionError{Reason: bulk.Saturated, Slots: 2, InFlight: 2, InUse: 3, Waiting: 1},
			`3/4 slots in use, 1/2 waiting`},
		{"saturated: the room is full", "nor is it in the room", func(t *testing.T, b *bulk.Bulkhead) error {
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
		{"expired while waiting, by the wait limit", "the wait that the bulkhead allows", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 3)
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 3, InFlight: 2, InUse: 3, Waiting: 1, Limit: time.Minute},
			`expired after 1m0s: 3/4 slots in use, 1/2 waiting`},
		{"expired while waiting, by the call", "the tightest of all", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.Acquire(t.Context(), deadline.Within(time.Hour), deadline.Within(limit), deadline.Before(time.Now().Add(time.Second)))
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 1, InFlight: 2, InUse: 3, Waiting: 1, Limit: limit},
			`expired after 250ms: 3/4 slots in use, 1/2 waiting`},
		{"expired while waiting, by the reserve", "counted from arrival", func(t *testing.T, b *bulk.Bulkhead) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Acquire(ctx, deadline.Reserve(time.Second-limit))
			return err
		}, bulk.AdmissionError{Reason: bulk.Expired, Slots: 1, InFlight: 2, InUse: 3, Waiting: 1, Limit: limit},
			`expired after 250ms: 3/4 slots in use, 1/2 waiting`},
		{"closed at arrival", "the waiting one is gone before", func(t *testing.T, b *bulk.Bulkhead) error {
			_ = b.Close()
			_, err := b.Acquire(t.Context())
			return err
		}, bulk.AdmissionError{Reason: bulk.Closed, Slots: 1, InFlight: 2, InUse: 3}, `closed`},
		{"closed while waiting", "as it is the last in the queue, nobody waits", func(t *testing.T, b *bulk.Bulkhead) error {
			p := park(t, b, 4)
			_ = b.Close()
			p.mustFail(t, bulk.ErrClosed)
			return p.err
		}, bulk.AdmissionError{Reason: bulk.Closed, Slots: 4, InFlight: 2, InUse: 3}, `closed`},
		{"oversized at arrival", "the parallelism is what it is measured with", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(t.Context(), 12)
			return err
		}, bulk.AdmissionError{Reason: bulk.Oversized, Slots: 12, InFlight: 2, InUse: 3, Waiting: 1}, `oversized: 12 slots asked, parallelism 4`},
		{"oversized while waiting", "the parallelism is the new one", func(t *testing.T, b *bulk.Bulkhead) error {
			p := park(t, b, 4)
			if err := b.Resize(3); err != nil {
				t.Error(err)
			}
			p.mustFail(t, bulk.ErrOversized)
			return p.err
		}, bulk.AdmissionError{Reason: bulk.Oversized, Slots: 4, Parallelism: 3, InFlight: 2, InUse: 3, Waiting: 1}, `oversized: 4 slots asked, parallelism 3`},
		{"canceled at arrival", "ctx was done before", func(t *testing.T, b *bulk.Bulkhead) error {
			_, err := b.AcquireN(done(errOwn), 12)
			return err
		}, bulk.AdmissionError{Reason: bulk.Canceled, Slots: 12, InFlight: 2, InUse: 3, Waiting: 1}, `canceled: ` + errOwn.Error()},
		{"canceled while waiting", "no limit is said: it was not the limit", func(t *testing.T, b *bulk.Bulkhead) error {
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
			e := admissionError(t, c.refuse(t, b))
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

// The messages, word for word: they are read in logs, and searched for.
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

// One error is shared while the numbers stand still; one that a caller keeps
// stays as it is when they change.
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
				t.Errorf("%s: it was %q and is %q: an error that was returned has changed", name, texts[name], err)
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

// As many operations in flight with more slots make another error.
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

// The same numbers with another way in which ctx ended make another error.
func TestCanceledIsNotSharedAcrossEndsOfCtx(t *testing.T) {
	b := mustNew(t, 1)
	expired, cancel := context.WithDeadline(t.Context(), time.Time{})
	defer cancel()
	for range 2 {
		for _, ctx := range []context.Context{done(nil), done(errOwn), expired, done(codeError{1}), done(codeError{2})} {
			_, err := b.Acquire(ctx)
			if !errors.Is(err, ctx.Err()) || !errors.Is(err, context.Cause(ctx)) {
				t.Errorf("%q doesn't match %q", err, context.Cause(ctx))
			}
			if errors.Is(err, errOwn) != errors.Is(context.Cause(ctx), errOwn) || errors.Is(err, codeError{1}) != errors.Is(context.Cause(ctx), codeError{1}) {
				t.Errorf("%q matches another one's cause", err)
			}
		}
	}
}

// The limit of an expired one is part of what makes it another error.
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

// Errors that were not made by a bulkhead: users put them into their own tests.
func TestErrorsMadeByUsersMatchTheirReason(t *testing.T) {
	e := &bulk.AdmissionError{Label: "x", Reason: bulk.Canceled}
	if got, want := e.Error(), `bulkhead "x": canceled`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var timeout interface{ Timeout() bool }
	if !errors.Is(e, bulk.ErrCanceled) || errors.Is(e, context.Canceled) || errors.As(e, &timeout) {
		t.Error("it knows of a context")
	}
	if bulk.NotStarted(e, mustNew(t, 1)) || bulk.NotStarted(e, nil) {
		t.Error("nobody turned that away")
	}
	d := &bulk.DrainError{Label: "x", InFlight: 2}
	if got, want := d.Error(), `bulkhead "x": not drained, 2 in flight`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if errors.Is(d, context.Canceled) {
		t.Error("it knows of a context")
	}
}

// An error is shared only while all its numbers hold: one operation on two slots
// is not two operations on one each.
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

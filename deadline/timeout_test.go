package deadline_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
)

type function = func(context.Context) (int, error)

// bubbled runs test with Timeout and with Timeout1, each in its own bubble. A
// goroutine that is left behind fails the bubble.
func bubbled(t *testing.T, test func(t *testing.T, timeout func(time.Duration, function) function)) {
	t.Helper()
	t.Run("Timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, deadline.Timeout[int]) })
	})
	t.Run("Timeout1", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func(d time.Duration, fn function) function {
				wrapped := deadline.Timeout1(d, func(ctx context.Context, arg string) (int, error) {
					if arg != "argument" {
						t.Errorf("fn got the argument %q", arg)
					}
					return fn(ctx)
				})
				return func(ctx context.Context) (int, error) { return wrapped(ctx, "argument") }
			})
		})
	})
}

// expectEnd checks that ctx has ended with err, and that its cause matches err
// and has the text cause.
func expectEnd(t *testing.T, ctx context.Context, err error, cause string) {
	t.Helper()
	if got := ctx.Err(); got != err {
		t.Errorf("ctx.Err() = %v, want %v", got, err)
	}
	got := context.Cause(ctx)
	if !errors.Is(got, err) {
		t.Errorf("cause %v does not match %v", got, err)
	}
	if got == nil || got.Error() != cause {
		t.Errorf("cause %v, want %q", got, cause)
	}
}

func TestTimeoutEndsTheContextExactlyAfterItsDuration(t *testing.T) {
	bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
		limited := timeout(250*time.Millisecond, func(ctx context.Context) (int, error) {
			start := time.Now()
			if at, ok := ctx.Deadline(); !ok || !at.Equal(start.Add(250*time.Millisecond)) {
				t.Errorf("ctx.Deadline() = %v, %v", at, ok)
			}
			time.Sleep(250*time.Millisecond - 1)
			synctest.Wait()
			if err := ctx.Err(); err != nil {
				t.Errorf("one nanosecond early, ctx.Err() = %v", err)
			}
			<-ctx.Done()
			if took := time.Since(start); took != 250*time.Millisecond {
				t.Errorf("ctx ended after %v", took)
			}
			expectEnd(t, ctx, context.DeadlineExceeded, "deadline: timeout of 250ms: context deadline exceeded")
			return 0, nil
		})
		for range 2 { // the duration counts from each call, not from Timeout
			time.Sleep(time.Hour)
			if _, err := limited(t.Context()); err != nil {
				t.Errorf("error %v", err)
			}
		}
	})
}

func TestTimeoutReturnsTheValueAndTheErrorOfFnUnchanged(t *testing.T) {
	for _, c := range []struct {
		why   string
		takes time.Duration
		value int
		err   error
	}{
		{"in time, with a value", 0, 7, nil},
		{"in time, with an error", 0, 0, io.EOF},
		{"in time, with both", 0, 7, io.EOF},
		{"late, with a value: it is not replaced by an error", time.Hour, 7, nil},
		{"late, with both", time.Hour, 7, io.EOF},
	} {
		row(t, c.why, func(t *testing.T) {
			bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
				start := time.Now()
				value, err := timeout(time.Second, func(context.Context) (int, error) {
					time.Sleep(c.takes)
					return c.value, c.err
				})(t.Context())
				if value != c.value || err != c.err {
					t.Errorf("got %v, %v, want %v, %v", value, err, c.value, c.err)
				}
				if took := time.Since(start); took != c.takes {
					t.Errorf("the call took %v, fn took %v", took, c.takes)
				}
			})
		})
	}
}

func TestTimeoutOfZeroOrLessCallsFnWithAnEndedContext(t *testing.T) {
	for _, c := range []struct {
		why   string
		d     time.Duration
		cause string
	}{
		{"zero", 0, "deadline: timeout of 0s: context deadline exceeded"},
		{"negative", -1, "deadline: timeout of -1ns: context deadline exceeded"},
		{"the most negative duration does not become positive", shortest, "deadline: timeout of -2562047h47m16.854775808s: context deadline exceeded"},
	} {
		row(t, c.why, func(t *testing.T) {
			bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
				called := 0
				value, err := timeout(c.d, func(ctx context.Context) (int, error) {
					called++
					expectEnd(t, ctx, context.DeadlineExceeded, c.cause)
					return 7, nil
				})(t.Context())
				if called != 1 || value != 7 || err != nil {
					t.Errorf("called %d times, got %v, %v", called, value, err)
				}
			})
		})
	}
}

func TestTimeoutOfTheLongestDurationDoesNotOverflow(t *testing.T) {
	bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
		_, err := timeout(longest, func(ctx context.Context) (int, error) {
			time.Sleep(100 * 365 * 24 * time.Hour)
			synctest.Wait()
			return 0, ctx.Err()
		})(t.Context())
		if err != nil {
			t.Errorf("a century later: %v", err)
		}
	})
}

func TestTimeoutNeverLoosensTheContextOfTheCaller(t *testing.T) {
	stop := errors.New("the caller's reason")
	type key struct{}
	for _, c := range []struct {
		why    string
		caller func(context.Context) (context.Context, context.CancelFunc)
		after  time.Duration
		err    error
		cause  string
	}{
		{"an earlier deadline of the caller ends the ctx, with its cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, stop)
		}, time.Second, context.DeadlineExceeded, stop.Error()},
		{"a cancellation by the caller ends the ctx, with its cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(stop) })
			return ctx, func() { cancel(nil) }
		}, time.Second, context.Canceled, stop.Error()},
		{"a ctx that ended before the call stays ended", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(stop)
			return ctx, func() {}
		}, 0, context.Canceled, stop.Error()},
		{"a later deadline of the caller does not loosen the timeout", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Hour, stop)
		}, time.Minute, context.DeadlineExceeded, "deadline: timeout of 1m0s: context deadline exceeded"},
	} {
		row(t, c.why, func(t *testing.T) {
			bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
				caller, cancel := c.caller(context.WithValue(t.Context(), key{}, "value"))
				defer cancel()
				start := time.Now()
				timeout(time.Minute, func(ctx context.Context) (int, error) {
					if ctx.Value(key{}) != "value" {
						t.Error("ctx lacks the caller's value")
					}
					<-ctx.Done()
					if took := time.Since(start); took != c.after {
						t.Errorf("ctx ended after %v, want %v", took, c.after)
					}
					got := context.Cause(ctx)
					if ctx.Err() != c.err || got.Error() != c.cause {
						t.Errorf("ctx ended with %v and the cause %q, want %v and %q", ctx.Err(), got, c.err, c.cause)
					}
					return 0, nil
				})(caller)
			})
		})
	}
}

func TestTheShorterOfTwoNestedTimeoutsEndsTheContext(t *testing.T) {
	for _, c := range []struct {
		why          string
		outer, inner time.Duration
	}{
		{"the outer one is shorter", time.Second, time.Minute},
		{"the inner one is shorter", time.Minute, time.Second},
	} {
		row(t, c.why, func(t *testing.T) {
			bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
				timeout(c.outer, timeout(c.inner, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					expectEnd(t, ctx, context.DeadlineExceeded, "deadline: timeout of 1s: context deadline exceeded")
					return 0, nil
				}))(t.Context())
			})
		})
	}
}

// Retry policies use errors.As to find the method Timeout.
func TestTheCauseOfATimeoutHasTheMethodTimeout(t *testing.T) {
	bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
		timeout(time.Second, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			var timed interface{ Timeout() bool }
			if cause := context.Cause(ctx); !errors.As(cause, &timed) || !timed.Timeout() {
				t.Errorf("cause %v is not a timeout", cause)
			}
			return 0, nil
		})(t.Context())
	})
}

func TestTimeoutEndsTheContextOnEveryExitOfFn(t *testing.T) {
	for _, c := range []struct {
		why string
		end func()
	}{
		{"fn returns", func() {}},
		{"fn panics", func() { panic("on purpose") }},
		{"fn calls runtime.Goexit", runtime.Goexit},
	} {
		row(t, c.why, func(t *testing.T) {
			bubbled(t, func(t *testing.T, timeout func(time.Duration, function) function) {
				var inner context.Context
				var recovered any
				returned := false
				done := make(chan struct{})
				go func() { // Goexit must end this goroutine
					defer close(done)
					defer func() { recovered = recover() }()
					timeout(time.Hour, func(ctx context.Context) (int, error) {
						inner = ctx
						c.end()
						return 0, nil
					})(t.Context())
					returned = true
				}()
				<-done
				expectEnd(t, inner, context.Canceled, "context canceled")
				if want := c.why == "fn returns"; returned != want {
					t.Errorf("returned: %v, want %v", returned, want)
				}
				var want any
				if c.why == "fn panics" {
					want = "on purpose"
				}
				if recovered != want {
					t.Errorf("recovered %v, want %v", recovered, want)
				}
			})
		})
	}
}

func TestTimeoutPanicsOnANilFn(t *testing.T) {
	for _, c := range []struct {
		why  string
		wrap func()
		want string
	}{
		{"Timeout", func() { deadline.Timeout[int](time.Second, nil) }, "deadline: Timeout: nil fn"},
		{"Timeout1", func() { deadline.Timeout1[int, int](time.Second, nil) }, "deadline: Timeout1: nil fn"},
	} {
		row(t, c.why, func(t *testing.T) {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panicked with %v, want %q", got, c.want)
				}
			}()
			c.wrap()
		})
	}
}

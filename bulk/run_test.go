package bulk_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/result"
)

// A verb runs fn on one slot of b and returns its error.
type verb func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error

// verbs are all functions that run fn.
var verbs = map[string]verb{
	"Run": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		_, err := bulk.Run(ctx, b, func(ctx context.Context) (int, error) { return 0, fn(ctx) })
		return err
	},
	"RunN": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		_, err := bulk.RunN(ctx, b, 1, func(ctx context.Context) (int, error) { return 0, fn(ctx) })
		return err
	},
	"Do": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return bulk.Do(ctx, b, fn)
	},
	"DoN": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return bulk.DoN(ctx, b, 1, fn)
	},
	"Guard": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		_, err := bulk.Guard(b, func(ctx context.Context) (int, error) { return 0, fn(ctx) })(ctx)
		return err
	},
	"Guard1": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		_, err := bulk.Guard1(b, func(ctx context.Context, _ string) (int, error) { return 0, fn(ctx) })(ctx, "x")
		return err
	},
	"GuardDo": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return bulk.GuardDo(b, fn)(ctx)
	},
	"GuardDo1": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return bulk.GuardDo1(b, func(ctx context.Context, _ string) error { return fn(ctx) })(ctx, "x")
	},
	"Map": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return onlyError(bulk.Map(ctx, b, upTo(1), func(ctx context.Context, _ int) (int, error) { return 0, fn(ctx) }))
	},
	"MapUnordered": func(ctx context.Context, b *bulk.Bulkhead, fn func(context.Context) error) error {
		return onlyError(bulk.MapUnordered(ctx, b, upTo(1), func(ctx context.Context, _ int) (int, error) { return 0, fn(ctx) }))
	},
}

// onlyError returns the error of the only result.
func onlyError(results iter.Seq2[int, result.Result[int]]) (err error) {
	for _, r := range results {
		err = r.Err()
	}
	return err
}

// An outcome is how a call ended, as seen by its caller.
type outcome struct {
	returned  bool
	err       error
	recovered any
}

// outcomeOf makes the call on a goroutine of its own.
func outcomeOf(call func() error) (o outcome) {
	var caller sync.WaitGroup
	caller.Go(func() {
		defer func() { o.recovered = recover() }()
		o.err = call()
		o.returned = true
	})
	caller.Wait()
	return o
}

// An exit is a way for fn to end, and what the caller must see of it.
type exit struct {
	fn   func(context.Context) error
	want outcome
}

var exits = map[string]exit{
	"return": {func(context.Context) error { return nil }, outcome{returned: true}},
	"error":  {func(context.Context) error { return errOwn }, outcome{returned: true, err: errOwn}},
	"panic":  {func(context.Context) error { panic(errOwn) }, outcome{recovered: errOwn}},
	"Goexit": {func(context.Context) error { runtime.Goexit(); return nil }, outcome{}},
}

// The slot is free again however an operation ends, and the next operation gets it.
func TestEveryExitFreesTheSlot(t *testing.T) {
	for verb, run := range verbs {
		for name, exit := range exits {
			for _, way := range []struct {
				name            string
				queued, handler bool
			}{
				{"", false, false},
				{" queued", true, false},
				{" with a handler", false, true},
				{" queued with a handler", true, true},
			} {
				t.Run(verb+" "+name+way.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { exitMustFreeTheSlot(t, run, exit, way.queued, way.handler) })
				})
			}
		}
	}
}

func exitMustFreeTheSlot(t *testing.T, run verb, exit exit, queued, handler bool) {
	b := mustNew(t, 1, bulk.WaitingRoom(2))
	if handler {
		b.OnEvent(func(bulk.Event) {})
	}
	var held bulk.Slot
	if queued {
		held, _ = b.TryAcquire()
	}
	ran := 0
	ended := make(chan outcome, 1)
	go func() {
		ended <- outcomeOf(func() error {
			return run(t.Context(), b, func(ctx context.Context) error {
				ran++
				if s := b.Status(); s.InFlight != 1 {
					t.Errorf("%d in flight while fn runs", s.InFlight)
				}
				return exit.fn(ctx)
			})
		})
	}()
	synctest.Wait()
	if queued {
		next := park(t, b, 1)
		held.Release()
		next.mustHold(t)
		next.slot.Release()
	}
	if got := <-ended; got != exit.want {
		t.Errorf("ended with %+v, want %+v", got, exit.want)
	}
	if ran != 1 {
		t.Errorf("ran %d times", ran)
	}
	mustBeIdle(t, b)
	if n := b.Status().Totals; n.Abandoned != 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestRunPassesCtxAndReturnsValueAndErrorUnchanged(t *testing.T) {
	b := mustNew(t, 1)
	v, err := bulk.Run(t.Context(), b, func(context.Context) (string, error) { return "half", errOwn })
	if v != "half" || err != errOwn {
		t.Errorf("got %q, %v", v, err)
	}
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	got, _ := bulk.Run(ctx, b, func(inner context.Context) (bool, error) { return inner == ctx, nil })
	if !got {
		t.Error("fn did not get the caller's ctx")
	}
}

func TestRecoveredPanicsFreeTheirSlots(t *testing.T) {
	b := mustNew(t, 1)
	for range 1000 {
		func() {
			defer func() { _ = recover() }()
			_ = bulk.Do(t.Context(), b, func(context.Context) error { panic("handler") })
		}()
	}
	if err := bulk.Do(t.Context(), b, nothing); err != nil {
		t.Fatal(err)
	}
	mustBeIdle(t, b)
}

// net/http recovers the panics of its handlers.
func TestPanickingHTTPHandlersFreeTheirSlots(t *testing.T) {
	b := mustNew(t, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := bulk.Do(r.Context(), b, func(context.Context) error {
			if r.URL.Path == "/panic" {
				panic(http.ErrAbortHandler)
			}
			return nil
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	server.Start()
	defer server.Close()
	for range 5 {
		if r, err := server.Client().Get(server.URL + "/panic"); err == nil {
			r.Body.Close()
			t.Error("the handler did not panic")
		}
	}
	r, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("status %d after panics", r.StatusCode)
	}
	mustBeIdle(t, b)
}

func TestGoexitFreesTheSlot(t *testing.T) {
	b := mustNew(t, 1)
	for range 1000 {
		outcomeOf(func() error {
			return bulk.Do(t.Context(), b, func(context.Context) error { runtime.Goexit(); return nil })
		})
	}
	mustBeIdle(t, b)
}

// It is a matter of luck in implementations that select between ctx and a slot.
func TestDoneCtxIsNeverAdmitted(t *testing.T) {
	b := mustNew(t, 1)
	ctx := done(nil)
	for range 10_000 {
		if _, err := bulk.Run(ctx, b, never(t)); !errors.Is(err, bulk.ErrCanceled) {
			t.Fatal(err)
		}
	}
	if n := b.Status().Totals; n.CanceledAtArrival != 10_000 || n.Admitted != 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestRejectedOperationNeverRunsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(10))
		held := fill(t, b)
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				if _, err := bulk.Run(ctx, b, never(t), deadline.Within(3*time.Second)); err == nil {
					t.Error("admitted without a free slot")
				}
			})
		}
		callers.Wait()
		held[0].Release()
		time.Sleep(time.Hour)
		mustBeIdle(t, b)
	})
}

package bulk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// verbs are all the ways in which fn can be run on one slot.
var verbs = map[string]func(context.Context, *bulk.Bulkhead, func(context.Context) error) error{
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
}

// Whatever way an operation ends, admitted at once or after waiting, with and
// without listeners: its slot is free afterwards, and the next one has it.
func TestEveryExitFreesTheSlot(t *testing.T) {
	boom := errors.New("boom")
	exits := map[string]func(context.Context) error{
		"return": func(context.Context) error { return nil },
		"error":  func(context.Context) error { return boom },
		"panic":  func(context.Context) error { panic(boom) },
		"Goexit": func(context.Context) error { runtime.Goexit(); return nil },
	}
	for verb, run := range verbs {
		for exit, fn := range exits {
			for _, queued := range []bool{false, true} {
				for _, listened := range []bool{false, true} {
					name := verb + " " + exit
					if queued {
						name += " queued"
					}
					if listened {
						name += " listened"
					}
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							b := mustNew(t, 1, bulk.WaitingRoom(2))
							if listened {
								b.OnEvent(func(bulk.Event) {})
							}
							var held bulk.Slot
							if queued {
								held, _ = b.TryAcquire()
							}
							ran := 0
							var err error
							var recovered any
							returned := false
							var caller sync.WaitGroup
							caller.Go(func() {
								defer func() { recovered = recover() }()
								err = run(t.Context(), b, func(ctx context.Context) error {
									ran++
									if s := b.Status(); s.InFlight != 1 {
										t.Errorf("%d in flight inside", s.InFlight)
									}
									return fn(ctx)
								})
								returned = true
							})
							synctest.Wait()
							if queued {
								next := park(t, b, 1)
								held.Release()
								next.mustHold(t)
								next.slot.Release()
							}
							caller.Wait()
							if ran != 1 {
								t.Errorf("ran %d times", ran)
							}
							switch exit {
							case "return":
								if !returned || err != nil {
									t.Errorf("returned %v, err %v", returned, err)
								}
							case "error":
								if err != boom {
									t.Errorf("err %v is not the one that fn returned", err)
								}
							case "panic":
								if recovered != boom {
									t.Errorf("recovered %v", recovered)
								}
							case "Goexit":
								if returned || recovered != nil {
									t.Errorf("returned %v, recovered %v", returned, recovered)
								}
							}
							mustBeIdle(t, b)
							if n := b.Status().Totals; n.Abandoned != 0 {
								t.Errorf("%+v", n)
							}
						})
					})
				}
			}
		}
	}
}

// The value comes back as it is, also together with an error.
func TestRunReturnsWhatFnReturns(t *testing.T) {
	b := mustNew(t, 1)
	boom := errors.New("boom")
	v, err := bulk.Run(t.Context(), b, func(context.Context) (string, error) { return "half", boom })
	if v != "half" || err != boom {
		t.Errorf("got %q, %v", v, err)
	}
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	got, _ := bulk.Run(ctx, b, func(inner context.Context) (bool, error) { return inner == ctx, nil })
	if !got {
		t.Error("fn didn't get the caller's ctx")
	}
}

func TestFaultRecoveredPanicCostsASlot(t *testing.T) {
	b := mustNew(t, 1)
	for range 1000 {
		func() {
			defer func() { _ = recover() }()
			_ = bulk.Do(t.Context(), b, func(context.Context) error { panic("handler") })
		}()
	}
	if err := bulk.Do(t.Context(), b, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustBeIdle(t, b)
}

// The same as it happens in production: net/http recovers the panic.
func TestFaultPanickingHTTPHandlerTurnsAllAway(t *testing.T) {
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
			t.Error("the handler didn't panic")
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

func TestFaultGoexitCostsASlot(t *testing.T) {
	b := mustNew(t, 1)
	for range 1000 {
		var g sync.WaitGroup
		g.Go(func() {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { runtime.Goexit(); return nil })
		})
		g.Wait()
	}
	mustBeIdle(t, b)
}

func TestFaultDoneContextIsAdmitted(t *testing.T) {
	b := mustNew(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10_000 {
		if err := bulk.Do(ctx, b, func(context.Context) error { t.Fatal("it ran"); return nil }); !errors.Is(err, bulk.ErrCanceled) {
			t.Fatal(err)
		}
	}
	if n := b.Status().Totals; n.CanceledAtArrival != 10_000 || n.Admitted != 0 {
		t.Errorf("%+v", n)
	}
}

func TestFaultRunsAfterTheCallerGotAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(10))
		held := fill(t, b)
		ran := 0
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				err := bulk.Do(ctx, b, func(context.Context) error { ran++; return nil }, deadline.Within(3*time.Second))
				if err == nil {
					t.Error("admitted without a free slot")
				}
			})
		}
		callers.Wait()
		held[0].Release()
		time.Sleep(time.Hour)
		if ran != 0 {
			t.Errorf("%d ran after their callers had been told otherwise", ran)
		}
		mustBeIdle(t, b)
	})
}

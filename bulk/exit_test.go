package bulk_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bulklink/bulklink-go/bulk"
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

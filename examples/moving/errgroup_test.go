package moving

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"golang.org/x/sync/errgroup"
)

func TestEachWayToPayAllReturnsReceiptsInOrder(t *testing.T) {
	orders, want := make([]Order, 50), make([]Receipt, 50)
	for i := range orders {
		orders[i].ID, want[i].ID = i, i
	}
	for name, payAll := range map[string]func(context.Context, []Order) ([]Receipt, error){
		"errgroup": payAllWithErrgroup, "errgroup and Bulklink": payAllThroughBulkhead, "Bulklink": payAll,
	} {
		if receipts, err := payAll(t.Context(), orders); !slices.Equal(receipts, want) || err != nil {
			t.Errorf("%s: %v, %v", name, receipts, err)
		}
	}
}

// A full group and a full Map, when ctx ends: the group starts one more function.
func TestAFullGroupStartsItsNextFunctionAfterCtxHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hour := func() error { time.Sleep(time.Hour); return nil }
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(1)
		group.Go(hour)
		startedDone := false
		start := time.Now()
		group.Go(func() error { startedDone = groupCtx.Err() != nil; return nil })
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("Go of errgroup waited for %v", waited)
		}
		if err := group.Wait(); err != nil || !startedDone {
			t.Errorf("%v, started after ctx had ended: %t", err, startedDone)
		}

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		pulled := 0
		items := func(yield func(int) bool) {
			for yield(pulled) {
				pulled++
			}
		}
		ran := 0
		for range bulk.Map(ctx, bulk.Must(bulk.New("batch", 1)), items, func(context.Context, int) (int, error) {
			ran++
			return 0, hour()
		}) {
			continue
		}
		if ran != 1 {
			t.Errorf("Map ran %d items, want the one before ctx ended", ran)
		}
	})
}

func TestWhichErrorOfABatchIsSeenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, fast := errors.New("slow"), errors.New("fast")
		fail := func(_ context.Context, err error) (int, error) {
			if err == slow {
				time.Sleep(time.Hour)
			}
			return 0, err
		}
		both := []error{slow, fast}
		group := errgroup.Group{}
		for _, err := range both {
			group.Go(func() error { _, err := fail(t.Context(), err); return err })
		}
		if err := group.Wait(); err != fast {
			t.Errorf("errgroup: %v", err)
		}
		for _, res := range bulk.Map(t.Context(), bulk.Must(bulk.New("batch", 2)), slices.Values(both), fail) {
			if res.Err() != slow {
				t.Errorf("Map: %v", res.Err())
			}
			break
		}
		for _, res := range bulk.MapUnordered(t.Context(), bulk.Must(bulk.New("batch", 2)), slices.Values(both), fail) {
			if res.Err() != fast {
				t.Errorf("MapUnordered: %v", res.Err())
			}
			break
		}
	})
}

// WithContext cancels ctx after the first error, and Go still starts functions.
func TestAGroupStartsFunctionsAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(1)
		group.Go(func() error { return errors.New("first") })
		started := false
		group.Go(func() error { started = ctx.Err() != nil; return nil })
		if err := group.Wait(); err == nil || !started {
			t.Errorf("%v, started: %t", err, started)
		}
	})
}

// The first rejection cancels the other orders; none of them ran.
func TestAGroupBehindABulkheadKnowsWhichOrdersRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(1)))
		group, ctx := errgroup.WithContext(t.Context())
		errs := make([]error, 3)
		for i := range errs {
			group.Go(func() error {
				time.Sleep(time.Duration(i) * time.Minute) // order 0 runs, 1 waits, 2 is rejected
				_, errs[i] = bulk.Run(ctx, b, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, context.Cause(ctx)
				})
				return errs[i]
			})
		}
		if err := group.Wait(); !errors.Is(err, bulk.ErrSaturated) {
			t.Error(err)
		}
		for i, want := range []bool{false, true, true} {
			if got := bulk.NotStarted(errs[i], b); got != want {
				t.Errorf("order %d: %v: not started: %t, want %t", i, errs[i], got, want)
			}
		}
	})
}

func TestChangingTheLimitOfARunningGroupPanics(t *testing.T) {
	var group errgroup.Group
	group.SetLimit(1)
	running, end := make(chan struct{}), make(chan struct{})
	group.Go(func() error { close(running); <-end; return nil })
	<-running
	defer func() {
		if recover() == nil {
			t.Error("SetLimit did not panic")
		}
		close(end)
		_ = group.Wait()
		b := bulk.Must(bulk.New("batch", 1))
		slot, _ := b.TryAcquire()
		defer slot.Release()
		if err := b.Resize(2); err != nil {
			t.Error(err)
		}
	}()
	group.SetLimit(2)
}

func TestANestedCallWaitsUntilTheWaitLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("batch", 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Minute)))
		nothing := func(context.Context) error { return nil }
		err := bulk.Do(t.Context(), b, func(ctx context.Context) error { return bulk.Do(ctx, b, nothing) })
		if err == nil || b.Status().Totals.Expired != 1 {
			t.Error(err, b.Status())
		}
		if err := bulk.Do(t.Context(), b, nothing, deadline.NoWait()); err != nil {
			t.Error(err)
		}
	})
}

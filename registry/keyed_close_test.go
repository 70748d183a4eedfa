package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestKeyedShutdownRejectsNewOperationsAndWaitsForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 2, 3, registry.Each(bulk.WaitingRoom(1)))
		a1, a2, b := hold(t, k, "a"), hold(t, k, "a"), hold(t, k, "b")
		touch(t, k, "c")
		var g sync.WaitGroup
		g.Go(func() {
			_, err := k.Acquire(t.Context(), "a")
			mustBe(t, err, bulk.ErrClosed)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errWhy)
		defer cancel()
		time.AfterFunc(time.Second, a2.Release)
		err := k.Shutdown(ctx)
		g.Wait()
		var drain *bulk.DrainError
		if !errors.As(err, &drain) || drain.Label != "tenants" || drain.InFlight != 2 {
			t.Errorf("got %v", err)
		}
		mustBe(t, err, context.DeadlineExceeded, errWhy)
		if s := k.Status(); !s.Closed || s.InFlight != 2 || s.Totals.Closed != 1 {
			t.Errorf("%+v", s)
		}
		if !k.Evict("c") || k.Evict("a") {
			t.Error("a closed Keyed must evict idle keys and keep keys in use")
		}
		time.AfterFunc(time.Hour, a1.Release)
		time.AfterFunc(2*time.Hour, b.Release)
		start := time.Now()
		if err := k.Shutdown(t.Context()); err != nil || time.Since(start) != 2*time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if err := errors.Join(k.Close(), k.Shutdown(done(t))); err != nil {
			t.Errorf("drained, but an error: %v", err)
		}
		check(t, k)
	})
}

func TestKeyedCloseRejectsAllKeysBeforeItClosesTheirBulkheads(t *testing.T) {
	var k *registry.Keyed[string]
	closed := 0
	k = mustKeyed[string](t, 1, 3, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		if e.Kind != bulk.EventClosed {
			return
		}
		if closed++; closed == 2 { // the rejector was first
			for _, key := range []string{"a", "b", "c"} {
				_, err := registry.RunKey(t.Context(), k, key, nothing)
				mustBe(t, err, bulk.ErrClosed)
			}
		}
	})))
	touch(t, k, "a", "b")
	_ = k.Close()
	if s := k.Status(); closed != 3 || s.Totals.ClosedAtArrival != 3 || s.Totals.Admitted != 2 {
		t.Errorf("closed %d, %+v", closed, s)
	}
}

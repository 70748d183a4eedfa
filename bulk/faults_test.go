package bulk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// Faults that were seen in other implementations of this pattern, each shown to
// be absent here.

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

func TestFaultReleaseWithoutHolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1)
		var zero bulk.Slot
		zero.Release() // neither blocks nor frees
		first, _ := b.TryAcquire()
		zero.Release()
		if _, ok := b.TryAcquire(); ok {
			t.Fatal("the zero Slot freed somebody's slot")
		}
		first.Release()
		mustBeIdle(t, b)
	})
}

func TestFaultSecondReleaseFreesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mustNew(t, 1, bulk.WaitingRoom(1))
		first, _ := b.TryAcquire()
		copied := first
		first.Release()
		second, _ := b.TryAcquire() // on the same record
		first.Release()
		copied.Release()
		if s, ok := b.TryAcquire(); ok {
			s.Release()
			t.Fatal("a second Release freed another's slot")
		}
		third := park(t, b, 1) // a record of its own
		copied.Release()
		third.mustWait(t)
		second.Release()
		third.mustHold(t)
		second.Release()
		first.Release()
		if _, ok := b.TryAcquire(); ok {
			t.Fatal("a second Release freed another's slot")
		}
		third.slot.Release()
		mustBeIdle(t, b)
	})
}

func TestFaultOneOfManyReleasesFrees(t *testing.T) {
	b := mustNew(t, 2)
	for range 1000 {
		s, _ := b.TryAcquire()
		other, _ := b.TryAcquire()
		var g sync.WaitGroup
		for range 8 {
			g.Go(s.Release)
		}
		g.Wait()
		if n := b.Status().InUse; n != 1 {
			t.Fatalf("%d in use after 8 releases of one slot of two", n)
		}
		other.Release()
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

func TestFaultUnboundedRoomAndOneErrorForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 300 * time.Millisecond
		b := mustNew(t, 1, bulk.WaitingRoom(50), bulk.WaitLimit(limit))
		fill(t, b)
		var full, late atomic.Int64
		for range 2000 {
			go func() {
				_, err := b.Acquire(t.Context())
				switch {
				case errors.Is(err, bulk.ErrSaturated) && !errors.Is(err, bulk.ErrExpired):
					full.Add(1)
				case errors.Is(err, bulk.ErrExpired) && !errors.Is(err, bulk.ErrSaturated):
					late.Add(1)
				}
			}()
		}
		synctest.Wait()
		if full.Load() != 1950 || late.Load() != 0 {
			t.Errorf("%d saturated, %d expired at first", full.Load(), late.Load())
		}
		time.Sleep(limit)
		synctest.Wait()
		if late.Load() != 50 {
			t.Errorf("%d expired", late.Load())
		}
	})
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

// Many waiters, holds of next to nothing: each is woken.
func TestFaultLostWakeUp(t *testing.T) {
	const callers, each = 16, 2000
	b := mustNew(t, 1, bulk.WaitingRoom(callers))
	var admitted atomic.Int64
	var g sync.WaitGroup
	for range callers {
		g.Go(func() {
			for range each {
				s, err := b.Acquire(t.Context(), deadline.Within(time.Hour))
				if err != nil {
					t.Error(err)
					return
				}
				admitted.Add(1)
				s.Release()
			}
		})
	}
	g.Wait()
	if admitted.Load() != callers*each {
		t.Errorf("%d admitted", admitted.Load())
	}
	mustBeIdle(t, b)
}

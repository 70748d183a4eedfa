package registry_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// The key is in use until then.
func TestKeyIsIdleAfterEveryExit(t *testing.T) {
	for name, run := range map[string]func(k *registry.Keyed[string], fn func(context.Context) (int, error)){
		"RunKey": func(k *registry.Keyed[string], fn func(context.Context) (int, error)) {
			_, _ = registry.RunKey(context.Background(), k, "a", fn)
		},
		"GuardKey": func(k *registry.Keyed[string], fn func(context.Context) (int, error)) {
			guarded := registry.GuardKey(k, func(string) string { return "a" }, func(ctx context.Context, _ string) (int, error) { return fn(ctx) })
			_, _ = guarded(context.Background(), "x")
		},
		"Acquire": func(k *registry.Keyed[string], fn func(context.Context) (int, error)) {
			slot, _ := k.Acquire(context.Background(), "a")
			defer slot.Release()
			_, _ = fn(context.Background())
		},
	} {
		for exit, fn := range map[string]func(){
			"return": func() {},
			"panic":  func() { panic("oh") },
			"Goexit": func() { runtime.Goexit() },
		} {
			t.Run(name+"/"+exit, func(t *testing.T) {
				k := mustKeyed[string](t, 1, 1)
				var g sync.WaitGroup
				g.Go(func() {
					defer func() { _ = recover() }()
					run(k, func(context.Context) (int, error) {
						if k.Evict("a") {
							t.Error("evicted in flight")
						}
						fn()
						return 0, nil
					})
				})
				g.Wait()
				check(t, k)
				if !k.Evict("a") {
					t.Error("not idle afterwards")
				}
			})
		}
	}
}

func TestGoexitInAHandlerLosesNoLease(t *testing.T) {
	for kind := bulk.EventQueued; kind <= bulk.EventResized; kind++ {
		for name, run := range map[string]func(k *registry.Keyed[string], key string){
			"RunKey": func(k *registry.Keyed[string], key string) {
				_, _ = registry.RunKey(context.Background(), k, key, nothing)
			},
			"Acquire": func(k *registry.Keyed[string], key string) {
				s, _ := k.Acquire(context.Background(), key)
				s.Release()
			},
		} {
			armed := false
			k := mustKeyed[string](t, 1, 1, registry.Each(bulk.WaitingRoom(1), bulk.WaitLimit(1), bulk.OnEvent(func(e bulk.Event) {
				if armed && e.Kind == kind {
					runtime.Goexit()
				}
			})))
			inBackground := func(key string) {
				var g sync.WaitGroup
				g.Go(func() {
					run(k, key)
				})
				g.Wait()
			}
			slot := hold(t, k, "a")
			armed = true
			inBackground("a") // queued, expired
			armed = false
			slot.Release()
			armed = true
			inBackground("a") // admitted, released
			inBackground("b") // closed, drained: the evicted bulkhead
			armed = false
			check(t, k)
			if s := k.Status(); s.InFlight != 0 || s.Waiting != 0 || s.Keys != 1 {
				t.Errorf("%v, %s: %+v", kind, name, s)
			}
			if !k.Evict("b") {
				t.Errorf("%v, %s: a lease is missing", kind, name)
			}
		}
	}
}

func TestKeyWithWaitingOperationsIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := mustKeyed[string](t, 1, 1, registry.Each(bulk.WaitingRoom(2)))
		first := hold(t, k, "a")
		var g sync.WaitGroup
		ctx, cancel := context.WithCancelCause(t.Context())
		g.Go(func() {
			_, err := k.Acquire(ctx, "a")
			mustBe(t, err, bulk.ErrCanceled, errWhy)
		})
		g.Go(func() {
			_, err := registry.RunKey(t.Context(), k, "a", nothing, deadline.Within(time.Minute))
			mustBe(t, err, bulk.ErrExpired)
		})
		inUse := func() {
			t.Helper()
			synctest.Wait()
			check(t, k)
			if k.Evict("a") || k.EvictIdle() != 0 {
				t.Error("evicted while in use")
			}
			_, err := k.Acquire(t.Context(), "b")
			mustBe(t, err, registry.ErrTooManyKeys)
		}
		inUse()
		if s := k.Status(); s.InFlight != 1 || s.Waiting != 2 {
			t.Errorf("%+v", s)
		}
		cancel(errWhy)
		inUse()
		time.Sleep(time.Minute)
		inUse()
		g.Wait()
		// Two goroutines release copies of one slot: the lease is returned once.
		var h sync.WaitGroup
		for range 2 {
			h.Go(first.Release)
		}
		h.Wait()
		check(t, k)
		s := hold(t, k, "b")
		s.Release()
		s.Release()
		first.Release()
		check(t, k)
		if got := k.Status(); got.Evicted != 1 || got.Totals.Admitted != 2 || got.Totals.Canceled != 1 || got.Totals.Expired != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// slowCtx extends the time between lookup and admission: Err blocks until a test
// lets it answer.
type slowCtx struct {
	context.Context
	asked, answer chan struct{}
}

func (c slowCtx) Err() error {
	c.asked <- struct{}{}
	<-c.answer
	return nil
}

func TestKeyIsNotEvictedBetweenLookupAndAdmission(t *testing.T) {
	k := mustKeyed[string](t, 1, 1)
	touch(t, k, "a")
	ctx := slowCtx{t.Context(), make(chan struct{}), make(chan struct{})}
	var got error
	var g sync.WaitGroup
	g.Go(func() { _, got = registry.RunKey(ctx, k, "a", nothing) })
	<-ctx.asked // after the lookup; no lock is held
	if k.Evict("a") || k.EvictIdle() != 0 {
		t.Error("evicted between lookup and admission")
	}
	_, err := k.Acquire(t.Context(), "b")
	mustBe(t, err, registry.ErrTooManyKeys)
	if s := k.Status(); s.InFlight != 0 || s.Keys != 1 {
		t.Errorf("%+v", s)
	}
	close(ctx.answer)
	go func() {
		for range ctx.asked {
		}
	}()
	g.Wait()
	close(ctx.asked)
	if got != nil {
		t.Error(got)
	}
}

// An option of a new key changes the Keyed while the bulkhead is created.
func TestEverythingIsCheckedAgainAfterABulkheadIsCreated(t *testing.T) {
	var k *registry.Keyed[string]
	meanwhile := func() {}
	newKeyed := func(n int) {
		meanwhile = func() {}
		k = mustKeyed[string](t, 2, n, registry.Each(func(*bulk.Config) error {
			f := meanwhile
			meanwhile = func() {}
			f()
			return nil
		}))
	}
	t.Run("another made it", func(t *testing.T) {
		newKeyed(1)
		var slot bulk.Slot
		meanwhile = func() { slot = hold(t, k, "a") }
		touch(t, k, "a")
		if s := k.Status(); s.Created != 1 || s.InFlight != 1 || s.Totals.Admitted != 2 {
			t.Errorf("%+v", s)
		}
		slot.Release()
		check(t, k)
	})
	t.Run("another key came, of many options", func(t *testing.T) {
		var slot bulk.Slot
		each := registry.Each(func(*bulk.Config) error {
			f := meanwhile
			meanwhile = func() {}
			f()
			return nil
		})
		meanwhile = func() {}
		k = mustKeyed[string](t, 2, 2, each, each, each) // in a slice with capacity for one more
		meanwhile = func() { slot = hold(t, k, "b") }
		hold(t, k, "a").Release()
		check(t, k)
		if !k.Evict("a") || k.Evict("b") {
			t.Error("the lease of one key was returned for the other")
		}
		slot.Release()
	})
	t.Run("the last place was taken", func(t *testing.T) {
		newKeyed(1)
		var slot bulk.Slot
		meanwhile = func() { slot = hold(t, k, "b") }
		_, err := k.Acquire(t.Context(), "a")
		mustBe(t, err, registry.ErrTooManyKeys)
		slot.Release()
		check(t, k)
	})
	t.Run("closed", func(t *testing.T) {
		newKeyed(1)
		meanwhile = func() { k.Close() }
		_, err := k.Acquire(t.Context(), "a")
		mustBe(t, err, bulk.ErrClosed)
		if s := k.Status(); s.Created != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestKeyIsInUseUntilTheEventsOfItsReleaseAreDelivered(t *testing.T) {
	var k *registry.Keyed[string]
	released := 0
	k = mustKeyed[string](t, 1, 1, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventReleased {
			released++
			if k.Evict("a") || k.EvictIdle() != 0 {
				t.Error("evicted while it was released")
			}
		}
	})))
	touch(t, k, "a")
	slot := hold(t, k, "a")
	slot.Release()
	if released != 2 || !k.Evict("a") {
		t.Errorf("released %d times, or not idle", released)
	}
}

// Events of evicted bulkheads are delivered without the lock.
func TestHandlerMayCallTheKeyed(t *testing.T) {
	var k *registry.Keyed[string]
	var seen []bulk.EventKind
	k = mustKeyed[string](t, 1, 1, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		k.Status()
		seen = append(seen, e.Kind)
		if e.Kind == bulk.EventDrained {
			_, err := k.Acquire(t.Context(), "c")
			if err != nil && !errors.Is(err, registry.ErrTooManyKeys) {
				t.Error(err)
			}
		}
	})))
	touch(t, k, "a", "b")
	check(t, k)
	if len(seen) != 6 {
		t.Errorf("%v", seen)
	}
}

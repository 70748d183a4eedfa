package registry_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestCloseStopsCreationAndClosesAll(t *testing.T) {
	r := registry.New()
	b := mustCreate(t, r, "payments", 1)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if !b.Status().Drained() {
		t.Error("a member is open")
	}
	for _, create := range []func(string, int, ...bulk.Option) (*bulk.Bulkhead, error){r.Create, r.GetOrCreate} {
		_, err := create("search", 1)
		mustBe(t, err, registry.ErrClosed)
		mustNotBe(t, err, bulk.ErrNotStarted)
		if !strings.Contains(err.Error(), `"search"`) {
			t.Errorf("%v does not name the label", err)
		}
	}
	_, err := r.Create("payments", 1)
	mustBe(t, err, registry.ErrDuplicate)
	if got, err := r.GetOrCreate("payments", 1); got != b || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if err := r.Remove(t.Context(), "payments"); err != nil || len(labels(r)) != 0 {
		t.Errorf("%v, left %v", err, labels(r))
	}
}

func TestCloseStopsCreationBeforeItClosesMembers(t *testing.T) {
	r := registry.New()
	var err error
	mustCreate(t, r, "payments", 1, bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventClosed {
			_, err = r.Create("search", 1)
		}
	}))
	_ = r.Close()
	mustBe(t, err, registry.ErrClosed)
}

func TestGoexitInAHandlerSkipsNoMember(t *testing.T) {
	ends := bulk.OnEvent(func(e bulk.Event) {
		switch e.Kind {
		case bulk.EventClosed, bulk.EventResized:
			runtime.Goexit()
		}
	})
	inBackground := func(f func()) {
		var g sync.WaitGroup
		g.Go(f)
		g.Wait()
	}
	r := registry.New(ends)
	two := make(map[string]bulk.Capacity)
	for i := range 4 {
		mustCreate(t, r, fmt.Sprint(i), 1)
		two[fmt.Sprint(i)] = bulk.Capacity{Parallelism: 2}
	}
	inBackground(func() { _ = r.Apply(two) })
	mustHave(t, r, two)
	inBackground(func() { _ = r.Close() })
	for _, s := range r.Statuses() {
		if !s.Drained() {
			t.Errorf("%q is open", s.Label)
		}
	}

	for name, f := range map[string]func(k *registry.Keyed[int]){
		"Close":     func(k *registry.Keyed[int]) { _ = k.Close() },
		"EvictIdle": func(k *registry.Keyed[int]) { k.EvictIdle() },
	} {
		closed := 0
		k := mustKeyed[int](t, 1, 4, registry.Each(bulk.OnEvent(func(e bulk.Event) {
			if e.Kind == bulk.EventDrained {
				closed++
				runtime.Goexit()
			}
		})))
		touch(t, k, 0, 1, 2, 3)
		want := 4
		if name == "Close" {
			want++ // the rejector
		}
		inBackground(func() { f(k) })
		if closed != want {
			t.Errorf("%s: %d closed, want %d", name, closed, want)
		}
	}
}

func TestNoMemberCreatedDuringCloseStaysOpen(t *testing.T) {
	for range 100 {
		r := registry.New()
		var mu sync.Mutex
		var made []*bulk.Bulkhead
		var g sync.WaitGroup
		for i := range 8 {
			g.Go(func() {
				for n := range 20 {
					if b, err := r.Create(fmt.Sprint(i, n), 1); err == nil {
						mu.Lock()
						made = append(made, b)
						mu.Unlock()
					} else if !errors.Is(err, registry.ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		g.Go(func() { _ = r.Close() })
		g.Wait()
		for _, b := range made {
			if !b.Status().Closed {
				t.Fatal("a member was left open")
			}
		}
		if len(made) != len(labels(r)) {
			t.Fatalf("%d were made, %d are registered", len(made), len(labels(r)))
		}
	}
}

func TestShutdownWaitsForAllMembersAndNamesThoseInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.New()
		slots := make(map[string][]bulk.Slot)
		for _, label := range []string{"slow", "quick", "idle", "stuck"} {
			b := mustCreate(t, r, label, 2)
			for range 2 {
				s, _ := b.TryAcquire()
				slots[label] = append(slots[label], s)
			}
		}
		slots["idle"][0].Release()
		slots["idle"][1].Release()
		for _, s := range slots["quick"] {
			time.AfterFunc(30*time.Second, s.Release)
		}
		time.AfterFunc(30*time.Second, slots["stuck"][0].Release)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errWhy)
		defer cancel()
		start := time.Now()
		err := r.Shutdown(ctx)
		if got := time.Since(start); got != time.Minute {
			t.Errorf("gave up after %v", got)
		}
		mustBe(t, err, context.DeadlineExceeded, errWhy)
		var got []string
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var drain *bulk.DrainError
			if !errors.As(err, &drain) {
				t.Fatalf("%v is no DrainError", err)
			}
			got = append(got, fmt.Sprint(drain.Label, drain.InFlight))
		}
		if !slices.Equal(got, []string{"slow2", "stuck1"}) {
			t.Errorf("still in flight: %v", got)
		}
		for label, b := range r.All() {
			if !b.Status().Closed {
				t.Errorf("%q is open", label)
			}
		}
		for _, s := range append(slots["slow"], slots["stuck"]...) {
			time.AfterFunc(time.Hour, s.Release)
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := r.Shutdown(done(t)); err != nil {
			t.Errorf("drained, but Shutdown returned %v", err)
		}
	})
}

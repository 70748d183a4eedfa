package registry_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestRemoveClosesAndDrainsBeforeTheLabelIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.New()
		b := mustCreate(t, r, "payments", 1)
		mustCreate(t, r, "search", 1)
		slot, _ := b.TryAcquire()
		start := time.Now()
		time.AfterFunc(time.Minute, slot.Release)
		var g sync.WaitGroup
		for range 3 {
			g.Go(func() {
				if err := r.Remove(t.Context(), "payments"); err != nil {
					t.Error(err)
				}
				if got := time.Since(start); got != time.Minute {
					t.Errorf("removed after %v", got)
				}
			})
		}
		synctest.Wait()
		// The member is closed, and its label is taken until it is drained.
		if _, err := b.Acquire(t.Context()); !errors.Is(err, bulk.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if got, _ := r.Get("payments"); got != b {
			t.Error("removed before it was drained")
		}
		_, err := r.Create("payments", 1)
		mustBe(t, err, registry.ErrDuplicate)
		g.Wait()
		if got := labels(r); !slices.Equal(got, []string{"search"}) {
			t.Errorf("left %v", got)
		}
		mustCreate(t, r, "payments", 2)
		check(t, r)
	})
}

func TestRemoveThatGivesUpLeavesTheMemberRegisteredAndClosed(t *testing.T) {
	r := registry.New()
	b := mustCreate(t, r, "payments", 2)
	slot, _ := b.TryAcquire()
	err := r.Remove(done(t), "payments")
	var drain *bulk.DrainError
	if !errors.As(err, &drain) || drain.Label != "payments" || drain.InFlight != 1 {
		t.Errorf("got %v", err)
	}
	mustBe(t, err, context.Canceled, errWhy)
	if got, _ := r.Get("payments"); got != b || !b.Status().Closed {
		t.Error("not registered, or not closed")
	}
	slot.Release()
	// A drained member is removed even with a done ctx.
	if err := r.Remove(done(t), "payments"); err != nil || len(labels(r)) != 0 {
		t.Errorf("%v, left %v", err, labels(r))
	}
	err = r.Remove(t.Context(), "payments")
	mustBe(t, err, registry.ErrUnknown)
	if !strings.Contains(err.Error(), `"payments"`) {
		t.Errorf("%v does not name the label", err)
	}
}

// Between the drain of a member and its removal, another Remove can have removed it,
// and another goroutine can have created a new one with its label.
func TestRemoveNeverRemovesALaterMember(t *testing.T) {
	r := registry.New()
	var later *bulk.Bulkhead
	mustCreate(t, r, "payments", 1, bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventDrained {
			if err := r.Remove(t.Context(), "payments"); err != nil {
				t.Error(err)
			}
			later = mustCreate(t, r, "payments", 2)
		}
	}))
	if err := r.Remove(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Get("payments"); got == nil || got != later {
		t.Errorf("got %v, want the later one", got)
	}
}

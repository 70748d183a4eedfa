package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// three returns a registry with three members and their capacities.
func three(t testing.TB) (*registry.Registry, map[string]bulk.Capacity) {
	r := registry.New()
	for i, label := range []string{"payments", "search", "auth"} {
		mustCreate(t, r, label, 10*(i+1), bulk.WaitingRoom(i), bulk.WaitLimit(time.Duration(i)*time.Second))
	}
	return r, capacities(r)
}

func capacities(r *registry.Registry) map[string]bulk.Capacity {
	m := make(map[string]bulk.Capacity)
	for label, b := range r.All() {
		m[label] = b.Capacity()
	}
	return m
}

func mustHave(t testing.TB, r *registry.Registry, want map[string]bulk.Capacity) {
	t.Helper()
	for label, c := range capacities(r) {
		if c != want[label] {
			t.Errorf("%q has %+v, want %+v", label, c, want[label])
		}
	}
}

func TestApplySetsNamedMembersOnly(t *testing.T) {
	r, want := three(t)
	want["payments"] = bulk.Capacity{Parallelism: 1, WaitingRoom: 2, WaitLimit: 3}
	want["auth"] = bulk.Capacity{Parallelism: 4}
	err := r.Apply(map[string]bulk.Capacity{"payments": want["payments"], "auth": want["auth"]})
	if err != nil {
		t.Fatal(err)
	}
	mustHave(t, r, want)
	if err := errors.Join(r.Apply(nil), r.ApplyJSON([]byte(` {} `))); err != nil {
		t.Error(err)
	}
	mustHave(t, r, want)
}

func TestApplyChecksEverythingBeforeItSetsAnything(t *testing.T) {
	r, want := three(t)
	err := r.Apply(map[string]bulk.Capacity{
		"auth":     {Parallelism: 1},
		"payments": {Parallelism: -1, WaitingRoom: -1, WaitLimit: -1},
		"nobody":   {Parallelism: -1},
		"another":  {Parallelism: 1},
	})
	mustBe(t, err, registry.ErrUnknown, bulk.ErrConfig)
	text := err.Error()
	for _, s := range []string{`bulkhead "payments": parallelism -1`, `bulkhead "payments": waiting_room -1`, `bulkhead "payments": wait_limit -1ns`, `bulkhead "nobody": no such label`, `bulkhead "nobody": parallelism -1`, `bulkhead "another": no such label`} {
		if !strings.Contains(text, s) {
			t.Errorf("%q is not in\n%s", s, text)
		}
	}
	if strings.Index(text, "another") > strings.Index(text, "nobody") {
		t.Errorf("not in the order of labels:\n%s", text)
	}
	mustHave(t, r, want)
}

func TestApplyReportsClosedMembersAndSetsTheOthers(t *testing.T) {
	r, want := three(t)
	b, _ := r.Get("payments")
	b.Close()
	one := bulk.Capacity{Parallelism: 1}
	err := r.Apply(map[string]bulk.Capacity{"auth": one, "payments": one, "search": one})
	mustBe(t, err, bulk.ErrClosed)
	mustNotBe(t, err, bulk.ErrNotStarted)
	if !strings.Contains(err.Error(), `"payments"`) || strings.Contains(err.Error(), "auth") {
		t.Errorf("%v names the wrong ones", err)
	}
	want["auth"], want["search"] = one, one
	mustHave(t, r, want)
}

func TestHandlerMayCallApply(t *testing.T) {
	r := registry.New()
	mustCreate(t, r, "other", 1)
	mustCreate(t, r, "payments", 1, bulk.OnEvent(func(bulk.Event) {
		if err := r.Apply(map[string]bulk.Capacity{"other": {Parallelism: 3}}); err != nil {
			t.Error(err)
		}
	}))
	if err := r.Apply(map[string]bulk.Capacity{"payments": {Parallelism: 2}}); err != nil {
		t.Fatal(err)
	}
	mustHave(t, r, map[string]bulk.Capacity{"other": {Parallelism: 3}, "payments": {Parallelism: 2}})
}

func TestApplyAdmitsWhenItGrowsAndInterruptsNothingWhenItShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.New()
		b := mustCreate(t, r, "payments", 1, bulk.WaitingRoom(10))
		var g sync.WaitGroup
		for range 6 {
			g.Go(func() {
				if err := bulk.Do(t.Context(), b, func(context.Context) error { time.Sleep(time.Second); return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for _, c := range []struct {
			text              string
			inFlight, waiting int
		}{
			{`{"payments":{"parallelism":4}}`, 4, 2},
			{`{"payments":{"parallelism":1,"waiting_room":0}}`, 4, 2},
		} {
			if err := r.ApplyJSON([]byte(c.text)); err != nil {
				t.Fatal(err)
			}
			if s := b.Status(); s.InFlight != c.inFlight || s.Waiting != c.waiting {
				t.Errorf("%s: %d in flight, %d waiting", c.text, s.InFlight, s.Waiting)
			}
		}
		g.Wait()
		if s := b.Status(); s.Totals.Finished != 6 {
			t.Errorf("%+v", s)
		}
	})
}

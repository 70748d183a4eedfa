package registry_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func mustCreateKeyed[K comparable](t testing.TB, r *registry.Registry, label string, parallelism, maxKeys int, opts ...registry.KeyedOption) *registry.Keyed[K] {
	t.Helper()
	k, err := registry.CreateKeyed[K](r, label, parallelism, maxKeys, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyedMemberIsReachedUnderItsLabel(t *testing.T) {
	r := registry.New()
	mustCreate(t, r, "payments", 1)
	k := mustCreateKeyed[string](t, r, "tenants", 2, 3)
	touch(t, k, "known")
	mustCreate(t, r, "search", 1)

	if err := r.ApplyJSON([]byte(`{"tenants": {"parallelism": 0, "waiting_room": 5}, "search": {"parallelism": 7}}`)); err != nil {
		t.Fatal(err)
	}
	want := bulk.Capacity{Parallelism: 0, WaitingRoom: 5}
	if k.Capacity() != want || capacitiesOf(k)["known"] != want {
		t.Errorf("%v, %v", k.Capacity(), capacitiesOf(k))
	}
	want = bulk.Capacity{Parallelism: 4}
	if err := r.Apply(map[string]bulk.Capacity{"tenants": want}); err != nil || k.Capacity() != want {
		t.Errorf("%v, %v", err, k.Capacity())
	}

	// The lists, in the order of creation.
	if all := r.KeyedStatuses(); len(all) != 1 || all[0].Label != "tenants" || all[0].Keys != 1 || all[0].ID != k.Status().ID {
		t.Errorf("%+v", all)
	}
	var labels []string
	for _, report := range r.Reports() {
		labels = append(labels, report.Status.Label)
	}
	for label := range r.All() {
		labels = append(labels, label)
	}
	for _, s := range r.Statuses() {
		labels = append(labels, s.Label)
	}
	if want := []string{"payments", "tenants", "search", "payments", "search", "payments", "search"}; !slices.Equal(labels, want) {
		t.Errorf("%q, want %q", labels, want)
	}
	if r.String() != "registry (3 members)" {
		t.Error(r)
	}

	// Remove closes it and frees the label.
	check(t, r)
	slot := hold(t, k, "known")
	var drain *bulk.DrainError
	if err := r.Remove(done(t), "tenants"); !errors.As(err, &drain) || drain.Label != "tenants" || len(r.KeyedStatuses()) != 1 {
		t.Errorf("%v", err)
	}
	mustBe(t, r.ApplyJSON([]byte(`{"tenants": {"parallelism": 1}}`)), bulk.ErrClosed)
	slot.Release()
	if err := r.Remove(t.Context(), "tenants"); err != nil || len(r.KeyedStatuses()) != 0 || r.String() != "registry (2 members)" {
		t.Errorf("%v, %v", err, r)
	}
	mustCreate(t, r, "tenants", 1)
	check(t, r)
}

func TestCloseAndShutdownOfARegistryReachItsKeyeds(t *testing.T) {
	r := registry.New()
	k := mustCreateKeyed[int](t, r, "tenants", 1, 3)
	slot := hold(t, k, 1)
	r.Close()
	_, err := k.Acquire(t.Context(), 2)
	mustBe(t, err, bulk.ErrClosed)
	err = r.Shutdown(done(t))
	var drain *bulk.DrainError
	if !errors.As(err, &drain) || drain.Label != "tenants" || drain.InFlight != 1 {
		t.Errorf("%v", err)
	}
	slot.Release()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = registry.CreateKeyed[int](r, "more", 1, 1)
	mustBe(t, err, registry.ErrClosed)
	_, err = registry.CreateKeyed[int](r, "tenants", 0, 0)
	mustBe(t, err, registry.ErrDuplicate)
	mustNotBe(t, err, registry.ErrClosed, bulk.ErrConfig)
}

func TestKeyedsAndBulkheadsShareTheLabels(t *testing.T) {
	r := registry.New()
	mustCreate(t, r, "payments", 1)
	mustCreateKeyed[int](t, r, "tenants", 1, 1)
	_, err := registry.CreateKeyed[int](r, "payments", 1, 1)
	mustBe(t, err, registry.ErrDuplicate)
	_, err = registry.CreateKeyed[string](r, "tenants", 1, 1)
	mustBe(t, err, registry.ErrDuplicate)
	for name, create := range map[string]func(string, int, ...bulk.Option) (*bulk.Bulkhead, error){"Create": r.Create, "GetOrCreate": r.GetOrCreate} {
		b, err := create("tenants", 1)
		mustBe(t, err, registry.ErrDuplicate)
		if b != nil || err.Error() != `registry: bulkhead "tenants": label is taken by a Keyed` {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
	if b, ok := r.Get("tenants"); ok || b != nil {
		t.Errorf("got %v", b)
	}
	_, err = registry.CreateKeyed[int](r, "hosts", 0, 0)
	mustBe(t, err, bulk.ErrConfig)
	if len(r.KeyedStatuses()) != 1 {
		t.Error("registered after an error")
	}
	check(t, r)
}

func TestDefaultsOfARegistryApplyToEachKey(t *testing.T) {
	r := registry.New(bulk.WaitingRoom(3), bulk.WaitLimit(time.Second))
	k := mustCreateKeyed[int](t, r, "tenants", 1, 2, registry.Each(bulk.WaitingRoom(5)))
	touch(t, k, 1)
	if want := (bulk.Capacity{Parallelism: 1, WaitingRoom: 5, WaitLimit: time.Second}); k.Capacity() != want || capacitiesOf(k)[1] != want {
		t.Errorf("%v", capacitiesOf(k))
	}
	_, err := registry.CreateKeyed[int](registry.New(bulk.WaitingRoom(-1)), "tenants", 1, 2)
	mustBe(t, err, bulk.ErrConfig)
}

func TestApplyChecksTheCapacityOfEachKeyBeforeItSetsAnyMember(t *testing.T) {
	r := registry.New()
	a := mustCreate(t, r, "a", 1)
	k := mustCreateKeyed[string](t, r, "tenants", 3, 3, registry.CapacityOf(func(_ string, c bulk.Capacity) bulk.Capacity {
		c.Parallelism -= 2
		return c
	}))
	touch(t, k, "secret")
	err := r.ApplyJSON([]byte(`{"a": {"parallelism": 9}, "tenants": {"parallelism": 1}}`))
	mustBe(t, err, bulk.ErrConfig)
	if a.Capacity().Parallelism != 1 || k.Capacity().Parallelism != 3 || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), `"tenants"`) {
		t.Errorf("%v, %v, %v", a.Capacity(), k.Capacity(), err)
	}
	err = r.Apply(map[string]bulk.Capacity{"tenants": {Parallelism: -1}})
	mustBe(t, err, bulk.ErrConfig)
	if err.Error() != `registry: bulkhead "tenants": parallelism -1: must be 0 (paused) or more` {
		t.Error(err)
	}
	if err := r.ApplyJSON([]byte(`{"a": {"parallelism": 9}, "tenants": {"parallelism": 4}}`)); err != nil || capacitiesOf(k)["secret"].Parallelism != 2 {
		t.Errorf("%v, %v", err, capacitiesOf(k))
	}
	check(t, r)
}

func TestConcurrentCreateKeyedHasOneWinner(t *testing.T) {
	r := registry.New()
	var g sync.WaitGroup
	winners := make(chan bool, 8)
	for i := range 8 {
		g.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = registry.CreateKeyed[int](r, "x", 1, 1)
			} else {
				_, err = r.Create("x", 1)
			}
			if winners <- err == nil; err != nil {
				mustBe(t, err, registry.ErrDuplicate)
			}
		})
	}
	g.Wait()
	close(winners)
	n := 0
	for won := range winners {
		if won {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d winners", n)
	}
	check(t, r)
}

package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func mustCreate(t testing.TB, r *registry.Registry, label string, parallelism int, opts ...bulk.Option) *bulk.Bulkhead {
	t.Helper()
	b, err := r.Create(label, parallelism, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustKeyed[K comparable](t testing.TB, parallelism, maxKeys int, opts ...registry.KeyedOption) *registry.Keyed[K] {
	t.Helper()
	k, err := registry.NewKeyed[K]("tenants", parallelism, maxKeys, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// hold acquires a slot, which must be free.
func hold[K comparable](t testing.TB, k *registry.Keyed[K], key K) bulk.Slot {
	t.Helper()
	s, err := k.Acquire(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// touch runs one operation under each key.
func touch[K comparable](t testing.TB, k *registry.Keyed[K], keys ...K) {
	t.Helper()
	for _, key := range keys {
		if _, err := registry.RunKey(t.Context(), k, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
}

func nothing(context.Context) (int, error) { return 1, nil }

// done returns a ctx that is done, with the cause errWhy.
func done(t testing.TB) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errWhy)
	return ctx
}

var errWhy = errors.New("the user went away")

var past = time.Unix(0, 0)

func mustBe(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("error %v is not %v", err, target)
		}
	}
}

func mustNotBe(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			t.Errorf("error %v is %v", err, target)
		}
	}
}

// mustPanic calls f and returns what it panics with.
func mustPanic(t testing.TB, f func()) (recovered any) {
	t.Helper()
	defer func() {
		if recovered = recover(); recovered == nil {
			t.Error("no panic")
		}
	}()
	f()
	return nil
}

// checkSums fails the test if the equations of a status do not hold.
func checkSums(t testing.TB, n bulk.Totals, inFlight, waiting int) {
	t.Helper()
	if n.Admitted != n.Finished+n.Abandoned+uint64(inFlight) {
		t.Errorf("admitted %d ≠ finished %d + abandoned %d + in flight %d", n.Admitted, n.Finished, n.Abandoned, inFlight)
	}
	if n.Queued != n.AdmittedFromQueue+n.Expired+n.Canceled+n.Closed+n.Oversized+uint64(waiting) {
		t.Errorf("queued doesn't add up, %d waiting: %+v", waiting, n)
	}
	if n.Waits.Count() != n.AdmittedFromQueue {
		t.Errorf("%d waits for %d admitted from the queue", n.Waits.Count(), n.AdmittedFromQueue)
	}
}

type checker interface{ Check() error }

func check(t testing.TB, c checker) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

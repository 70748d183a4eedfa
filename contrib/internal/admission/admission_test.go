package admission_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/internal/admission"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

var errNested = errors.New("nested")

func newAdmission(t *testing.T, b *bulk.Bulkhead, opts ...option.Option[admission.Config]) admission.Admission {
	t.Helper()
	a, err := admission.New(b, errNested, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func byTenant(t *testing.T) (*registry.Keyed[string], option.Option[admission.Config]) {
	t.Helper()
	tenants, err := registry.NewKeyed[string]("tenants", 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	return tenants, admission.PerKey(tenants, func(context.Context) (string, bool) { return "shop", true })
}

func TestAdmissionAllocatesNothing(t *testing.T) {
	_, perKey := byTenant(t)
	b := bulk.Must(bulk.New("orders db", 1))
	for name, a := range map[string]admission.Admission{
		"by the bulkhead":    newAdmission(t, b).With([]deadline.Limit{deadline.Within(time.Second)}),
		"also by a key":      newAdmission(t, b, perKey).With([]deadline.Limit{deadline.Within(time.Second)}),
		"key without limits": newAdmission(t, b, perKey),
	} {
		if n := testing.AllocsPerRun(1000, func() {
			_, _ = admission.Run(t.Context(), a, func(context.Context) (int, error) { return 1, nil })
		}); n > 0 {
			t.Errorf("%s: %v allocations for each operation", name, n)
		}
		if n := testing.AllocsPerRun(1000, func() {
			slots, _ := a.Acquire(t.Context())
			slots.Release()
		}); n > 0 {
			t.Errorf("%s: %v allocations for each Acquire", name, n)
		}
	}
}

// An operation that ran can return the rejection of a nested operation under its key, or
// by its bulkhead.
func TestErrorOfAnOperationThatRanIsNotTheRejectionOfItsKey(t *testing.T) {
	tenants, perKey := byTenant(t)
	other := bulk.Must(bulk.New("mail", 1))
	slot, _ := other.TryAcquire()
	defer slot.Release()
	b := bulk.Must(bulk.New("orders db", 1))
	a := newAdmission(t, b, perKey)
	for form, run := range map[string]func(func(context.Context) error) error{
		"Run": func(fn func(context.Context) error) error {
			_, err := admission.Run(t.Context(), a, func(ctx context.Context) (int, error) { return 0, fn(ctx) })
			return err
		},
		"Acquire": func(fn func(context.Context) error) error {
			slots, err := a.Acquire(t.Context())
			if err != nil {
				return err
			}
			defer slots.Release()
			return slots.Ran(t.Context(), fn(t.Context()))
		},
	} {
		err := run(func(ctx context.Context) error {
			_, err := tenants.Acquire(ctx, "shop")
			return fmt.Errorf("nested: %w", err)
		})
		if err == nil || tenants.NotStarted(err) || errors.Is(err, bulk.ErrNotStarted) {
			t.Errorf("%s, under the same key: %v", form, err)
		}
		err = run(func(ctx context.Context) error {
			_, err := b.Acquire(ctx)
			return err
		})
		if err == nil || bulk.NotStarted(err, b) || errors.Is(err, bulk.ErrNotStarted) {
			t.Errorf("%s, in the same bulkhead: %v", form, err)
		}
		err = run(func(ctx context.Context) error {
			return bulk.Do(ctx, other, func(context.Context) error { return nil })
		})
		if !errors.Is(err, bulk.ErrSaturated) || !bulk.NotStarted(err, other) {
			t.Errorf("%s, in another bulkhead: %v", form, err)
		}
		if err := run(func(context.Context) error { return nil }); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
	if s := tenants.Status(); s.InUse != 0 || s.Totals.Finished != 8 || b.Status().Totals.Finished != 8 {
		t.Errorf("at the end: %v, %v", s, b.Status())
	}
}

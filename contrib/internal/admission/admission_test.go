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
	}
}

// An operation that ran can return the rejection of a nested operation under its key.
func TestErrorOfAnOperationThatRanIsNotTheRejectionOfItsKey(t *testing.T) {
	tenants, perKey := byTenant(t)
	other := bulk.Must(bulk.New("mail", 1))
	slot, _ := other.TryAcquire()
	defer slot.Release()
	a := newAdmission(t, bulk.Must(bulk.New("orders db", 2)), perKey)
	_, err := admission.Run(t.Context(), a, func(ctx context.Context) (int, error) {
		_, err := tenants.Acquire(ctx, "shop")
		return 0, fmt.Errorf("nested: %w", err)
	})
	if err == nil || tenants.NotStarted(err) || errors.Is(err, bulk.ErrNotStarted) {
		t.Errorf("under the same key: %v", err)
	}
	_, err = admission.Run(t.Context(), a, func(ctx context.Context) (int, error) {
		return 0, bulk.Do(ctx, other, func(context.Context) error { return nil })
	})
	if !errors.Is(err, bulk.ErrSaturated) || !bulk.NotStarted(err, other) {
		t.Errorf("in another bulkhead: %v", err)
	}
	if s := tenants.Status(); s.InUse != 0 || s.Totals.Finished != 2 {
		t.Errorf("at the end: %v", s)
	}
}

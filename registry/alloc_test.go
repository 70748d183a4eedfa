//go:build !race

package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/registry"
)

// A call with a known key allocates nothing, however it ends; nor does a new key
// that is turned away.
func TestAKnownKeyAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	before := time.Now().Add(time.Hour)
	for name, opts := range map[string][]registry.KeyedOption{
		"plain":      {registry.MaxKeys(2)},
		"idle after": {registry.MaxKeys(2), registry.IdleAfter(time.Hour)},
	} {
		k := mustKeyed[string](t, 1, opts...)
		full := mustKeyed[string](t, 1, registry.MaxKeys(1))
		hold(t, full, "a")
		guarded := registry.GuardKey(k, func(s string) string { return s }, func(context.Context, string) (int, error) { return 1, nil })
		r := registry.New()
		mustCreate(t, r, "a", 1)
		for what, f := range map[string]func(){
			"RunKey": func() { _, _ = registry.RunKey(ctx, k, "a", nothing) },
			"RunKey with limits": func() {
				_, _ = registry.RunKey(ctx, k, "a", nothing, deadline.Within(time.Second), deadline.Before(before))
			},
			"GuardKey": func() { _, _ = guarded(ctx, "a") },
			"Acquire": func() {
				s, _ := k.Acquire(ctx, "a")
				s.Release()
			},
			"saturated":   func() { _, _ = registry.RunKey(ctx, full, "a", nothing) },
			"no room":     func() { _, _ = full.Acquire(ctx, "b") },
			"Get":         func() { _, _ = r.Get("a") },
			"GetOrCreate": func() { _, _ = r.GetOrCreate("a", 1) },
		} {
			if n := testing.AllocsPerRun(1000, f); n != 0 {
				t.Errorf("%s, %s: %v allocations", name, what, n)
			}
		}
	}
}

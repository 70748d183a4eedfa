package registry_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/internal/printtest"
	"github.com/bulklink/bulklink-go/registry"
)

// Run with -race: printing must not read fields that other goroutines write.
func TestPrintingAKeyedShowsItsLabelAndNoKey(t *testing.T) {
	k := mustKeyed[string](t, 2, 5)
	var g sync.WaitGroup
	for range 2 {
		g.Go(func() {
			for n := range 200 {
				_, _ = registry.RunKey(t.Context(), k, "secret"+strconv.Itoa(n%7), nothing)
			}
		})
	}
	for range 3 {
		printtest.Check(t, k, `keyed "tenants"`)
	}
	printtest.CheckMisused(t, k, "secret")
	g.Wait()
	printtest.Check(t, k, `keyed "tenants"`)
	printtest.CheckMisused(t, k, "secret")
	printtest.Check(t, (*registry.Keyed[string])(nil), "<nil>")
}

func TestPrintingARegistryShowsTheNumberOfItsMembers(t *testing.T) {
	r := registry.New()
	printtest.Check(t, r, "registry (0 members)")
	b := mustCreate(t, r, "payments", 1)
	printtest.Check(t, r, "registry (1 member)")
	mustCreate(t, r, "search", 1)
	var g sync.WaitGroup
	g.Go(func() {
		for n := range 200 {
			_, _ = r.GetOrCreate("search", 1)
			_ = b.Resize(1 + n%2)
		}
	})
	printtest.Check(t, r, "registry (2 members)")
	printtest.CheckMisused(t, r, "payments")
	g.Wait()
	printtest.Check(t, (*registry.Registry)(nil), "<nil>")
}

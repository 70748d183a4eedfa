package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/registry"
)

func labels(r *registry.Registry) []string {
	var labels []string
	for label := range r.All() {
		labels = append(labels, label)
	}
	return labels
}

func TestMembersAreFoundByLabelAndListedInTheOrderOfCreation(t *testing.T) {
	r := registry.New()
	if _, ok := r.Get("payments"); ok || len(labels(r)) != 0 {
		t.Error("a new registry is not empty")
	}
	for i, label := range []string{"payments", "search", "auth"} {
		b := mustCreate(t, r, label, i+1)
		if got, ok := r.Get(label); !ok || got != b || b.Label() != label {
			t.Errorf("Get(%q) returned %v, %v", label, got, ok)
		}
	}
	want := []string{"payments", "search", "auth"}
	if got := labels(r); !slices.Equal(got, want) {
		t.Errorf("listed %v", got)
	}
	for i, s := range r.Statuses() {
		if s.Label != want[i] || s.Capacity.Parallelism != i+1 {
			t.Errorf("status %d is of %q: %+v", i, s.Label, s)
		}
	}
	for i, rep := range r.Reports() {
		if rep.Status.Label != want[i] {
			t.Errorf("report %d is of %q", i, rep.Status.Label)
		}
	}
	check(t, r)
}

func TestAllIsAStableViewAndHoldsNoLock(t *testing.T) {
	r := registry.New()
	for i := range 5 {
		mustCreate(t, r, fmt.Sprint(i), 1)
	}
	var seen []string
	for label, b := range r.All() {
		if b.Label() != label {
			t.Errorf("%q under %q", b.Label(), label)
		}
		seen = append(seen, label)
		mustCreate(t, r, "new "+label, 1)
		if err := r.Remove(t.Context(), label); err != nil {
			t.Fatal(err)
		}
		if label == "3" {
			break
		}
	}
	if !slices.Equal(seen, []string{"0", "1", "2", "3"}) {
		t.Errorf("seen %v", seen)
	}
	if got := labels(r); !slices.Equal(got, []string{"4", "new 0", "new 1", "new 2", "new 3"}) {
		t.Errorf("left %v", got)
	}
	check(t, r)
}

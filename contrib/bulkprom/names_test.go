package bulkprom_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

func newRegistry(c prometheus.Collector) *prometheus.Registry {
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(c)
	return metrics
}

// The labels are invalid UTF-8, equal, or equal to the escaped form of another one.
func TestNoLabelBreaksAScrape(t *testing.T) {
	pieces := []string{"caf", "\xe9", "\xe8", "\uFFFD", "\uFFFDE9", "E9", "#", "\uFFFD#", "1", "2", "\x00", "\n", "\"", "\\", "{}", "\xff\xfe", "é", "\xed\xa0\x80"}
	labels := slices.Clone(pieces)
	for _, a := range []string{"caf", "\xe9", "\uFFFD", "\uFFFD#"} {
		for _, b := range pieces {
			labels = append(labels, a+b)
		}
		labels = append(labels, a+"\uFFFD#10001", a+"\uFFFD#keyed2")
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	var statuses []bulk.Status
	for i := range len(labels) + 20 {
		statuses = append(statuses, bulk.Status{ID: uint64(i%len(labels) + 1), Label: labels[i%len(labels)]}) // some statuses twice
	}
	for i := range 20 { // bulkheads with the same label
		statuses = append(statuses, bulk.Status{ID: uint64(10000 + i), Label: labels[i%10]})
	}
	seen := slotsByName(t, statuses)
	if want := len(labels) + 20; len(seen) != want {
		t.Errorf("%d bulkheads are shown, want %d", len(seen), want)
	}
	rand.Shuffle(len(statuses), func(i, j int) { statuses[i], statuses[j] = statuses[j], statuses[i] })
	if again := slotsByName(t, statuses); !maps.Equal(seen, again) {
		t.Error("the values depend on the order of statuses")
	}
	statuses = slices.DeleteFunc(statuses, func(s bulk.Status) bool { return s.ID%2 == 0 })
	for label, id := range slotsByName(t, statuses) {
		if was, ok := seen[label]; ok && was != id && was%2 != 0 {
			t.Errorf("%q is a different bulkhead after others were removed", label)
		}
	}
}

// slotsByName makes a real scrape and returns the bulkheads by the exported label. Their
// parallelism is their ID.
func slotsByName(t *testing.T, statuses []bulk.Status) map[string]uint64 {
	t.Helper()
	for i := range statuses {
		statuses[i].Capacity.Parallelism = int(statuses[i].ID)
	}
	seen := map[string]uint64{}
	c := bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return statuses }), bulkprom.Buckets(1))
	for _, m := range scrape(t, c, expfmt.TypeTextPlain)["bulkhead_slots"].GetMetric() {
		seen[m.GetLabel()[0].GetValue()] = uint64(m.GetGauge().GetValue())
	}
	return seen
}

// Keyeds come first, so their names do not depend on the bulkheads that there are.
func TestKeyedKeepsItsLabelBeforeABulkhead(t *testing.T) {
	a, b := tenants(t, "tenants\xff"), tenants(t, "tenants\xff")
	statuses := []bulk.Status{{ID: 7, Label: "tenants\xff"}, {ID: 8, Label: "tenants\xff\uFFFD#keyed2"}}
	c := bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return statuses }), bulkprom.Keyed(a), bulkprom.Keyed(b))
	families := scrape(t, c, expfmt.TypeTextPlain)
	var got []string
	for _, m := range families["bulkhead_slots_in_use"].GetMetric() {
		got = append(got, m.GetLabel()[0].GetValue())
	}
	name := "tenants\uFFFDFF"
	want := []string{name, name + "\uFFFD#7", name + "\uFFFD#keyed2", name + "\uFFFD\uFFFD#keyed2"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := len(families["bulkhead_keys"].GetMetric()); n != 2 {
		t.Errorf("%d Keyeds", n)
	}
}

package bulkprom_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
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
		labels = append(labels, a+"\uFFFD#10001", a+"\uFFFD#2")
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
	statuses := []bulk.Status{{ID: 1, Label: "tenants\xff"}, {ID: 2, Label: "tenants\xff\uFFFD#9"}}
	keyeds := []registry.KeyedStatus{{ID: 9, Label: "tenants\xff"}, {ID: 8, Label: "tenants\xff"}, {ID: 8, Label: "tenants\xff"}}
	c := bulkprom.New(bulkprom.Statuses(func() []bulk.Status { return statuses }),
		bulkprom.KeyedStatuses(func() []registry.KeyedStatus { return keyeds }))
	families := scrape(t, c, expfmt.TypeTextPlain)
	name := "tenants\uFFFDFF"
	if got, want := bulkheadsOf(families["bulkhead_keys"]), []string{name, name + "\uFFFD#9"}; !slices.Equal(got, want) {
		t.Errorf("Keyeds: got %q, want %q", got, want)
	}
	if got, want := bulkheadsOf(families["bulkhead_slots"]), []string{name + "\uFFFD#1", name + "\uFFFD\uFFFD#9"}; !slices.Equal(got, want) {
		t.Errorf("bulkheads: got %q, want %q", got, want)
	}
}

// bulkheadsOf returns the values of the label, in order.
func bulkheadsOf(f *dto.MetricFamily) (values []string) {
	for _, m := range f.GetMetric() {
		values = append(values, m.GetLabel()[0].GetValue())
	}
	slices.Sort(values)
	return values
}

// Two registries have Keyeds and bulkheads with all the labels, and one Keyed is given
// again by itself.
func TestNoLabelOfAKeyedBreaksAScrape(t *testing.T) {
	labels := []string{"caf\xe9", "caf\xe8", "caf\uFFFD", "caf\uFFFDE9", "\xff", "\xed\xa0\x80", "a\x00b", "\n\"\\{}", "payments"}
	one, other := registry.New(), registry.New()
	var last *registry.Keyed[string]
	for i, label := range labels {
		for n, r := range []*registry.Registry{one, other} {
			if (i+n)%2 == 0 { // so every label is that of a Keyed and of a bulkhead
				_ = bulk.Must(r.Create(label, 1))
				continue
			}
			k, err := registry.CreateKeyed[string](r, label, 1, 10)
			if err != nil {
				t.Fatal(err)
			}
			last = k
		}
	}
	families := scrape(t, bulkprom.New(bulkprom.Registry(one), bulkprom.Keyed(last), bulkprom.Registry(other)), expfmt.TypeTextPlain)
	if keyeds, bulkheads := bulkheadsOf(families["bulkhead_keys"]), bulkheadsOf(families["bulkhead_slots"]); len(keyeds) != len(labels) || len(bulkheads) != len(labels) {
		t.Errorf("Keyeds %q, bulkheads %q; want %d each", keyeds, bulkheads, len(labels))
	}
}

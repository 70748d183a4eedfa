package bulkprom

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/sizing"
	"github.com/prometheus/client_golang/prometheus"
)

// Shadow collects s as bulkhead_shadow_*: the metrics of a bulkhead under names of their
// own, so that no sum over bulkheads includes a shadow. The label "shadow" is the name,
// which tells several shadows of one bulkhead apart, as in "8 slots". A nil s panics.
func Shadow(name string, s *sizing.Shadow) Option {
	mustHave(s != nil, "Shadow: nil shadow")
	return Shadows(func() map[string]*sizing.Shadow { return map[string]*sizing.Shadow{name: s} })
}

// Shadows collects the shadows that f returns, by name. It is called once for each
// scrape, and must be safe for concurrent use. A shadow that is nil is left out. Of
// several names of one shadow the first one in order is used. A nil f panics.
func Shadows(f func() map[string]*sizing.Shadow) Option {
	mustHave(f != nil, "Shadows: nil function")
	return func(c *Config) error {
		c.shadows = append(c.shadows, f)
		return nil
	}
}

func describeShadow(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("bulkhead_shadow_"+name, help, []string{"bulkhead", "shadow"}, nil)
}

var (
	drawn = describeShadow("operations_drawn_total", "Operations of the shadow whose hold was drawn from others, because they never ran in the real bulkhead.")
	late  = describeShadow("events_late_total", "Events that the shadow could not use, because they were delivered too late.")

	ofShadows = []*prometheus.Desc{drawn, late}
)

// shadow is what a scrape knows of a shadow.
type shadow struct {
	name     string
	status   bulk.Status
	accuracy sizing.Accuracy
}

// readShadows returns each shadow one time, in the order of IDs.
func (c Config) readShadows() (shadows []shadow) {
	seen := map[*sizing.Shadow]bool{}
	for _, f := range c.shadows {
		named := f()
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if s := named[name]; s != nil && !seen[s] {
				seen[s] = true
				shadows = append(shadows, shadow{name, s.Status(), s.Accuracy()})
			}
		}
	}
	slices.SortFunc(shadows, func(a, b shadow) int { return cmp.Compare(a.status.ID, b.status.ID) })
	return shadows
}

func (c *Collector) collectShadows(ch chan<- prometheus.Metric) {
	ofBulkhead := map[string]names{} // names of shadows, by the label of the bulkhead
	for _, s := range c.config.readShadows() {
		label := clean(s.status.Label)
		if _, ok := ofBulkhead[label]; !ok {
			ofBulkhead[label] = newNames()
		}
		name := ofBulkhead[label].unique(s.name, s.status.ID)
		m := metrics{ch: ch, values: []string{label, name}, shadow: true}
		c.collectBulkhead(m, s.status)
		m.total(drawn, s.accuracy.Drawn)
		m.total(late, s.accuracy.Late)
	}
}

package bulkotel

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bulklink/bulklink-go/sizing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Shadow observes s in the instruments bulkhead.shadow.*: those of a bulkhead under names
// of their own, so that no sum over bulkheads includes a shadow. The name is the attribute
// bulkhead.shadow.name, which tells several shadows of one bulkhead apart, as in
// "8 slots". A nil s panics.
func Shadow(name string, s *sizing.Shadow) Option {
	mustHave(s != nil, "Shadow: nil shadow")
	return Shadows(func() map[string]*sizing.Shadow { return map[string]*sizing.Shadow{name: s} })
}

// Shadows observes the shadows that f returns, by name. It is called once for each
// collection, and must be safe for concurrent use. A shadow that is nil is left out. Of
// several names of one shadow the first one in order is used. A nil f panics.
func Shadows(f func() map[string]*sizing.Shadow) Option {
	mustHave(f != nil, "Shadows: nil function")
	return func(c *Config) error {
		c.shadows = append(c.shadows, f)
		return nil
	}
}

type shadowInstruments struct {
	*instruments
	drawn, late metric.Int64Observable
}

func newShadowInstruments(meter metric.Meter) (shadowInstruments, error) {
	const prefix = "bulkhead.shadow."
	common, err := newInstruments(meter, prefix)
	m := maker{meter: meter, prefix: prefix}
	in := shadowInstruments{
		instruments: common,
		drawn:       m.count("operation.drawn", "{operation}", "Operations of the shadow whose hold was drawn from others, because they never ran in the real bulkhead."),
		late:        m.count("event.late", "{event}", "Events that the shadow could not use, because they were delivered too late."),
	}
	in.all = append(in.all, m.all...)
	return in, errors.Join(err, errors.Join(m.errs...))
}

func (in shadowInstruments) observe(o metric.Observer, c Config) {
	seen := map[*sizing.Shadow]bool{}
	for _, f := range c.shadows {
		named := f()
		for _, name := range slices.Sorted(maps.Keys(named)) {
			s := named[name]
			if s == nil || seen[s] {
				continue
			}
			seen[s] = true
			status, accuracy := s.Status(), s.Accuracy()
			observer := observerOf(o, nameOf(status.Label), attribute.String("bulkhead.shadow.name", strings.ToValidUTF8(name, "\uFFFD")),
				attribute.String("bulkhead.shadow.id", strconv.FormatUint(status.ID, 10)))
			in.observeBulkhead(observer, status)
			observer.count(in.drawn, accuracy.Drawn)
			observer.count(in.late, accuracy.Late)
		}
	}
}

package bulkotel

import "go.opentelemetry.io/otel/metric"

// maker makes observable instruments whose names begin with the prefix, and keeps them
// and the errors.
type maker struct {
	meter  metric.Meter
	prefix string
	all    []metric.Observable
	errs   []error
}

func (m *maker) keep(i metric.Observable, err error) {
	m.all, m.errs = append(m.all, i), append(m.errs, err)
}

func (m *maker) amount(name, unit, description string) metric.Int64Observable {
	i, err := m.meter.Int64ObservableUpDownCounter(m.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.keep(i, err)
	return i
}

func (m *maker) level(name, unit, description string) metric.Int64Observable {
	i, err := m.meter.Int64ObservableGauge(m.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.keep(i, err)
	return i
}

func (m *maker) count(name, unit, description string) metric.Int64Observable {
	i, err := m.meter.Int64ObservableCounter(m.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.keep(i, err)
	return i
}

func (m *maker) gauge(name, unit, description string) metric.Float64Observable {
	i, err := m.meter.Float64ObservableGauge(m.prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.keep(i, err)
	return i
}

func (m *maker) duration(name, description string) metric.Float64Observable {
	return m.gauge(name, "s", description)
}

func (m *maker) sum(name, description string) metric.Float64Observable {
	i, err := m.meter.Float64ObservableCounter(m.prefix+name, metric.WithUnit("s"), metric.WithDescription(description))
	m.keep(i, err)
	return i
}

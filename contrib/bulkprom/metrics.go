package bulkprom

import (
	"math"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics sends metrics of what has the values of labels: a bulkhead, a Keyed or a
// shadow.
type metrics struct {
	ch     chan<- prometheus.Metric
	values []string
	shadow bool
}

func (m metrics) of(d desc) *prometheus.Desc {
	if m.shadow {
		return d.shadow
	}
	return d.real
}

func (m metrics) send(metric prometheus.Metric) { m.ch <- metric }

func (m metrics) gauge(d desc, v float64) { m.level(m.of(d), v) }

func (m metrics) count(d desc, n uint64, labels ...string) { m.total(m.of(d), n, labels...) }

func (m metrics) level(d *prometheus.Desc, v float64, labels ...string) {
	m.send(prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, slices.Concat(m.values, labels)...))
}

func (m metrics) total(d *prometheus.Desc, n uint64, labels ...string) {
	m.send(prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), slices.Concat(m.values, labels)...))
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func parallelism(n int) float64 {
	if n == bulk.Unlimited {
		return math.Inf(1)
	}
	return float64(n)
}

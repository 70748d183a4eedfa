package bulkprom

import (
	"math"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics sends metrics of the bulkhead with a name.
type metrics struct {
	ch   chan<- prometheus.Metric
	name string
}

func (m metrics) send(metric prometheus.Metric) { m.ch <- metric }

func (m metrics) gauge(d *prometheus.Desc, v float64) {
	m.send(prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, m.name))
}

func (m metrics) count(d *prometheus.Desc, n uint64, labels ...string) {
	m.send(prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{m.name}, labels...)...))
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

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// newPage returns the page with new tables between its marks.
func newPage(old []byte, alerts []alert) ([]byte, error) {
	text := strings.ReplaceAll(string(old), "\r\n", "\n")
	prometheusTable, err := tableOfPrometheus()
	if err != nil {
		return nil, err
	}
	otelTable, err := tableOfOTel()
	if err != nil {
		return nil, err
	}
	for _, table := range []struct{ name, text string }{
		{"prometheus", prometheusTable}, {"opentelemetry", otelTable}, {"alerts", tableOfAlerts(alerts)},
	} {
		begin, end := "<!-- "+table.name+": generated -->\n", "<!-- end of "+table.name+" -->\n"
		head, rest, ok := strings.Cut(text, begin)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			return nil, fmt.Errorf("docs/metrics.md has no marks %q and %q", begin, end)
		}
		text = head + begin + "\n" + table.text + "\n" + end + tail
	}
	return []byte(text), nil
}

// sources returns a bulkhead and a Keyed, which have all metrics together.
func sources(opts ...bulk.Option) (*bulk.Bulkhead, *registry.Keyed[string], error) {
	b, err := bulk.New("payments", 1, append(opts, bulk.WaitingRoom(1))...)
	if err != nil {
		return nil, nil, err
	}
	k, err := registry.NewKeyed[string]("tenants", 1, 1)
	return b, k, err
}

func tableOfPrometheus() (string, error) {
	b, k, err := sources()
	if err != nil {
		return "", err
	}
	metrics := prometheus.NewPedanticRegistry()
	if err := metrics.Register(bulkprom.New(bulkprom.Bulkhead(b), bulkprom.Keyed(k))); err != nil {
		return "", err
	}
	families, err := metrics.Gather()
	if err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("| metric | kind | of | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		of := map[string]bool{}
		var labels []string
		for _, m := range f.GetMetric() {
			labels = nil
			for _, l := range m.GetLabel() {
				if l.GetName() == "bulkhead" {
					of[l.GetValue()] = true
				} else {
					labels = append(labels, l.GetName())
				}
			}
		}
		name := "`" + f.GetName() + "`"
		if len(labels) > 0 {
			name += " by `" + strings.Join(labels, "`, `") + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), owners(of), f.GetHelp())
	}
	return table.String(), nil
}

// owners says which kinds have the metric, given the labels of those that do.
func owners(of map[string]bool) string {
	switch {
	case of["payments"] && of["tenants"]:
		return "both"
	case of["tenants"]:
		return "Keyed"
	default:
		return "bulkhead"
	}
}

func tableOfOTel() (string, error) {
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	recordWaits, err := bulkotel.Waits(meter)
	if err != nil {
		return "", err
	}
	b, k, err := sources()
	if err != nil {
		return "", err
	}
	for _, label := range []string{"payments", "tenants"} { // both can have a histogram
		recordWaits(bulk.Event{Kind: bulk.EventAdmitted, Queued: true, Label: label})
	}
	if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(b), bulkotel.Keyed(k)); err != nil {
		return "", err
	}
	var collection metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collection); err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("| metric | kind | unit | of | meaning |\n|---|---|---|---|---|\n")
	for _, m := range collection.ScopeMetrics[0].Metrics {
		kind, of, err := kindOf(m)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s | %s |\n", m.Name, kind, m.Unit, owners(of), m.Description)
	}
	return table.String(), nil
}

// kindOf returns the kind of an instrument and the names of the bulkheads that have it.
func kindOf(m metricdata.Metrics) (kind string, of map[string]bool, err error) {
	of = map[string]bool{}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		return sumKind(data), namesIn(of, data.DataPoints), nil
	case metricdata.Sum[float64]:
		return sumKind(data), namesIn(of, data.DataPoints), nil
	case metricdata.Gauge[int64]:
		return "Gauge", namesIn(of, data.DataPoints), nil
	case metricdata.Gauge[float64]:
		return "Gauge", namesIn(of, data.DataPoints), nil
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			if name, ok := p.Attributes.Value("bulkhead.name"); ok {
				of[name.AsString()] = true
			}
		}
		return "Histogram", of, nil
	default:
		return "", nil, fmt.Errorf("%s is a %T", m.Name, data)
	}
}

func sumKind[N int64 | float64](s metricdata.Sum[N]) string {
	if s.IsMonotonic {
		return "Counter"
	}
	return "UpDownCounter"
}

func namesIn[N int64 | float64](of map[string]bool, points []metricdata.DataPoint[N]) map[string]bool {
	for _, p := range points {
		if name, ok := p.Attributes.Value("bulkhead.name"); ok {
			of[name.AsString()] = true
		}
	}
	return of
}

func tableOfAlerts(alerts []alert) string {
	var table strings.Builder
	table.WriteString("| alert | severity | for | when |\n|---|---|---|---|\n")
	for _, a := range alerts {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", a.name(), a.severity, a.hold, a.when)
	}
	return table.String()
}

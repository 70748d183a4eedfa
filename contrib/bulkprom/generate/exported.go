package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/bulklink/bulklink-go/sizing"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// exported is a metric as Prometheus or OpenTelemetry gets it.
type exported struct {
	name, kind, unit, help string
	of                     string          // bulkhead, Keyed, both, shadow, limiter or member
	labels                 map[string]bool // or attributes
}

// by returns the name with the labels that tell series of one source apart.
func (m exported) by() string {
	name := "`" + m.name + "`"
	var labels []string
	for _, label := range slices.Sorted(maps.Keys(m.labels)) {
		if label != "bulkhead" && label != "shadow" && label != "budget" {
			labels = append(labels, label)
		}
	}
	if len(labels) > 0 {
		name += " by `" + strings.Join(labels, "`, `") + "`"
	}
	return name
}

// sources has one of each kind, which have all metrics together.
type sources struct {
	bulkhead *bulk.Bulkhead
	keyed    *registry.Keyed[string]
	shadow   *sizing.Shadow
	limiter  *adaptive.Limiter
	member   *fleet.Member
}

func newSources() (*sources, error) {
	b, err1 := bulk.New("payments", 1, bulk.WaitingRoom(1))
	k, err2 := registry.NewKeyed[string]("tenants", 1, 1)
	limited, err3 := bulk.New("search", 1)
	shared, err4 := bulk.New("mail", 1)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	shadow, err1 := sizing.NewShadow(b, bulk.Capacity{Parallelism: 1})
	limiter, err2 := adaptive.New(limited, 1, 1)
	member, err3 := fleet.Join(context.Background(), new(fleet.Memory), "smtp", 1, shared)
	return &sources{b, k, shadow, limiter, member}, errors.Join(err1, err2, err3)
}

func (s *sources) close() error {
	return errors.Join(s.shadow.Close(), s.limiter.Close(), s.member.Leave(context.Background()))
}

// owner says what has the metric, given the labels of those that do.
func owner(labels map[string]bool, name string) string {
	for _, kind := range []struct{ part, of string }{{"shadow", "shadow"}, {"limiter", "limiter"}, {"fleet", "member"}} {
		if strings.HasPrefix(name, "bulkhead_"+kind.part+"_") || strings.HasPrefix(name, "bulkhead."+kind.part+".") {
			return kind.of
		}
	}
	switch {
	case labels["payments"] && labels["tenants"]:
		return "both"
	case labels["tenants"]:
		return "Keyed"
	default:
		return "bulkhead"
	}
}

// exportedToPrometheus returns what a scrape of all sources has, by name.
func exportedToPrometheus() (all []exported, err error) {
	s, err := newSources()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	metrics := prometheus.NewPedanticRegistry()
	if err := metrics.Register(bulkprom.New(bulkprom.Bulkhead(s.bulkhead), bulkprom.Keyed(s.keyed),
		bulkprom.Shadow("1 slot", s.shadow), bulkprom.Limiter(s.limiter), bulkprom.Member(s.member))); err != nil {
		return nil, err
	}
	families, err := metrics.Gather()
	if err != nil {
		return nil, err
	}
	for _, f := range families {
		m := exported{name: f.GetName(), kind: strings.ToLower(f.GetType().String()), help: f.GetHelp(), labels: map[string]bool{}}
		names := map[string]bool{}
		for _, series := range f.GetMetric() {
			for _, l := range series.GetLabel() {
				m.labels[l.GetName()] = true
				if l.GetName() == "bulkhead" {
					names[l.GetValue()] = true
				}
			}
		}
		m.of = owner(names, m.name)
		all = append(all, m)
	}
	return all, nil
}

// exportedToOTel returns what a collection of all sources has, in the order in which the
// instruments are made.
func exportedToOTel() (all []exported, err error) {
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
	recordWaits, err := bulkotel.Waits(meter)
	if err != nil {
		return nil, err
	}
	s, err := newSources()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, label := range []string{"payments", "tenants"} { // both can have a histogram
		recordWaits(bulk.Event{Kind: bulk.EventAdmitted, Queued: true, Label: label})
	}
	if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(s.bulkhead), bulkotel.Keyed(s.keyed),
		bulkotel.Shadow("1 slot", s.shadow), bulkotel.Limiter(s.limiter), bulkotel.Member(s.member)); err != nil {
		return nil, err
	}
	var collection metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collection); err != nil {
		return nil, err
	}
	for _, metric := range collection.ScopeMetrics[0].Metrics {
		m := exported{name: metric.Name, unit: metric.Unit, help: metric.Description, labels: map[string]bool{}}
		names := map[string]bool{}
		switch data := metric.Data.(type) {
		case metricdata.Sum[int64]:
			m.kind = sumKind(data)
			attributesOf(data.DataPoints, m.labels, names)
		case metricdata.Sum[float64]:
			m.kind = sumKind(data)
			attributesOf(data.DataPoints, m.labels, names)
		case metricdata.Gauge[int64]:
			m.kind = "Gauge"
			attributesOf(data.DataPoints, m.labels, names)
		case metricdata.Gauge[float64]:
			m.kind = "Gauge"
			attributesOf(data.DataPoints, m.labels, names)
		case metricdata.Histogram[float64]:
			m.kind = "Histogram"
			for _, p := range data.DataPoints {
				addAttributes(p.Attributes, m.labels, names)
			}
		default:
			return nil, fmt.Errorf("%s is a %T", metric.Name, data)
		}
		m.of = owner(names, m.name)
		all = append(all, m)
	}
	return all, nil
}

func sumKind[N int64 | float64](s metricdata.Sum[N]) string {
	if s.IsMonotonic {
		return "Counter"
	}
	return "UpDownCounter"
}

// attributesOf adds the names of the attributes, and the values of bulkhead.name.
func attributesOf[N int64 | float64](points []metricdata.DataPoint[N], attributes, names map[string]bool) {
	for _, p := range points {
		addAttributes(p.Attributes, attributes, names)
	}
}

func addAttributes(set attribute.Set, attributes, names map[string]bool) {
	for _, a := range set.ToSlice() {
		attributes[string(a.Key)] = true
		if a.Key == "bulkhead.name" {
			names[a.Value.AsString()] = true
		}
	}
}

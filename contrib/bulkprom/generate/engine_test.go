package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrapes are what a Prometheus server has stored of two scrapes. It is a
// storage.Queryable.
type scrapes struct {
	series map[string]*stored   // by labels
	names  map[string][]*stored // by name
}

type stored struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// The scrapes are at the ends of a window of five minutes, in milliseconds. A window
// does not contain its begin.
const (
	firstScrape = 1
	lastScrape  = 300_000
)

// scraped returns what two scrapes of the statuses have stored.
func scraped(t *testing.T, start, end []bulk.Status, opts ...bulkprom.Option) *scrapes {
	t.Helper()
	statuses := func(s []bulk.Status) bulkprom.Option { return bulkprom.Statuses(func() []bulk.Status { return s }) }
	return scrapedOf(t, statuses(start), statuses(end), opts...)
}

// scrapedOf returns what two scrapes have stored, of what start and end name.
func scrapedOf(t *testing.T, start, end bulkprom.Option, opts ...bulkprom.Option) *scrapes {
	t.Helper()
	s := newScrapes()
	s.scrape(t, firstScrape, append(opts, start)...)
	s.scrape(t, lastScrape, append(opts, end)...)
	return s
}

func newScrapes() *scrapes { return &scrapes{map[string]*stored{}, map[string][]*stored{}} }

// scrape stores one scrape. Scrapes must be in the order of their times.
func (s *scrapes) scrape(t *testing.T, at int64, opts ...bulkprom.Option) {
	t.Helper()
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(bulkprom.New(append(opts, bulkprom.Buckets(1))...))
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			s.add(at, f.GetName(), m)
		}
	}
}

func (s *scrapes) add(at int64, name string, m *dto.Metric) {
	put := func(name string, v float64) { s.put(name, m, sample{t: at, f: v}) }
	switch {
	case m.Gauge != nil:
		put(name, m.GetGauge().GetValue())
	case m.Counter != nil:
		put(name, m.GetCounter().GetValue())
	case m.Summary != nil:
		put(name+"_sum", m.GetSummary().GetSampleSum())
		put(name+"_count", float64(m.GetSummary().GetSampleCount()))
	case m.Histogram != nil && m.Histogram.Schema == nil:
		put(name+"_sum", m.GetHistogram().GetSampleSum())
		put(name+"_count", float64(m.GetHistogram().GetSampleCount()))
		for _, b := range m.GetHistogram().GetBucket() {
			s.put(name+"_bucket", m, sample{t: at, f: float64(b.GetCumulativeCount())}, "le", fmt.Sprint(b.GetUpperBound()))
		}
		s.put(name+"_bucket", m, sample{t: at, f: float64(m.GetHistogram().GetSampleCount())}, "le", "+Inf")
	case m.Histogram != nil: // a server that scrapes native histograms ignores the classic one
		h := m.GetHistogram()
		native := histogram.Histogram{
			Schema: h.GetSchema(), ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCount(),
			Count: h.GetSampleCount(), Sum: h.GetSampleSum(), PositiveBuckets: h.GetPositiveDelta(),
		}
		for _, span := range h.GetPositiveSpan() {
			native.PositiveSpans = append(native.PositiveSpans, histogram.Span{Offset: span.GetOffset(), Length: span.GetLength()})
		}
		s.put(name, m, sample{t: at, h: native.ToFloat(nil)})
	}
}

func (s *scrapes) put(name string, m *dto.Metric, v sample, more ...string) {
	b := labels.NewBuilder(labels.FromStrings("__name__", name, "job", "shop", "instance", "a:80"))
	for _, l := range m.GetLabel() {
		b.Set(l.GetName(), l.GetValue())
	}
	for i := 0; i < len(more); i += 2 {
		b.Set(more[i], more[i+1])
	}
	set := b.Labels()
	key := set.String()
	if s.series[key] == nil {
		s.series[key] = &stored{labels: set}
		s.names[name] = append(s.names[name], s.series[key])
	}
	s.series[key].samples = append(s.series[key].samples, v)
}

// query evaluates the expression at the last scrape and returns the value for each
// bulkhead.
func (s *scrapes) query(t *testing.T, expr string) map[string]float64 {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, Parser: promQL})
	defer engine.Close()
	q, err := engine.NewInstantQuery(t.Context(), s, nil, expr, time.UnixMilli(lastScrape))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer q.Close()
	result := q.Exec(t.Context())
	vector, err := result.Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	values := map[string]float64{}
	for _, v := range vector {
		values[v.Metric.Get("bulkhead")] = v.F
	}
	if len(values) != len(vector) {
		t.Errorf("%s: several values for one bulkhead", expr)
	}
	return values
}

// Querier implements storage.Queryable.
func (s *scrapes) Querier(int64, int64) (storage.Querier, error) { return querier{s}, nil }

type querier struct{ *scrapes }

func (querier) Close() error { return nil }

func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	panic("not used")
}

func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	panic("not used")
}

// Select implements storage.Querier.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	name := slices.IndexFunc(matchers, func(m *labels.Matcher) bool { return m.Name == "__name__" })
	for _, s := range q.names[matchers[name].Value] {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			found.rest = append(found.rest, storage.NewListSeries(s.labels, s.samples))
		}
	}
	slices.SortFunc(found.rest, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return found
}

// seriesSet is a storage.SeriesSet.
type seriesSet struct {
	current storage.Series
	rest    []storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.current, s.rest = s.rest[0], s.rest[1:]
	return true
}
func (s *seriesSet) At() storage.Series                { return s.current }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a chunks.Sample.
type sample struct {
	t int64
	f float64
	h *histogram.FloatHistogram
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return s.h }
func (s sample) Copy() chunks.Sample           { return s }
func (s sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

// waitsOf returns a histogram of n short waits.
func waitsOf(t *testing.T, n uint64) (w bulk.Waits) {
	t.Helper()
	if n == 0 {
		return w
	}
	text, err := json.Marshal([]map[string]uint64{{"le_ns": 1023, "count": n}})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

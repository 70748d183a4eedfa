package otlptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/contrib/internal/badstore"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/sizing"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// snapshot has the metrics of a collection, and what the sources said at that time.
type snapshot struct {
	batch   *metricdata.ResourceMetrics
	limiter adaptive.Status
	member  fleet.Status
}

// snapshots makes two shadows, a limiter and a member of a fleet, and collects their
// metrics twice: while the member has its lease, and after it has lost it. Between the
// collections everything is used as much as before the first one.
func snapshots(t *testing.T, temporality sdk.TemporalitySelector) (all []snapshot) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader(sdk.WithTemporalitySelector(temporality))
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter(bulkotel.ScopeName)
		payments, search, mail := bulk.Must(bulk.New("payments", 2)), bulk.Must(bulk.New("search", 4)), bulk.Must(bulk.New("mail", 1))
		small, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 1})
		check(t, err)
		large, err := sizing.NewShadow(payments, bulk.Capacity{Parallelism: 3})
		check(t, err)
		limiter, err := adaptive.New(search, 2, 50)
		check(t, err)
		var store badstore.Store
		check(t, fleet.Create(t.Context(), &store.Memory, "smtp"))
		ctx, crash := context.WithCancel(t.Context())
		defer crash()
		member, err := fleet.Join(ctx, &store, "smtp", 10, mail, fleet.Name("pod-1"))
		check(t, err)
		_, err = fleet.Join(ctx, &store.Memory, "smtp", 10, bulk.Must(bulk.New("mail", 1)), fleet.Name("pod-2"))
		check(t, err)
		_, err = bulkotel.Register(meter, bulkotel.Bulkhead(payments), bulkotel.Shadow("1 slot", small), bulkotel.Shadow("3 slots", large),
			bulkotel.Limiter(limiter), bulkotel.Member(member))
		check(t, err)
		collect := func() {
			synctest.Wait()
			next := snapshot{new(metricdata.ResourceMetrics), limiter.Status(), member.Status()}
			check(t, reader.Collect(t.Context(), next.batch))
			all = append(all, next)
		}

		time.Sleep(2 * fleet.DefaultRefresh)
		slot, err := mail.Acquire(t.Context())
		check(t, err)
		time.Sleep(2 * fleet.DefaultRefresh)
		usePayments(t, payments)
		useSearch(t, search, limiter)
		collect()
		store.SetAway(true)
		usePayments(t, payments)
		useSearch(t, search, limiter)
		time.Sleep(fleet.DefaultTTL)
		collect()
		slot.Release()
		check(t, errors.Join(small.Close(), large.Close(), limiter.Close()))
	})
	return all
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// usePayments makes one operation, and then three concurrently. The last one is rejected.
func usePayments(t *testing.T, b *bulk.Bulkhead) {
	t.Helper()
	hold := func(context.Context) error { time.Sleep(time.Second); return nil }
	check(t, bulk.Do(t.Context(), b, hold))
	done := make(chan error)
	for range 2 {
		go func() { done <- bulk.Do(t.Context(), b, hold) }()
	}
	synctest.Wait()
	if err := bulk.Do(t.Context(), b, hold); !errors.Is(err, bulk.ErrSaturated) {
		t.Errorf("the third operation: %v", err)
	}
	check(t, errors.Join(<-done, <-done))
}

// useSearch makes operations of 10 ms for two seconds. The dependency rejects one of them.
func useSearch(t *testing.T, b *bulk.Bulkhead, l *adaptive.Limiter) {
	t.Helper()
	for i := range 200 {
		err := bulk.Do(t.Context(), b, adaptive.MeasureDo(l, func(context.Context) error {
			time.Sleep(10 * time.Millisecond)
			if i == 150 {
				return context.DeadlineExceeded
			}
			return nil
		}))
		if (err != nil) != (i == 150) {
			t.Fatal(err)
		}
	}
}

// value is the value of a series at the end, with what the receiver knows of its metric.
type value struct {
	kind, unit string
	number     float64
}

// received returns the values of all series, by name and attributes. Of the attributes
// whose names end in "id" it has only the names. It adds up deltas, as a backend does.
func received(t *testing.T, batches []pmetric.Metrics, wantDelta bool) map[string]value {
	t.Helper()
	values := map[string]value{}
	add := func(m pmetric.Metric, kind string, points pmetric.NumberDataPointSlice, delta bool) {
		for _, p := range points.All() {
			number := p.DoubleValue()
			if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
				number = float64(p.IntValue())
			}
			key := m.Name() + attributesOf(p.Attributes())
			if delta {
				number += values[key].number
			}
			values[key] = value{kind, m.Unit(), number}
		}
	}
	for _, batch := range batches {
		for _, resource := range batch.ResourceMetrics().All() {
			for _, scope := range resource.ScopeMetrics().All() {
				for _, m := range scope.Metrics().All() {
					switch m.Type() {
					case pmetric.MetricTypeGauge:
						add(m, "gauge", m.Gauge().DataPoints(), false)
					case pmetric.MetricTypeSum:
						delta := m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityDelta
						kind := "updowncounter" // always cumulative
						if m.Sum().IsMonotonic() {
							kind = "counter"
						}
						if delta != (wantDelta && kind == "counter") {
							t.Errorf("%s (%s): delta is %v", m.Name(), kind, delta)
						}
						add(m, kind, m.Sum().DataPoints(), delta)
					default:
						t.Errorf("%s is a %v", m.Name(), m.Type())
					}
				}
			}
		}
	}
	return values
}

// attributesOf returns the attributes as in {bulkhead.id,bulkhead.name=payments}.
func attributesOf(attributes pcommon.Map) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(attributes.AsRaw())) {
		text := name
		if v, _ := attributes.Get(name); !strings.HasSuffix(name, ".id") {
			text += "=" + v.AsString()
		}
		texts = append(texts, text)
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// Two shadows of a bulkhead, a limiter and a member of a fleet that loses its lease are
// collected twice. After each batch the receiver has the values of that time.
func TestReceiverGetsShadowsLimitersAndMembers(t *testing.T) {
	for name, delta := range map[string]bool{"cumulative": false, "delta": true} {
		selector := sdk.CumulativeTemporalitySelector
		if delta {
			selector = sdk.DeltaTemporalitySelector
		}
		sent := snapshots(t, selector)
		if sent[0].member.State != fleet.Holding || sent[1].member.State != fleet.Lost {
			t.Fatalf("the member was %v, then %v", sent[0].member, sent[1].member)
		}
		if m, l := sent[1].member, sent[1].limiter; m.Losses != 1 || m.Conflicts == 0 || m.Failures == 0 || m.Share == 0 || m.Share == 10 || m.Demand == 0 || l.Last.Seq == sent[0].limiter.Last.Seq || l.Last.Overloaded == 0 {
			t.Fatalf("the sources do not show enough: %v, %v", m, l)
		}
		for _, protocol := range []string{"grpc", "http"} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				sink, exporter := connect(t, protocol, selector)
				for i, s := range sent {
					check(t, exporter.Export(t.Context(), s.batch))
					got := received(t, sink.AllMetrics(), delta)
					checkShadows(t, got, float64(i+1))
					compare(t, got, "bulkhead.limiter.", ofLimiter(s.limiter))
					compare(t, got, "bulkhead.fleet.", ofMember(s.member))
				}
				check(t, exporter.Shutdown(t.Context()))
			})
		}
	}
}

// compare compares all values whose names begin with the prefix.
func compare(t *testing.T, got map[string]value, prefix string, want map[string]value) {
	t.Helper()
	for series, v := range got {
		if _, ok := want[series]; !ok && strings.HasPrefix(series, prefix) {
			t.Errorf("%s: %v is not expected", series, v)
		}
	}
	for series, v := range want {
		if got[series] != v {
			t.Errorf("%s: %v, want %v", series, got[series], v)
		}
	}
}

// checkShadows checks the values of the shadows after n uses of their bulkhead, and that
// a shadow has the metrics of a bulkhead, with the same kinds and units, but no
// oldest hold.
func checkShadows(t *testing.T, got map[string]value, n float64) {
	t.Helper()
	small, large := "{bulkhead.name=payments,bulkhead.shadow.id,bulkhead.shadow.name=1 slot}", "{bulkhead.name=payments,bulkhead.shadow.id,bulkhead.shadow.name=3 slots}"
	for series, want := range map[string]value{
		"bulkhead.slot.limit{bulkhead.id,bulkhead.name=payments}":         {"updowncounter", "{slot}", 2},
		"bulkhead.operation.admitted{bulkhead.id,bulkhead.name=payments}": {"counter", "{operation}", 3 * n},
		"bulkhead.shadow.slot.limit" + small:                              {"updowncounter", "{slot}", 1},
		"bulkhead.shadow.slot.limit" + large:                              {"updowncounter", "{slot}", 3},
		"bulkhead.shadow.slot.peak" + small:                               {"gauge", "{slot}", 1},
		"bulkhead.shadow.slot.peak" + large:                               {"gauge", "{slot}", 3},
		"bulkhead.shadow.operation.arrived" + small:                       {"counter", "{operation}", 4 * n},
		"bulkhead.shadow.operation.arrived" + large:                       {"counter", "{operation}", 4 * n},
		"bulkhead.shadow.operation.finished" + small:                      {"counter", "{operation}", 2 * n},
		"bulkhead.shadow.operation.finished" + large:                      {"counter", "{operation}", 4 * n},
		"bulkhead.shadow.operation.drawn" + small:                         {"counter", "{operation}", 0},
		"bulkhead.shadow.operation.drawn" + large:                         {"counter", "{operation}", n},
		"bulkhead.shadow.event.late" + large:                              {"counter", "{event}", 0},
		"bulkhead.shadow.queueing.time" + large:                           {"counter", "s", 0},
	} {
		if got[series] != want {
			t.Errorf("%s: %v, want %v", series, got[series], want)
		}
	}
	shadows, others := map[string]value{}, map[string]value{}
	for series, v := range got {
		name, _, _ := strings.Cut(series, "{")
		v.number = 0
		if common, ok := strings.CutPrefix(name, "bulkhead.shadow."); ok {
			shadows[common] = v
		} else if strings.Contains(series, "{bulkhead.id,") {
			others[strings.TrimPrefix(name, "bulkhead.")] = v
		}
	}
	delete(shadows, "operation.drawn")
	delete(shadows, "event.late")
	delete(others, "hold.oldest")
	if !maps.Equal(shadows, others) {
		t.Errorf("a shadow has %v, a bulkhead %v", shadows, others)
	}
}

func numberOf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func ofLimiter(s adaptive.Status) map[string]value {
	const set = "{bulkhead.limiter.id,bulkhead.name=search}"
	values := map[string]value{
		"bulkhead.limiter.limit" + set:                {"gauge", "{slot}", float64(s.Limit)},
		"bulkhead.limiter.limit.min" + set:            {"gauge", "{slot}", 2},
		"bulkhead.limiter.limit.max" + set:            {"gauge", "{slot}", 50},
		"bulkhead.limiter.limit.floor" + set:          {"gauge", "{slot}", float64(s.Floor)},
		"bulkhead.limiter.limit.ceiling" + set:        {"gauge", "{slot}", float64(s.Ceiling)},
		"bulkhead.limiter.latency" + set:              {"gauge", "s", s.Last.Latency.Seconds()},
		"bulkhead.limiter.baseline" + set:             {"gauge", "s", s.Baseline.Seconds()},
		"bulkhead.limiter.goodput" + set:              {"gauge", "{operation}/s", s.Last.Goodput()},
		"bulkhead.limiter.window" + set:               {"gauge", "s", s.Last.Window.Seconds()},
		"bulkhead.limiter.operation.overloaded" + set: {"gauge", "{operation}", float64(s.Last.Overloaded)},
		"bulkhead.limiter.decision.made" + set:        {"counter", "{decision}", float64(s.Last.Seq)},
		"bulkhead.limiter.operation.active" + set:     {"updowncounter", "{operation}", float64(s.InFlight)},
		"bulkhead.limiter.observing" + set:            {"gauge", "1", numberOf(s.Observing)},
		"bulkhead.limiter.closed" + set:               {"gauge", "1", numberOf(s.Closed)},
	}
	for r := adaptive.Growing; r <= adaptive.Trying; r++ {
		values[fmt.Sprintf("bulkhead.limiter.decision.last{bulkhead.limiter.id,bulkhead.limiter.reason=%v,bulkhead.name=search}", r)] =
			value{"updowncounter", "1", numberOf(r == s.Last.Reason)}
	}
	return values
}

func ofMember(s fleet.Status) map[string]value {
	const set = "{bulkhead.fleet.budget=smtp,bulkhead.fleet.member.id,bulkhead.fleet.member.name=pod-1,bulkhead.name=mail}"
	values := map[string]value{
		"bulkhead.fleet.slot.limit" + set:       {"gauge", "{slot}", 10},
		"bulkhead.fleet.slot.share" + set:       {"updowncounter", "{slot}", float64(s.Share)},
		"bulkhead.fleet.slot.draining" + set:    {"updowncounter", "{slot}", float64(s.Drain)},
		"bulkhead.fleet.slot.load" + set:        {"updowncounter", "{slot}", float64(s.Load)},
		"bulkhead.fleet.slot.demand" + set:      {"updowncounter", "{slot}", float64(s.Demand)},
		"bulkhead.fleet.lease.remaining" + set:  {"gauge", "s", s.Lease.Seconds()},
		"bulkhead.fleet.lease.lost" + set:       {"counter", "{lease}", float64(s.Losses)},
		"bulkhead.fleet.record.written" + set:   {"counter", "{write}", float64(s.Writes)},
		"bulkhead.fleet.record.conflicts" + set: {"counter", "{write}", float64(s.Conflicts)},
		"bulkhead.fleet.store.failures" + set:   {"counter", "{request}", float64(s.Failures)},
	}
	for state := fleet.Joining; state <= fleet.Gone; state++ {
		values[fmt.Sprintf("bulkhead.fleet.status{bulkhead.fleet.budget=smtp,bulkhead.fleet.member.id,bulkhead.fleet.member.name=pod-1,bulkhead.fleet.state=%v,bulkhead.name=mail}", state)] =
			value{"updowncounter", "1", numberOf(state == s.State)}
	}
	return values
}

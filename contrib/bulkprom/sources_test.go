package bulkprom_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/contrib/internal/badstore"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/sizing"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func newLimiter(t *testing.T, label string) *adaptive.Limiter {
	t.Helper()
	l, err := adaptive.New(bulk.Must(bulk.New(label, 4)), 2, 50)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newShadow(t *testing.T, b *bulk.Bulkhead, slots int) *sizing.Shadow {
	t.Helper()
	s, err := sizing.NewShadow(b, bulk.Capacity{Parallelism: slots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newMember returns a member. It leaves at the end of the test.
func newMember(t *testing.T, label, budget string) *fleet.Member {
	t.Helper()
	m, err := fleet.Join(t.Context(), new(fleet.Memory), budget, 10, bulk.Must(bulk.New(label, 1)), fleet.Name("pod-1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Leave(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// values returns the values of a family by their labels, as in "payments 8".
func values(f *dto.MetricFamily) map[string]float64 {
	result := map[string]float64{}
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetValue())
		}
		result[strings.Join(labels, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return result
}

func checkValues(t *testing.T, families map[string]*dto.MetricFamily, want map[string]map[string]float64) {
	t.Helper()
	for name, want := range want {
		if got := values(families[name]); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestEachDescribedMetricIsScraped(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 2))
	c := bulkprom.New(bulkprom.Bulkhead(b), bulkprom.Keyed(tenants(t, "tenants")), bulkprom.Shadow("1 slot", newShadow(t, b, 1)),
		bulkprom.Limiter(newLimiter(t, "search")), bulkprom.Member(newMember(t, "mail", "mail")), bulkprom.Buckets(1))
	described := make(chan *prometheus.Desc, 200)
	c.Describe(described)
	if n := len(scrape(t, c, expfmt.TypeTextPlain)); n != len(described) {
		t.Errorf("%d metrics are scraped, and %d described", n, len(described))
	}
}

// Two shadows of one bulkhead run beside it, one with fewer slots.
func TestShadowIsNotAddedToTheRealBulkhead(t *testing.T) {
	b := bulk.Must(bulk.New("payments", bulk.Unlimited))
	one, two := newShadow(t, b, 1), newShadow(t, b, 2)
	c := bulkprom.New(bulkprom.Bulkhead(b), bulkprom.Shadow("1 slot", one), bulkprom.Shadow("2 slots", two), bulkprom.Shadow("twice", two), bulkprom.Buckets(1))
	var slots []bulk.Slot
	for range 2 {
		slot, err := b.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, slot)
	}
	for _, slot := range slots {
		slot.Release()
	}
	families := scrape(t, c, expfmt.TypeTextPlain)
	checkValues(t, families, map[string]map[string]float64{
		"bulkhead_operations_admitted_total":        {"payments": 2},
		"bulkhead_shadow_operations_admitted_total": {"payments 1 slot": 1, "payments 2 slots": 2},
		"bulkhead_shadow_operations_arrived_total":  {"payments 1 slot": 2, "payments 2 slots": 2},
		"bulkhead_shadow_slots":                     {"payments 1 slot": 1, "payments 2 slots": 2},
		"bulkhead_shadow_closed":                    {"payments 1 slot": 0, "payments 2 slots": 0},
		"bulkhead_shadow_operations_drawn_total":    {"payments 1 slot": 0, "payments 2 slots": 0},
		"bulkhead_shadow_events_late_total":         {"payments 1 slot": 0, "payments 2 slots": 0},
	})
	if families["bulkhead_shadow_oldest_hold_seconds"] != nil {
		t.Error("a shadow has an oldest hold")
	}
}

func TestHoldsThatWereDrawnAreCounted(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 1))
	s := newShadow(t, b, 2)
	_ = bulk.Do(t.Context(), b, nothing)
	slot, err := b.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = bulk.Do(t.Context(), b, nothing) // the bulkhead rejects it, the shadow does not
	slot.Release()
	families := scrape(t, bulkprom.New(bulkprom.Shadow("2 slots", s), bulkprom.Buckets(1)), expfmt.TypeTextPlain)
	checkValues(t, families, map[string]map[string]float64{"bulkhead_shadow_operations_drawn_total": {"payments 2 slots": 1}})
}

// The limiter decides after a second with an overload, and is closed then.
func TestLimiterShowsItsLastDecision(t *testing.T) {
	var s adaptive.Status
	var l *adaptive.Limiter
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("search", 4))
		var err error
		if l, err = adaptive.New(b, 2, 50); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			_ = bulk.Do(t.Context(), b, adaptive.MeasureDo(l, func(context.Context) error {
				time.Sleep(10 * time.Millisecond)
				if i == 7 {
					return context.DeadlineExceeded
				}
				return nil
			}))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		s = l.Status()
	})
	if s.Last.Seq == 0 || s.Last.Latency == 0 {
		t.Fatalf("no decision with a latency: %v", s)
	}
	families := scrape(t, bulkprom.New(bulkprom.Limiter(l)), expfmt.TypeTextPlain)
	checkValues(t, families, map[string]map[string]float64{
		"bulkhead_limiter_limit_slots":           {"search": float64(s.Limit)},
		"bulkhead_limiter_minimum_slots":         {"search": 2},
		"bulkhead_limiter_maximum_slots":         {"search": 50},
		"bulkhead_limiter_floor_slots":           {"search": float64(s.Floor)},
		"bulkhead_limiter_ceiling_slots":         {"search": float64(s.Ceiling)},
		"bulkhead_limiter_latency_seconds":       {"search": s.Last.Latency.Seconds()},
		"bulkhead_limiter_baseline_seconds":      {"search": s.Baseline.Seconds()},
		"bulkhead_limiter_goodput":               {"search": s.Last.Goodput()},
		"bulkhead_limiter_window_seconds":        {"search": s.Last.Window.Seconds()},
		"bulkhead_limiter_overloaded_operations": {"search": float64(s.Last.Overloaded)},
		"bulkhead_limiter_decisions_total":       {"search": float64(s.Last.Seq)},
		"bulkhead_limiter_operations_in_flight":  {"search": 0},
		"bulkhead_limiter_observing":             {"search": 0},
		"bulkhead_limiter_closed":                {"search": 1},
	})
	reasons := values(families["bulkhead_limiter_last_decision"])
	sum := 0.0
	for _, v := range reasons {
		sum += v
	}
	if len(reasons) != 16 || sum != 1 || reasons["search "+s.Last.Reason.String()] != 1 {
		t.Errorf("%v", reasons)
	}
}

// Limiters, shadows and members have labels that are equal or not UTF-8, and some are
// nil or given twice. Then some are removed.
func TestNoLabelOfOtherSourcesBreaksAScrape(t *testing.T) {
	labels := []string{"caf\xe9", "caf\xe8", "caf\uFFFD", "caf\uFFFDE9", "\xff", "a\x00b", "\n\"\\{}", "payments", "payments", "caf\xe9"}
	var limiters []*adaptive.Limiter
	var members []*fleet.Member
	shadows := map[string]*sizing.Shadow{"none": nil}
	b := bulk.Must(bulk.New("\xed\xa0\x80", 1))
	for _, label := range labels {
		limiters = append(limiters, newLimiter(t, label))
		members = append(members, newMember(t, label, "budget \xff"))
		shadows[label] = newShadow(t, b, 1)
	}
	other := newShadow(t, bulk.Must(bulk.New("\xed\xa0\x80", 1)), 1) // equal in both labels
	c := bulkprom.New(
		bulkprom.Limiters(func() []*adaptive.Limiter { return append(slices.Clone(limiters), nil, limiters[0]) }),
		bulkprom.Members(func() []*fleet.Member { return append(slices.Clone(members), nil, members[0]) }),
		bulkprom.Shadows(func() map[string]*sizing.Shadow { return shadows }), bulkprom.Shadow("payments", other), bulkprom.Buckets(1))
	check := func() map[string]float64 {
		t.Helper()
		families := scrape(t, c, expfmt.TypeTextPlain)
		for name, want := range map[string]int{
			"bulkhead_limiter_limit_slots": len(limiters), "bulkhead_fleet_share_slots": len(members), "bulkhead_shadow_slots": 9,
		} {
			if got := len(families[name].GetMetric()); got != want {
				t.Errorf("%s: %d series, want %d", name, got, want)
			}
		}
		return values(families["bulkhead_limiter_limit_slots"])
	}
	before := check()
	slices.Reverse(limiters)
	if after := check(); !maps.Equal(before, after) {
		t.Errorf("names depend on the order: %v, then %v", before, after)
	}
	limiters, members = limiters[:3], members[:2]
	check()
}

func TestMemberShowsItsShareAndItsEnd(t *testing.T) {
	var m *fleet.Member
	var holding, gone map[string]*dto.MetricFamily
	var share int
	gather := func(t *testing.T) map[string]*dto.MetricFamily { return gathered(t, bulkprom.Member(m)) }
	synctest.Test(t, func(t *testing.T) {
		m = newMember(t, "mail", "smtp")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		share, holding = m.Status().Share, gather(t)
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		gone = gather(t)
	})
	checkValues(t, holding, map[string]map[string]float64{
		"bulkhead_fleet_budget_slots":   {"smtp mail": 10},
		"bulkhead_fleet_share_slots":    {"smtp mail": float64(share)},
		"bulkhead_fleet_draining_slots": {"smtp mail": 0},
		"bulkhead_fleet_losses_total":   {"smtp mail": 0},
		"bulkhead_fleet_failures_total": {"smtp mail": 0},
	})
	if left := values(holding["bulkhead_fleet_lease_seconds"])["smtp mail"]; share == 0 || left <= 0 || left > fleet.DefaultTTL.Seconds() {
		t.Errorf("a share of %d, %v s of the lease are left", share, left)
	}
	if n := values(holding["bulkhead_fleet_writes_total"])["smtp mail"]; n < 1 {
		t.Errorf("%v writes", n)
	}
	if v := states(holding); v["holding"] != 1 || v["gone"] != 0 {
		t.Errorf("after five minutes: %v", v)
	}
	if v := states(gone); v["holding"] != 0 || v["gone"] != 1 {
		t.Errorf("after Leave: %v", v)
	}
}

// gathered returns the metrics by name. It can be called in a bubble.
func gathered(t *testing.T, opts ...bulkprom.Option) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := newRegistry(bulkprom.New(opts...)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range all {
		families[f.GetName()] = f
	}
	return families
}

// The store is away for longer than the lease, and is then back.
func TestMemberShowsALostLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store badstore.Store
		m, err := fleet.Join(t.Context(), &store, "smtp", 10, bulk.Must(bulk.New("mail", 1)))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		check := func(state string, conflicts, losses float64) {
			t.Helper()
			synctest.Wait()
			families, s := gathered(t, bulkprom.Member(m)), m.Status()
			checkValues(t, families, map[string]map[string]float64{
				"bulkhead_fleet_share_slots":     {"smtp mail": 10},
				"bulkhead_fleet_lease_seconds":   {"smtp mail": s.Lease.Seconds()},
				"bulkhead_fleet_conflicts_total": {"smtp mail": conflicts},
				"bulkhead_fleet_failures_total":  {"smtp mail": float64(s.Failures)},
				"bulkhead_fleet_losses_total":    {"smtp mail": losses},
			})
			if v := states(families); v[state] != 1 || len(v) != 6 {
				t.Errorf("%v, want %s", v, state)
			}
			if lost, failed := s.Lease == 0, s.Failures > 0; lost != (state == "lost") || failed != (losses > 0) {
				t.Errorf("%v of the lease are left, with %d failures", s.Lease, s.Failures)
			}
		}
		check("holding", 1, 0)
		store.SetAway(true)
		time.Sleep(fleet.DefaultTTL)
		check("lost", 1, 1)
		store.SetAway(false)
		time.Sleep(fleet.DefaultRefresh)
		check("holding", 1, 1)
		if err := m.Leave(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// states returns the values of the states of the only member.
func states(families map[string]*dto.MetricFamily) map[string]float64 {
	result := map[string]float64{}
	for _, m := range families["bulkhead_fleet_state"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "state" {
				result[l.GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return result
}

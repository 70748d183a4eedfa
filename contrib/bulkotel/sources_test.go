package bulkotel_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
	"github.com/bulklink/bulklink-go/contrib/internal/badstore"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/sizing"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A limiter and a shadow are closed and made again, beside a member of a fleet.
func TestOtherSourcesThatAreMadeAgainStartNewSeries(t *testing.T) {
	reader := sdk.NewManualReader()
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
	b := bulk.Must(bulk.New("caf\xe9", 4))
	m, err := fleet.Join(t.Context(), new(fleet.Memory), "budget", 10, bulk.Must(bulk.New("mail", 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Leave(t.Context())
	var l *adaptive.Limiter
	var s *sizing.Shadow
	if _, err := bulkotel.Register(meter, bulkotel.Bulkhead(b), bulkotel.Member(m),
		bulkotel.Limiters(func() []*adaptive.Limiter { return []*adaptive.Limiter{l, l, nil} }),
		bulkotel.Shadows(func() map[string]*sizing.Shadow { return map[string]*sizing.Shadow{"8 \xff": s} })); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2 {
		if l, err = adaptive.New(b, 2, 50); err != nil {
			t.Fatal(err)
		}
		if s, err = sizing.NewShadow(b, bulk.Capacity{Parallelism: 8}); err != nil {
			t.Fatal(err)
		}
		if err := bulk.Do(t.Context(), b, nothing); err != nil {
			t.Fatal(err)
		}
		points := map[string]int64{}
		for _, metric := range collect(t, reader) {
			if data, ok := metric.Data.(metricdata.Sum[int64]); ok {
				for _, p := range data.DataPoints {
					points[metric.Name] += p.Value
					if metric.Name == "bulkhead.limiter.decision.made" || metric.Name == "bulkhead.shadow.operation.admitted" {
						seen[fmt.Sprint(metric.Name, p.Attributes.ToSlice())] = true
					}
				}
			}
		}
		if points["bulkhead.shadow.operation.admitted"] != 1 || points["bulkhead.fleet.status"] != 1 {
			t.Errorf("%v", points)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d series, want 4: %v", len(seen), seen)
	}
}

// The store is away for longer than the lease, and is then back.
func TestMemberShowsALostLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
		var store badstore.Store
		m, err := fleet.Join(t.Context(), &store, "smtp", 10, bulk.Must(bulk.New("mail", 1)), fleet.Name("pod-1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bulkotel.Register(meter, bulkotel.Member(m)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		check := func(state string, conflicts, losses uint64) {
			t.Helper()
			synctest.Wait()
			s := m.Status()
			attributes := "bulkhead.fleet.budget=smtp,bulkhead.fleet.member.id=" + s.ID + ",bulkhead.fleet.member.name=pod-1"
			got := lines(t, collect(t, reader))
			for _, want := range []string{
				fmt.Sprintf("bulkhead.fleet.slot.share updowncounter {slot} {%s,bulkhead.name=mail} 10\n", attributes),
				fmt.Sprintf("bulkhead.fleet.lease.remaining gauge s {%s,bulkhead.name=mail} %v\n", attributes, s.Lease.Seconds()),
				fmt.Sprintf("bulkhead.fleet.lease.lost counter {lease} {%s,bulkhead.name=mail} %d\n", attributes, losses),
				fmt.Sprintf("bulkhead.fleet.record.conflicts counter {write} {%s,bulkhead.name=mail} %d\n", attributes, conflicts),
				fmt.Sprintf("bulkhead.fleet.store.failures counter {request} {%s,bulkhead.name=mail} %d\n", attributes, s.Failures),
				fmt.Sprintf("bulkhead.fleet.status updowncounter 1 {%s,bulkhead.fleet.state=%s,bulkhead.name=mail} 1\n", attributes, state),
			} {
				if !slices.Contains(got, want) {
					t.Errorf("no %sin\n%s", want, got)
				}
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

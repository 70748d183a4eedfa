package bulkotel_test

import (
	"fmt"
	"testing"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkotel"
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

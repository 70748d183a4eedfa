package dashboard

import (
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/safetext"
	"github.com/bulklink/bulklink-go/sizing"
)

// Shadow returns a source that shows s with the real bulkhead: what became of the
// operations since this call with the capacity of the shadow, beside the real one. Slots
// in use are those of now. It takes a Status of s for each sample, and one of s and of the
// real bulkhead in this call. A nil s panics.
func Shadow(s *sizing.Shadow) Source {
	if s == nil {
		panic("dashboard: Shadow: nil shadow")
	}
	b := s.Bulkhead()
	otherStart, realStart := s.Status(), b.Status()
	return &panelSource{"shadow of " + safetext.Printable(b.Label()), b, func() panel {
		other, now := s.Status(), b.Status()
		o, r := totalsSince(other, otherStart), totalsSince(now, realStart)
		o50, o99 := quantiles(o)
		r50, r99 := quantiles(r)
		return panel{
			Title: "Shadow with " + other.Capacity.String(),
			Figures: []figure{
				{"Rejected", beside(formatCount(o.Rejected()), formatCount(r.Rejected()))},
				{"Of these expired", beside(formatCount(o.Expired), formatCount(r.Expired))},
				{"Wait p50", beside(formatDuration(o50), formatDuration(r50))},
				{"Wait p99", beside(formatDuration(o99), formatDuration(r99))},
				{"Slots in use", beside(formatPercent(other.Utilization()), formatPercent(now.Utilization()))},
				{"Holds drawn", formatCount(s.Accuracy().Drawn)},
				{"Behind by", formatDuration(now.At.Sub(other.At).Truncate(time.Millisecond))},
			},
		}
	}, owner{}}
}

// beside puts the figure of a shadow beside that of the real bulkhead.
func beside(shadow, real string) string { return shadow + " (real " + real + ")" }

// totalsSince returns what was counted between two statuses of the same bulkhead.
func totalsSince(now, start bulk.Status) bulk.Totals {
	i, err := now.Since(start)
	if err != nil {
		return now.Totals // the start is always the earlier one
	}
	return i.Totals
}

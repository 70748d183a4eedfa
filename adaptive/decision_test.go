package adaptive_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/simdep"
)

// The figures of a decision are those that it rests on, so they never contradict its
// reason: see lowQueue and highQueue.
func TestFiguresOfADecisionAgreeWithItsReason(t *testing.T) {
	skipIfShort(t)
	each(t, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			b := bulk.Must(bulk.New("dependency", 20))
			reasons := map[adaptive.Reason]int{}
			var l *adaptive.Limiter
			l = mustLimit(t, b, lowest, highest, adaptive.OnDecision(func(d adaptive.Decision) {
				reasons[d.Reason]++
				switch {
				case d.Reason == adaptive.Growing && l.Status().Confirmed && d.Queue >= max(0.5, 0.05*d.Load):
					t.Errorf("it queues: %v", d)
				case d.Reason == adaptive.Queueing && d.Queue <= max(1.25, 0.13*d.Load):
					t.Errorf("it does not queue: %v", d)
				case d.Reason == adaptive.Settled && d.Queue < max(0.5, 0.05*d.Load) || d.Reason == adaptive.Settled && d.Changed():
					t.Errorf("it can grow: %v", d)
				case d.Reason == adaptive.Trying && d.To <= d.From:
					t.Errorf("it tries nothing: %v", d)
				}
			}))
			load := simdep.Load{Rate: simdep.Steady(twice(capacity)), Duration: 5 * time.Minute, Seed: seed}
			simdep.Run(steady(simdep.Dependency{Service: simdep.Exponential(service)}), load, ours{b, l})
			for _, r := range []adaptive.Reason{adaptive.Growing, adaptive.Settled, adaptive.Queueing, adaptive.Trying} {
				if reasons[r] == 0 {
					t.Errorf("no decision is %v: %v", r, reasons)
				}
			}
		})
	})
}

package benchmarks

import (
	"context"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// BenchmarkExpiry measures waits that end at their limit, because the slot is never
// released. 2,048 concurrent waiters keep the processors busy: there cpu-ns/op is the
// cost of one wait. 64 waiters do not: there late-p50-ns and late-p99-ns say how much
// longer than the limit they waited.
func BenchmarkExpiry(b *testing.B) {
	const limit = time.Millisecond
	for _, waiters := range []int{64, 2048} {
		b.Run("waiters="+itoa(waiters), func(b *testing.B) {
			setup := peers.Setup{Slots: 1, Room: waiters, Wait: limit}
			with(b, peers.Limits|peers.TimesOut, as(setup), func(b *testing.B, p peers.Peer) {
				release := hold(p)
				defer release()
				late := newSamples(waiters, b.N/waiters+1)
				cpu := together(b, waiters,
					func(ctx context.Context, _ int) { p.Times(ctx, 1, one) },
					func(ctx context.Context, g, n int) {
						for range n {
							began := time.Now()
							_, _ = p.Run(ctx, one)
							late.note(g, time.Since(began)-limit)
						}
					})
				if cpu > 0 { // known on this system
					b.ReportMetric(cpu/float64(b.N), "cpu-ns/op")
				}
				late.report(b, "late-", "p50", "p99")
			})
		})
	}
}

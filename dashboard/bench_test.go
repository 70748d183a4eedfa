package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// discard is a live page that reads everything.
type discard struct {
	header http.Header
	bytes  *atomic.Int64
}

func (d discard) Header() http.Header { return d.header }
func (d discard) WriteHeader(int)     {}
func (d discard) Flush()              {}
func (d discard) Write(p []byte) (int, error) {
	d.bytes.Add(int64(len(p)))
	return len(p), nil
}

// BenchmarkSample measures one sample of 1,000 bulkheads for ten viewers. At one sample a
// second, 20 ms for each are 2 % of one core. In the busy ones every bulkhead has had
// waits and rejections since the last sample. It also measures the size of a message.
func BenchmarkSample(b *testing.B) {
	for _, busy := range []int{0, 100, 1000} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			reg := registry.New()
			var all []*bulk.Bulkhead
			for i := range 1000 {
				m, err := reg.Create(fmt.Sprintf("bulkhead-%d", i), 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Second))
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, m)
			}
			h := Handler(reg).(*dashboard)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var sent atomic.Int64
			for range 10 {
				r, _ := http.NewRequestWithContext(ctx, "GET", "/events", nil)
				go h.ServeHTTP(discard{http.Header{}, &sent}, r)
			}
			work := func() {
				for _, m := range all[:busy] {
					slot, _ := m.TryAcquire()
					m.TryAcquire()
					done := make(chan struct{})
					go func() {
						if waited, err := m.Acquire(ctx); err == nil {
							waited.Release()
						}
						close(done)
					}()
					for m.Status().Waiting == 0 {
						time.Sleep(time.Microsecond)
					}
					slot.Release()
					<-done
				}
			}
			for range 3 {
				work()
				h.sampler.sample()
			}
			b.ReportAllocs()
			before := sent.Load()
			for b.Loop() {
				b.StopTimer()
				work()
				b.StartTimer()
				h.sampler.sample()
			}
			b.ReportMetric(float64(sent.Load()-before)/10/float64(b.N), "B/message")
		})
	}
}

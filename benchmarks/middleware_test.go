package benchmarks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/go-chi/chi/v5/middleware"
)

// discard is a ResponseWriter that costs nothing, so that only the middleware is measured.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkMiddleware measures what a middleware adds to a request that is admitted
// without a wait. peer=none is the handler alone. crowd=yes serves requests on all
// processors; no request is rejected.
func BenchmarkMiddleware(b *testing.B) {
	const slots, room = 1000, 1000
	answer := make([]byte, 5000)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	reports := func() *bulk.Bulkhead { return bulk.Must(bulk.New("reports", slots, bulk.WaitingRoom(room))) }
	for _, peer := range []struct {
		name string
		h    http.Handler
	}{
		{"none", handler},
		{"bulklink", bulkhttp.Middleware(reports())(handler)},
		{"bulklink-buffered", bulkhttp.Middleware(reports(), bulkhttp.Buffered(1<<16))(handler)},
		{"chi", middleware.ThrottleBacklog(slots, room, 0)(handler)},
		{"failsafe", failsafehttp.NewHandler(handler, bulkhead.New[*http.Response](slots))},
	} {
		serve := func(b *testing.B, next func() bool) {
			w, r := discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/", nil)
			for next() {
				peer.h.ServeHTTP(w, r)
			}
			if len(w.header) > 0 {
				b.Error("a request was rejected")
			}
		}
		b.Run("crowd=no/peer="+peer.name, func(b *testing.B) {
			b.ReportAllocs()
			serve(b, b.Loop)
		})
		b.Run("crowd=yes/peer="+peer.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) { serve(b, pb.Next) })
		})
	}
}

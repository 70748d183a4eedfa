package moving

import (
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

var throttle = middleware.ThrottleBacklog(10, 50, time.Second)

func routesWithThrottle() http.Handler {
	r := chi.NewRouter()
	r.With(throttle).Get("/thumbnail", thumbnail)
	return r
}

var thumbnails = bulk.Must(bulk.New("thumbnails", 10,
	bulk.WaitingRoom(50), bulk.WaitLimit(time.Second)))

func routes() http.Handler {
	r := chi.NewRouter()
	r.With(bulkhttp.Middleware(thumbnails)).Get("/thumbnail", thumbnail)
	return r
}

var throttleWithOpts = middleware.ThrottleWithOpts(middleware.ThrottleOpts{
	Limit:        10,
	StatusCode:   http.StatusTooManyRequests,
	RetryAfterFn: func(ctxDone bool) time.Duration { return 5 * time.Second },
})

var limitThumbnails = bulkhttp.Middleware(thumbnails,
	bulkhttp.RetryAfter(4*time.Second, 6*time.Second),
	bulkhttp.OnReject(func(w http.ResponseWriter, r *http.Request, err error) {
		http.Error(w, "busy", http.StatusTooManyRequests)
	}))

// thumbnail stands for an expensive handler.
func thumbnail(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("thumbnail")) }

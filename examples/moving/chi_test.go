package moving

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/go-chi/chi/v5/middleware"
)

// answerOf returns the answer to a GET of /thumbnail.
func answerOf(ctx context.Context, h http.Handler) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/thumbnail", nil))
	return w.Result()
}

func TestThrottleAndMiddlewareServe(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"chi": routesWithThrottle(), "Bulklink": routes(),
		"chi with options":      throttleWithOpts(http.HandlerFunc(thumbnail)),
		"Bulklink with options": limitThumbnails(http.HandlerFunc(thumbnail)),
	} {
		if resp := answerOf(t.Context(), h); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

func TestAnswersOfAFullThrottleAndAFullMiddleware(t *testing.T) {
	full := make(chan struct{})
	defer close(full)
	running := make(chan struct{})
	busy := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		running <- struct{}{}
		<-full
	})
	for _, tt := range []struct {
		name       string
		h          http.Handler
		status     int
		retryAfter bool
	}{
		{"chi", middleware.Throttle(1)(busy), http.StatusTooManyRequests, false},
		{"Bulklink", bulkhttp.Middleware(bulk.Must(bulk.New("thumbnails", 1)))(busy), http.StatusServiceUnavailable, true},
	} {
		go tt.h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/thumbnail", nil))
		<-running
		resp := answerOf(t.Context(), tt.h)
		if got := resp.Header.Get("Retry-After"); resp.StatusCode != tt.status || (got != "") != tt.retryAfter {
			t.Errorf("%s: %s, Retry-After %q", tt.name, resp.Status, got)
		}
	}
}

func TestStatusOfAClientThatLeftTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := make(chan struct{})
		busy := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-full })
		for want, h := range map[int]http.Handler{
			429: middleware.ThrottleBacklog(1, 1, time.Hour)(busy),
			499: bulkhttp.Middleware(bulk.Must(bulk.New("thumbnails", 1, bulk.WaitingRoom(1))))(busy),
		} {
			go answerOf(t.Context(), h)
			synctest.Wait()
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				synctest.Wait()
				leave()
			}()
			if resp := answerOf(ctx, h); resp.StatusCode != want {
				t.Errorf("%d, want %d", resp.StatusCode, want)
			}
		}
		close(full)
	})
}

func TestARequestWhoseClientHasLeft(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	served := func(middleware func(http.Handler) http.Handler) (n int) {
		h := middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n++ }))
		for range 500 {
			answerOf(left, h)
		}
		return n
	}
	if n := served(middleware.Throttle(1)); n == 0 || n == 500 {
		t.Errorf("chi serves %d of 500; the page says that it is random", n)
	}
	if n := served(bulkhttp.Middleware(bulk.Must(bulk.New("thumbnails", 1)))); n != 0 {
		t.Errorf("Bulklink serves %d of 500", n)
	}
}

// stalled is the answer to a client that does not read.
type stalled struct {
	http.ResponseWriter
	writing, broken chan struct{}
}

func (s stalled) Write([]byte) (int, error) {
	close(s.writing)
	<-s.broken
	return 0, http.ErrHandlerTimeout
}

func TestAClientThatDoesNotRead(t *testing.T) {
	for _, tt := range []struct {
		name       string
		middleware func(http.Handler) http.Handler
		status     int // of the next request
	}{
		{"chi", middleware.Throttle(1), http.StatusTooManyRequests},
		{"Bulklink", bulkhttp.Middleware(bulk.Must(bulk.New("thumbnails", 1))), http.StatusServiceUnavailable},
		{"Bulklink, buffered", bulkhttp.Middleware(bulk.Must(bulk.New("thumbnails", 1)), bulkhttp.Buffered(1<<20)), http.StatusOK},
	} {
		h := tt.middleware(http.HandlerFunc(thumbnail))
		w := stalled{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/thumbnail", nil))
		}()
		<-w.writing
		if resp := answerOf(t.Context(), h); resp.StatusCode != tt.status {
			t.Errorf("%s: %s", tt.name, resp.Status)
		}
		close(w.broken)
		<-ended
	}
}

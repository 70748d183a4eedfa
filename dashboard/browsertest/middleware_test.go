package browsertest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
)

// unflushable is the ResponseWriter of a middleware without Flush and Unwrap.
type unflushable struct{ w http.ResponseWriter }

func (u unflushable) Header() http.Header         { return u.w.Header() }
func (u unflushable) WriteHeader(status int)      { u.w.WriteHeader(status) }
func (u unflushable) Write(p []byte) (int, error) { return u.w.Write(p) }

func TestPageBehindAMiddlewareWithoutFlushSaysThatItIsNotLive(t *testing.T) {
	h := dashboard.Handler(bulk.Must(bulk.New("payments", 2)))
	var connections atomic.Int64
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "events") {
			connections.Add(1)
		}
		h.ServeHTTP(unflushable{w}, r)
	}))
	tab := newTab(t, 1024, false)
	tab.open(s.at(""))
	tab.wait(`document.querySelector("#live-text").textContent.startsWith("Not live: a middleware")`)
	tab.wait(`performance.now() > 6000`) // a page that connects again does so after three seconds
	if n := connections.Load(); n != 1 {
		t.Errorf("connected %d times", n)
	}
	if state := eval[string](tab, `document.querySelector("#live").dataset.state + ": " + document.querySelector("#live").textContent`); !strings.HasPrefix(state, "lost: Not live: a middleware of the server has no Flush. Snapshot") {
		t.Errorf("state %s", state)
	}
}

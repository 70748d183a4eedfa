package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
)

// With the race detector.
func TestChangesAndPagesCanBeServedConcurrently(t *testing.T) {
	b := bulk.Must(bulk.New("x", 10))
	h := dashboard.New(dashboard.Show(b), dashboard.AllowChanges(func(*http.Request) bool { return true }))
	form := url.Values{"id": {strconv.FormatUint(b.Status().ID, 10)}, "was": {`{"parallelism":10}`}, "step": {"review"},
		"parallelism": {"11"}, "waiting_room": {"0"}}.Encode()
	var g sync.WaitGroup
	for range 2 {
		g.Go(func() {
			for range 300 {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodPost, "/change", strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}
		})
		g.Go(func() {
			for range 300 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?format=json", nil))
			}
		})
	}
	g.Wait()
}

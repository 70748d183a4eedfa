package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// FuzzRequest sends everything that a request brings. The handler must not panic, must
// answer with the headers of security and in UTF-8, and must change nothing without
// authorization.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/", "id=1", "text/html", "", "", "")
	f.Add("GET", "", "q=x", "*/*", "", "", "")
	f.Add("POST", "/change", "", "text/html", "id=1&step=apply&was=%7B%22parallelism%22:2%7D&parallelism=3&waiting_room=0", "same-origin", "")
	f.Add("POST", "/change", "", "", "id=1&step=review&parallelism=%ff", "cross-site", "https://evil.example")
	f.Add("HEAD", "/debug//x/../style.css", "%zz", "application/json;q=9", "", "", "null")
	f.Fuzz(func(t *testing.T, method, path, query, accept, body, site, origin string) {
		if strings.HasSuffix(path, "events") {
			t.Skip("a live page does not end")
		}
		b := bulk.Must(bulk.New("payments", 2))
		k, _ := registry.NewKeyed[string]("tenants", 2, 10)
		allowed := dashboard.New(dashboard.Show(b, k), dashboard.AllowChanges(func(*http.Request) bool { return true }))
		denied := dashboard.New(dashboard.Show(b, k), dashboard.AllowChanges(func(*http.Request) bool { return false }))
		before := b.Capacity()
		for _, h := range []http.Handler{denied, dashboard.Handler(b, k), allowed} {
			r := (&http.Request{
				Method: method, URL: &url.URL{Path: path, RawQuery: query}, RequestURI: path, Host: "localhost",
				Header: http.Header{"Accept": {accept}, "Sec-Fetch-Site": {site}, "Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}},
				Body:   http.NoBody,
			}).WithContext(t.Context())
			if body != "" {
				r.Body = readCloser{strings.NewReader(body)}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if h != allowed && b.Capacity() != before {
				t.Fatal("changed without authorization")
			}
			if w.Header().Get("Content-Security-Policy") == "" || w.Code < 200 || w.Code > 499 {
				t.Fatalf("status %d, headers %v", w.Code, w.Header())
			}
			if !utf8.ValidString(w.Body.String()) {
				t.Fatalf("not UTF-8: %q", w.Body)
			}
			if l := w.Header().Get("Location"); l != "" && !strings.HasPrefix(l, "./") {
				t.Fatalf("redirect to %q", l)
			}
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

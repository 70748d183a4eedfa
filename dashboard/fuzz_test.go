package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// FuzzRequest sends everything that a request brings. The handler must not panic, must
// answer with the headers of security and in UTF-8, and must change nothing without
// authorization. In the query and the body, ID stands for the number of the bulkhead.
func FuzzRequest(f *testing.F) {
	const was = "&was=%7B%22parallelism%22:2,%22waiting_room%22:0%7D"
	f.Add("GET", "/", "id=ID", "text/html", "", "", "")
	f.Add("GET", "", "q=x", "*/*", "", "", "")
	f.Add("GET", "/events", "id=ID", "", "", "", "")
	f.Add("HEAD", "/events", "", "", "", "", "")
	f.Add("GET", "/history", "id=ID&id=x&id=ID", "", "", "", "")
	f.Add("POST", "/change", "", "text/html", "id=ID&step=apply"+was+"&parallelism=3&waiting_room=0", "same-origin", "")
	f.Add("POST", "/change", "", "", "id=ID&step=apply"+was+"&parallelism=unlimited&waiting_room=2&wait_limit=1s&delay_target=5ms&delay_interval=100ms", "", "")
	f.Add("POST", "/change", "", "", "id=ID&step=apply&was=%7B%22parallelism%22:9%7D&parallelism=3&waiting_room=0", "", "")
	f.Add("POST", "/change", "", "", "id=ID&step=review"+was+"&parallelism=1&waiting_room=7", "", "")
	f.Add("POST", "/change", "", "", "id=ID&step=pause"+was, "", "")
	f.Add("POST", "/change", "", "", "id=ID&step=resume"+was+"&parallelism=0&waiting_room=0", "", "")
	f.Add("POST", "/change", "", "", "id=ID&step=review&parallelism=%ff", "cross-site", "https://evil.example")
	f.Add("POST", "/change", "", "", "id=ID&instance=x&step=pause"+was, "", "")
	f.Add("HEAD", "/debug//x/../style.css", "%zz", "application/json;q=9", "", "", "null")
	f.Fuzz(func(t *testing.T, method, path, query, accept, body, site, origin string) {
		b := bulk.Must(bulk.New("payments", 2))
		k, _ := registry.NewKeyed[string]("tenants", 2, 10)
		allowed := dashboard.New(dashboard.Show(b, k), dashboard.AllowChanges(func(*http.Request) bool { return true }))
		denied := dashboard.New(dashboard.Show(b, k), dashboard.AllowChanges(func(*http.Request) bool { return false }))
		id := strconv.FormatUint(b.Status().ID, 10)
		query, body = strings.ReplaceAll(query, "ID", id), strings.ReplaceAll(body, "ID", id)
		ctx := t.Context()
		if strings.HasSuffix(path, "events") { // a live page ends when its client leaves
			left, leave := context.WithCancel(ctx)
			leave()
			ctx = left
		}
		before := b.Capacity()
		for _, h := range []http.Handler{denied, dashboard.Handler(b, k), allowed} {
			r := (&http.Request{
				Method: method, URL: &url.URL{Path: path, RawQuery: query}, RequestURI: path, Host: "localhost",
				Header: http.Header{"Accept": {accept}, "Sec-Fetch-Site": {site}, "Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}},
				Body:   http.NoBody,
			}).WithContext(ctx)
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

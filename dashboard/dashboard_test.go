package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
)

// get returns the answer to a request for the path, with pairs of header names and values.
func get(t testing.TB, h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), "GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPageShowsBulkheadsOfAllSources(t *testing.T) {
	reg := registry.New()
	if _, err := reg.Create("payments", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.CreateKeyed[string](reg, "tenants", 2, 100); err != nil {
		t.Fatal(err)
	}
	h := dashboard.Handler(reg, bulk.Must(bulk.New("search", 4)))
	for _, format := range []string{"html", "text", "json"} {
		w := get(t, h, "/?format="+format)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", format, w.Code, w.Body)
		}
		for _, label := range []string{"payments", "tenants", "search"} {
			if !strings.Contains(w.Body.String(), label) {
				t.Errorf("%s has no %s:\n%s", format, label, w.Body)
			}
		}
	}
}

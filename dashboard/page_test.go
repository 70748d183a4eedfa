package dashboard

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

func TestOnlyTheFirstRowsHaveTheirChartInThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		var all []*bulk.Bulkhead
		for i := range 150 {
			b, err := reg.Create(fmt.Sprintf("dependency-%03d", i), 3)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
		h := Handler(reg)
		_, leave := open(t, h, "/events")
		defer leave()
		for second := range historySeconds + 5 { // fills the charts
			for i, b := range all {
				for range 1 + (second+i)%7 {
					slot, _ := b.TryAcquire()
					slot.Release()
				}
			}
			pass(time.Second)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/?format=html", nil))
		html := w.Body.String()
		charts := 0
		for row := range strings.SplitSeq(html, "<tr data-id=") {
			if len(row) > 3000 {
				charts++
			}
		}
		if charts < maxSparks || charts > maxSparks+2 {
			t.Errorf("%d rows with a chart, want %d", charts, maxSparks)
		}
		if kB := w.Body.Len() / 1000; kB > 500 {
			t.Errorf("the list has %d kB", kB)
		}
	})
}

// The axis of a chart says when it begins, which the label cannot follow.
func TestLabelOfAChartDoesNotContradictItsAxis(t *testing.T) {
	w := httptest.NewRecorder()
	b := bulk.Must(bulk.New("payments", 3))
	Handler(b).ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/?format=html&id=%d", b.Status().ID), nil))
	html := w.Body.String()
	if !strings.Contains(html, "<span data-since>1 min ago</span><span>now</span>") || !strings.Contains(html, `aria-label="Arrivals and rejections per second, until now"`) {
		t.Errorf("no chart of a minute in %s", html)
	}
	if strings.Contains(html, "five minutes") {
		t.Errorf("a chart of a minute is one of five minutes in %s", html)
	}
}

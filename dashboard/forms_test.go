package dashboard

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestTextBeginsWithTheCountsOfItsReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, other := bulk.Must(bulk.New("full", 1)), bulk.Must(bulk.New("other", 1))
		h := Handler(full, other)
		_, leave := open(t, h, "/events")
		defer leave()
		text := func(target string) string {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			return w.Body.String()
		}
		slot, _ := full.TryAcquire()
		pass(5 * time.Second)
		if got := text("/"); !strings.HasPrefix(got, "2 bulkheads: 1 warning, 1 ok at ") {
			t.Errorf("got %s", got)
		}
		if got := text("/?q=other"); !strings.HasPrefix(got, "1 bulkhead: 1 ok at ") {
			t.Errorf("of a search: %s", got)
		}
		slot.Release()
		pass(2 * time.Second) // the page still shows the finding
		got := text("/")
		if !strings.HasPrefix(got, "2 bulkheads: 2 ok at ") || strings.Contains(got, "warning") {
			t.Errorf("got %s", got)
		}
		otherSlot, _ := other.TryAcquire()
		defer otherSlot.Release()
		pass(time.Second)
		if got := text("/"); strings.Index(got, `"other": warning`) > strings.Index(got, `"full": ok`) {
			t.Errorf("the worst is not the first: %s", got)
		}
	})
}
